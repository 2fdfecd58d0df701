"""Decides which evicted turns come back, and how the model is shown them.

Turns are found by their words: BM25 over terms without stop words and endings. What is recalled
is quoted, each message in one line with who said it and when, so that it reads as what was said
and never as an instruction.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chat.context import TEMPLATE_TOKENS, Fit, fit_context
from chat.messages import Conversation, Found, Message, Turn
from chat.prompt import break_up
from chat.stop_words import STOP_WORDS
from chat.tokens import Vocabulary, estimate_tokens

WORD = re.compile(r"[^\W_]+")
UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
"""Scripts that do not set words apart, or not by meaning: their terms are pairs of characters."""
LONGEST_TERM = 40
MOST_PROMPT_TERMS = 64
"""Terms of a prompt that are searched for."""
AROUND_TOKENS = 3
"""Two quotation marks and a line break."""
MOST_QUOTED_CHARACTERS = 600
"""A longer message is quoted from its beginning."""
HEADER = "Earlier in this conversation:"
SPEAKERS = {"user": "you", "assistant": "the assistant", "tool": "a tool", "system": "a note"}
RECALL_SHARE = 4
LEAST_SHARE = 0.4
"""A turn with less of the best one's score is not worth its tokens; what it has as a neighbour only
is less.
"""
AGES = (
    (365 * 86_400, "year"),
    (30 * 86_400, "month"),
    (7 * 86_400, "week"),
    (86_400, "day"),
    (3600, "hour"),
    (60, "minute"),
    (1, "second"),
)


def terms_of(text: str) -> list[str]:
    """Give the terms that a text is found by, in order, repetitions included."""
    return [term for word in WORD.findall(text.lower()) for term in _terms_of_word(word)]


def _terms_of_word(word: str) -> Iterator[str]:
    if word in STOP_WORDS:
        return
    for part in UNSPACED.findall(word):
        yield from (part[n : n + 2] for n in range(max(1, len(part) - 1)))
    rest = UNSPACED.sub("", word)
    if rest:
        yield stem(rest)[:LONGEST_TERM]


def stem(word: str) -> str:
    """Take a plural's, a verb's and an adverb's ending off an English word.

    Source: after M. F. Porter, An algorithm for suffix stripping (1980), its first step.
    """
    if word[-1] not in LAST_OF_ENDINGS:
        return word
    word = _without(word, PLURALS)
    shorter = _without(word, VERBS)
    if shorter != word and VOWEL.search(shorter):
        word = DOUBLED.sub(r"\1", shorter)
    if len(word) >= SHORTEST_WITH_ENDING:
        word = FINAL_Y.sub("i", word.removesuffix("e"))
    return word


def _without(word: str, endings: Sequence[tuple[str, str]]) -> str:
    """Replace the first ending that leaves enough of a word."""
    for ending, instead in endings:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            return word.removesuffix(ending) + instead
    return word


SHORTEST_STEM = 2
SHORTEST_WITH_ENDING = 4
PLURALS = (("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("us", "us"), ("s", ""))
VERBS = (("ied", "i"), ("ingly", ""), ("edly", ""), ("ing", ""), ("ed", ""), ("ly", ""))
LAST_OF_ENDINGS = "sdgye"
VOWEL = re.compile(r"[aeiouy]")
DOUBLED = re.compile(r"([bdfgmnprt])\1$")
FINAL_Y = re.compile(r"(?<=[^aeiou])y$")


def prompt_terms(prompt: str) -> list[str]:
    """Give the different terms of a prompt, the first ones of a long one."""
    return list(dict.fromkeys(terms_of(prompt)))[:MOST_PROMPT_TERMS]


def turn_terms(turn: Turn) -> Mapping[str, int]:
    """Count the terms of a turn's messages."""
    return Counter(term for message in turn.shown() for term in terms_of(message.content))


@dataclass(frozen=True)
class Quote:
    """A turn that is recalled, as the model is shown it; `tokens` is the most that it takes."""

    found: Found
    age_s: int
    text: str
    tokens: int


