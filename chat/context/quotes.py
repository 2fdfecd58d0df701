"""Decides how the model is shown recalled turns and memories: quoted, with who spoke and when.

Each message is one line, so that the model reads it as a quotation and never as an instruction.
"""

from dataclasses import dataclass

from chat.context.budget import TEMPLATE_TOKENS
from chat.context.markers import break_up
from chat.core.messages import Found, FoundMemory, Placed, Role, Turn
from chat.core.tokens import Vocabulary, estimate_tokens

AROUND_TOKENS = 3
"""Two quotation marks and a line break."""
MAX_QUOTED_CHARACTERS = 600
"""Of a longer message, only the beginning is quoted: this many characters."""
SPEAKERS: dict[Role, str] = {
    "user": "you",
    "assistant": "the assistant",
    "tool": "a tool",
    "system": "a note",
}
AGES = (
    (365 * 86_400, "year"),
    (30 * 86_400, "month"),
    (7 * 86_400, "week"),
    (86_400, "day"),
    (3600, "hour"),
    (60, "minute"),
    (1, "second"),
)


@dataclass(frozen=True)
class Quote:
    """A recalled turn as the model is shown it; `tokens` is the most that the quote takes."""

    found: Found
    age_s: int
    text: str
    tokens: int


@dataclass(frozen=True)
class MemoryQuote:
    """A recalled memory as the model is shown it; `tokens` is the most that the quote takes."""

    found: FoundMemory
    age_s: int
    text: str
    tokens: int


def least_quote_tokens(turn: Turn) -> int:
    """Return the least tokens that the quote of a turn takes, without making the quote.

    It tells early which turns cannot fit: making a quote only to leave it out would take longer.
    """
    return 0 if _is_estimated(turn) else turn.tokens - TEMPLATE_TOKENS


def _is_estimated(turn: Turn) -> bool:
    """Whether a quote's bound is estimated from its own text.

    The turn's bound says nothing of a quote that is cut; and if no model has counted the turn, its
    bound may have been made when less was known of the model.
    """
    is_cut = any(len(message.text) > MAX_QUOTED_CHARACTERS for message in turn.shown())
    return is_cut or not turn.reply_tokens


def make_quote(found: Found, now: float, vocabulary: Vocabulary) -> Quote:
    """Quote a turn; the quote's bound is the turn's, less the template, plus what quoting adds.

    Without a count of a model's, it is estimated.
    """
    text, turn = quote(found.turn, now), found.turn
    if _is_estimated(turn):
        tokens = estimate_tokens(break_up(text), vocabulary)
        return Quote(found, age_s(turn.at, now), text, tokens)
    tokens = turn.tokens - TEMPLATE_TOKENS
    for placed in turn.placed():
        tokens += estimate_tokens(_lead(placed, now), vocabulary) + AROUND_TOKENS
        tokens += _behind_a_mark_tokens(placed.message.text, vocabulary)
    return Quote(found, age_s(turn.at, now), text, tokens)


def _behind_a_mark_tokens(content: str, vocabulary: Vocabulary) -> int:
    """Return how many more tokens a text's first word may take behind `"` than behind a space."""
    word = content.split(maxsplit=1)[0] if content.strip() else ""
    marked_tokens = estimate_tokens(f'"{word}', vocabulary) - 1
    return max(0, marked_tokens - estimate_tokens(word, vocabulary))


def quote(turn: Turn, now: float) -> str:
    """Quote a turn: a line for each message, with its age and its speaker."""
    return "\n".join(_quote_message(placed, now) for placed in turn.placed())


def _quote_message(placed: Placed, now: float) -> str:
    return f'{_lead(placed, now)} "{one_line(placed.message.text, MAX_QUOTED_CHARACTERS)}"'


def _lead(placed: Placed, now: float) -> str:
    return f"{age_words(now - placed.created_at)}, {SPEAKERS[placed.message.role]} said:"


def make_memory_quote(
    found: FoundMemory, template: str, max_characters: int, now: float, vocabulary: Vocabulary
) -> MemoryQuote:
    """Quote a memory in `template`, where `{age}`, `{speaker}` and `{memory}` are filled in."""
    memory = found.memory
    words = {
        "{age}": age_words(now - memory.at),
        "{speaker}": SPEAKERS[memory.role],
        "{memory}": one_line(memory.content, max_characters),
    }
    text = fill_in(template, words)
    tokens = estimate_tokens(break_up(text), vocabulary) + AROUND_TOKENS
    return MemoryQuote(found, age_s(memory.at, now), text, tokens)


def fill_in(template: str, words: dict[str, str]) -> str:
    """Replace each name of `words` in `template`; a name within a replacement stays as it is."""
    for name, word in words.items():
        if name in template:
            before, _, after = template.partition(name)
            return fill_in(before, words) + word + fill_in(after, words)
    return template


def one_line(text: str, max_characters: int) -> str:
    """Return a text as one line that can stand between quotation marks."""
    said = " ".join(text.split()).replace('"', "'")
    return said[:max_characters] + "…" if len(said) > max_characters else said


def age_s(at: float, now: float) -> int:
    """Return how many whole seconds before `now` the time `at` was; 0 for one in the future."""
    return max(0, int(now - at))


def age_words(age_s: float) -> str:
    """Return an age in words, in the largest unit of which it has at least one."""
    for unit_s, name in AGES:
        count = int(age_s // unit_s)
        if count >= 1:
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"
