"""Decides what is recalled for a prompt: evicted turns by their words, memories by their meaning.

Evicted turns of this conversation are put behind its system context, memories of other
conversations before it. Nothing is shown twice, and the window keeps most of the room.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import TypeVar

from chat.context.budget import Fit, Room
from chat.context.measure import rank_by_words
from chat.context.quotes import (
    AROUND_TOKENS,
    MemoryQuote,
    Quote,
    least_quote_tokens,
    make_memory_quote,
    make_quote,
)
from chat.context.ranking import LEAST_SHARE
from chat.context.summary import SummaryQuote, quote_summary
from chat.context.terms import recall_terms
from chat.core.messages import Conversation, Found, FoundMemory, Turn, messages_of
from chat.core.tokens import Vocabulary, estimate_tokens
from chat.core.tool_calls import ToolCall

HEADER = "Earlier in this conversation:"
MEMORIES_HEADER = "Memory log of earlier conversations:"
RECALL_SHARE = 4
"""Recalled turns may take a quarter of the tokens there are for turns; memories another one, and so
may the summary."""
Quoted = TypeVar("Quoted", Quote, MemoryQuote)


@dataclass(frozen=True)
class Quoting:
    """How much may be recalled, and how memories are quoted.

    Units: `recall_tokens` is the most that recalled turns take together, and `memory_max_chars` the
           most characters that are shown of a memory. `now` is seconds since 1970.
    """

    recall_tokens: int
    memory_template: str
    memory_max_chars: int
    now: float


@dataclass(frozen=True)
class Recall:
    """The turns and memories that are recalled for a prompt, and the summary of evicted turns."""

    turns: tuple[Quote, ...] = ()
    memories: tuple[MemoryQuote, ...] = ()
    summary: SummaryQuote | None = None

    def turns_text(self) -> str:
        """Render the recalled turns, the oldest first; empty if there are none."""
        in_order = sorted(self.turns, key=lambda quoted: quoted.found.turn.number)
        return "\n".join([HEADER, *(q.text for q in in_order)]) if in_order else ""

    def memories_text(self) -> str:
        """Render the recalled memories, the oldest first; empty if there are none."""
        in_order = sorted(self.memories, key=lambda quoted: quoted.found.memory.at)
        return "\n".join([MEMORIES_HEADER, *(q.text for q in in_order)]) if in_order else ""

    def around(self, context: str) -> str:
        """Return the system context: memories before it, the summary and then turns behind it."""
        summary = self.summary.text if self.summary else ""
        parts = (self.memories_text(), context, summary, self.turns_text())
        return "\n\n".join(filter(None, parts))

    def text(self) -> str:
        """Return all text that is shown beside the system context."""
        return self.around("")


def share_tokens(room: Room) -> int:
    """Return the most tokens that recalled turns take, and the most that memories take."""
    taken_tokens = room.new_tokens + room.conversation.context_tokens
    return (room.context_length - room.max_reply_tokens - taken_tokens) // RECALL_SHARE


def fitting_summary(room: Room) -> SummaryQuote | None:
    """Return the summary of evicted turns, if there is one and it fits in its share."""
    known = room.conversation
    return quote_summary(known.summary, share_tokens(room), known.vocabulary)


def with_leaving(room: Room, said: str, recall_tokens: int) -> tuple[Found, ...]:
    """Return the found turns, and among them those that may leave.

    No search has found those turns: they are in the window until this very turn is stored.
    Shapes: `said` is what to search for.
    Units:  `recall_tokens` is the most that recalled turns take together.
    Errors: PromptTooLong if the prompt does not fit even without any turn.
    """
    if not recall_tokens:
        return room.conversation.found
    free_tokens, summary = max(0, share_tokens(room)), fitting_summary(room)
    most_tokens = free_tokens + min(recall_tokens, free_tokens)
    leaving = room.fit(most_tokens + (summary.tokens if summary else 0)).evicted
    return rank_by_words(room.conversation, leaving, recall_terms(said))


def fit_with_recall(
    room: Room, found: Sequence[Found], memories: Sequence[FoundMemory], quoting: Quoting
) -> tuple[Fit, Recall]:
    """Fit the newest turns and, beside them, what is worth recalling.

    Shapes: `found` are turns, the best first, and `memories` the nearest first.
    Errors: PromptTooLong if the prompt does not fit even without any turn.
    """
    vocabulary, most_tokens = room.conversation.vocabulary, share_tokens(room)
    chosen = choose_memories(room.conversation, room.prompt, memories, quoting, most_tokens)
    summary = fitting_summary(room)
    before_tokens = taken_tokens(chosen, MEMORIES_HEADER, vocabulary)
    before_tokens += summary.tokens if summary else 0
    max_tokens = min(quoting.recall_tokens, most_tokens)
    if not found or max_tokens <= 0:
        return room.fit(before_tokens), Recall((), tuple(chosen), summary)
    stays = room.fit(before_tokens + max_tokens).kept
    quotes = choose_turns(found, stays, quoting.now, max_tokens, vocabulary)
    fit = room.fit(before_tokens + taken_tokens(quotes, HEADER, vocabulary))
    kept = {turn.number for turn in fit.kept}
    turns = tuple(quoted for quoted in quotes if quoted.found.turn.number not in kept)
    return fit, Recall(turns, tuple(chosen), summary)


def choose_memories(
    conversation: Conversation,
    prompt: str,
    found: Sequence[FoundMemory],
    quoting: Quoting,
    max_tokens: int,
) -> list[MemoryQuote]:
    """Quote the nearest memories that fit; a memory whose text is shown anyway is left out."""
    if not found:
        return []
    shown = {prompt, *(message.text for message in messages_of(conversation.turns))}
    vocabulary = conversation.vocabulary
    quotes = (
        (
            0,
            partial(
                make_memory_quote,
                one,
                quoting.memory_template,
                quoting.memory_max_chars,
                quoting.now,
                vocabulary,
            ),
        )
        for one in found
        if one.memory.content not in shown
    )
    return fit_quotes(quotes, max_tokens - header_tokens(MEMORIES_HEADER, vocabulary))


def choose_turns(
    found: Sequence[Found],
    kept: Sequence[Turn],
    now: float,
    max_tokens: int,
    vocabulary: Vocabulary,
) -> list[Quote]:
    """Quote the best of the found turns that fit; `kept` are the turns that are shown anyway."""
    candidates = (
        (least_quote_tokens(one.turn), partial(make_quote, one, now, vocabulary))
        for one in choose_recalled(found, kept)
    )
    return fit_quotes(candidates, max_tokens - header_tokens(HEADER, vocabulary))


def choose_recalled(found: Sequence[Found], kept: Sequence[Turn]) -> Iterator[Found]:
    """Yield the found turns that are worth their tokens, and that say what is not shown yet.

    Shapes: `found` are the best first, `kept` the turns that are shown anyway.
    """
    shown = _said(kept)
    numbers = {turn.number for turn in kept}
    left = [one for one in found if one.turn.number not in numbers]
    best = left[0].score if left else 0.0
    for one in left:
        said = _said([one.turn])
        if one.score >= best * LEAST_SHARE and not said <= shown:
            shown |= said
            yield one


def _said(turns: Sequence[Turn]) -> set[tuple[str, tuple[ToolCall, ...]]]:
    """Return what is said in turns: texts, each with its tool calls."""
    return set(map(attrgetter("content", "calls"), messages_of(turns)))


def fit_quotes(
    candidates: Iterable[tuple[int, Callable[[], Quoted]]], max_tokens: int
) -> list[Quoted]:
    """Return the best quotes that fit as a whole; a shorter one may take the place of a longer one.

    Shapes: `candidates` run from the best to the worst; each is the least tokens that its quote
            takes, and the function that makes the quote.
    """
    fitting: list[Quoted] = []
    for least_tokens, make in candidates:
        if least_tokens > max_tokens:
            continue
        quoted = make()
        if quoted.tokens <= max_tokens:
            max_tokens -= quoted.tokens
            fitting.append(quoted)
    return fitting


def taken_tokens(quotes: Sequence[Quoted], header: str, vocabulary: Vocabulary) -> int:
    """Return the most tokens that quotes and their header take; 0 if there are none."""
    if not quotes:
        return 0
    return header_tokens(header, vocabulary) + sum(quoted.tokens for quoted in quotes)


def header_tokens(header: str, vocabulary: Vocabulary) -> int:
    """Return the most tokens that a header takes, with the line breaks around it."""
    return estimate_tokens(header, vocabulary) + AROUND_TOKENS