def fit_with_recall(
    conversation: Conversation,
    prompt: str,
    *,
    context_length: int,
    max_reply_tokens: int,
    recall_tokens: int,
    now: float,
) -> tuple[Fit, list[Quote]]:
    """Fit the newest turns, and beside them what is worth recalling of those that left.

    Units:  up to `recall_tokens`, and one in `RECALL_SHARE` tokens of the room for turns, are
            recalled; `now` is seconds since 1970.
    Errors: PromptTooLong if the prompt does not fit with no turn at all.
    """

    def fit_beside(recalled_tokens: int) -> Fit:
        return fit_context(
            conversation,
            prompt,
            context_length=context_length,
            max_reply_tokens=max_reply_tokens,
            recalled_tokens=recalled_tokens,
        )

    fit = fit_beside(0)
    new_tokens = fit.prompt_tokens - fit.window_tokens + conversation.context_tokens
    free_tokens = context_length - max_reply_tokens - new_tokens
    most_tokens = min(recall_tokens, free_tokens // RECALL_SHARE)
    if most_tokens <= 0 or not (fit.evicted or conversation.found):
        return fit, []
    candidates = choose_recalled(conversation, fit_beside(most_tokens).evicted, prompt)
    quotes = fit_quotes(candidates, most_tokens, now, conversation.vocabulary)
    if not quotes:
        return fit, []
    tokens = sum(quoted.tokens for quoted in quotes)
    fit = fit_beside(header_tokens(conversation.vocabulary) + tokens)
    kept = {turn.number for turn in fit.kept}
    return fit, [quoted for quoted in quotes if quoted.found.turn.number not in kept]


def choose_recalled(
    conversation: Conversation, evicted: Sequence[Turn], prompt: str
) -> Iterator[Found]:
    """Give what may be recalled, the best first; nothing twice, and nothing that is still shown.

    Shapes: `evicted` are the turns that leave the window for this very prompt: no search has found
            them yet.
    """
    wanted = prompt_terms(prompt)
    leaving = [turn for turn in reversed(evicted) if _is_about(turn, wanted)]
    kept = conversation.turns[len(evicted) :]
    shown = {_said(turn) for turn in kept}
    best = conversation.found[0].score if conversation.found else 0.0
    strong = [found for found in conversation.found if found.score >= best * LEAST_SHARE]
    for found in [*(Found(turn, best) for turn in leaving), *strong]:
        said = _said(found.turn)
        if said not in shown:
            shown.add(said)
            yield found


def _said(turn: Turn) -> tuple[str, ...]:
    return tuple([message.content for message in turn.messages if message])


def _is_about(turn: Turn, wanted: Sequence[str]) -> bool:
    """Say whether a turn has one of the terms; most texts that do not have it show so at once."""
    text = "\n".join(message.content for message in turn.shown()).lower()
    likely = {term for term in wanted if term.rstrip("i") in text}
    return bool(likely) and not likely.isdisjoint(terms_of(text))


def make_quote(found: Found, now: float, vocabulary: Vocabulary) -> Quote:
    """Quote a turn; its own bound holds for the quote too, less the template around its prompt."""
    text, turn = quote(found.turn, now), found.turn
    leads = [_lead(message, turn.at, now) for message in turn.shown()]
    tokens = turn.tokens - TEMPLATE_TOKENS
    tokens += sum(estimate_tokens(lead, vocabulary) + AROUND_TOKENS for lead in leads)
    if any(len(message.content) > MOST_QUOTED_CHARACTERS for message in turn.shown()):
        tokens = min(tokens, estimate_tokens(break_up(text), vocabulary))
    return Quote(found, max(0, int(now - turn.at)), text, tokens)


def quote(turn: Turn, now: float) -> str:
    """Quote a turn: a line for each message, with its age and its speaker."""
    return "\n".join(_quote_message(message, turn.at, now) for message in turn.shown())


def _quote_message(message: Message, turn_at: float, now: float) -> str:
    said = " ".join(message.content.split()).replace('"', "'")
    if len(said) > MOST_QUOTED_CHARACTERS:
        said = said[:MOST_QUOTED_CHARACTERS] + "…"
    return f'{_lead(message, turn_at, now)} "{said}"'


def _lead(message: Message, turn_at: float, now: float) -> str:
    at = turn_at if message.created_at is None else message.created_at
    return f"{age_words(now - at)}, {SPEAKERS[message.role]} said:"


def age_words(age_s: float) -> str:
    """Say how long ago something was, in its largest whole unit."""
    for unit_s, name in AGES:
        count = int(age_s // unit_s)
        if count >= 1:
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return "just now"


def fit_quotes(
    candidates: Iterable[Found], most_tokens: int, now: float, vocabulary: Vocabulary
) -> list[Quote]:
    """Quote the best that fit, whole ones; a shorter one may stand in for one that does not."""
    quotes: list[Quote] = []
    taken_tokens = header_tokens(vocabulary)
    for found in candidates:
        quoted = make_quote(found, now, vocabulary)
        if taken_tokens + quoted.tokens <= most_tokens:
            taken_tokens += quoted.tokens
            quotes.append(quoted)
    return quotes


def header_tokens(vocabulary: Vocabulary) -> int:
    """Bound what the header takes, and the line breaks around it."""
    return estimate_tokens(HEADER, vocabulary) + AROUND_TOKENS


def render_recalled(quotes: Sequence[Quote]) -> str:
    """Put what is recalled together, the oldest first; empty without any."""
    in_order = sorted(quotes, key=lambda quoted: quoted.found.turn.number)
    return "\n".join([HEADER, *(quoted.text for quoted in in_order)]) if quotes else ""


def add_recalled(context: str, quotes: Sequence[Quote]) -> str:
    """Put what is recalled behind the system context."""
    return "\n\n".join(filter(None, (context, render_recalled(quotes))))
