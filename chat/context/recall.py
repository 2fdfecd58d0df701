"""Decides what is recalled for a prompt: evicted turns by their words, memories by their meaning.

Evicted turns of this conversation are put behind its system context, memories of other
conversations before it. Nothing is shown twice, and the window keeps most of the room.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from chat.context.budget import Fit, fit_context, message_tokens
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
from chat.core.messages import Conversation, Found, FoundMemory, Turn
from chat.core.tokens import Vocabulary, estimate_tokens

HEADER = "Earlier in this conversation:"
MEMORIES_HEADER = "Memory log of earlier conversations:"
RECALL_SHARE = 4
"""Recalled turns may take a quarter of the tokens there are for turns; memories another one, and so
may the summary."""
Quoted = TypeVar("Quoted", Quote, MemoryQuote)


@dataclass(frozen=True)
class Quoting:
    """How much may be recalled, and how memories are quoted.

    Units: `recall_tokens` is the most that recalled turns take together, `memory_max_chars` the
           most characters that are shown of a memory, and `beside_tokens` the most that is shown
           beside prompt, turns and what is recalled. `now` is seconds since 1970.
    """

    recall_tokens: int
    memory_template: str
    memory_max_chars: int
    now: float
    beside_tokens: int = 0


@dataclass(frozen=True)
class Room:
    """The room that a conversation and a prompt leave for what is recalled.

    Units: `beside_tokens` is the most that is shown beside prompt, turns and what is recalled.
    """

    conversation: Conversation
    prompt: str
    context_length: int
    max_reply_tokens: int
    beside_tokens: int = 0

    def fit_beside(self, recalled_tokens: int) -> Fit:
        """Fit the newest turns beside so many tokens of what is recalled."""
        return fit_context(
            self.conversation,
            self.prompt,
            context_length=self.context_length,
            max_reply_tokens=self.max_reply_tokens,
            recalled_tokens=recalled_tokens + self.beside_tokens,
        )

    @property
    def share_tokens(self) -> int:
        """The most tokens that recalled turns take, and the most that memories take."""
        new_tokens = message_tokens(self.prompt, self.conversation.vocabulary)
        taken_tokens = new_tokens + self.conversation.context_tokens + self.beside_tokens
        return (self.context_length - self.max_reply_tokens - taken_tokens) // RECALL_SHARE

    @property
    def summary(self) -> SummaryQuote | None:
        """The summary of evicted turns, if there is one and it fits in its share."""
        known = self.conversation
        return quote_summary(known.summary, self.share_tokens, known.vocabulary)


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


def with_leaving(room: Room, said: str, recall_tokens: int) -> Conversation:
    """Return the conversation with the turns that may leave among its found turns.

    No search has found those turns: they are in the window until this very turn is stored.
    Shapes: `said` is what to search for.
    Units:  `recall_tokens` is the most that recalled turns take together.
    Errors: PromptTooLong if the prompt does not fit even without any turn.
    """
    share_tokens, summary = max(0, room.share_tokens), room.summary
    most_tokens = share_tokens + min(recall_tokens, share_tokens)
    most_tokens += summary.tokens if summary else 0
    leaving = room.fit_beside(most_tokens).evicted if recall_tokens else ()
    found = rank_by_words(room.conversation, leaving, recall_terms(said))
    return replace(room.conversation, found=found)


def fit_with_recall(
    conversation: Conversation,
    prompt: str,
    found: Sequence[FoundMemory],
    quoting: Quoting,
    *,
    context_length: int,
    max_reply_tokens: int,
) -> tuple[Fit, Recall]:
    """Fit the newest turns and, beside them, what is worth recalling.

    Shapes: `found` are memories, the nearest first.
    Errors: PromptTooLong if the prompt does not fit even without any turn.
    """
    room = Room(conversation, prompt, context_length, max_reply_tokens, quoting.beside_tokens)
    fit = room.fit_beside(0)
    share_tokens = room.share_tokens
    memories = choose_memories(conversation, prompt, found, quoting, share_tokens)
    vocabulary = conversation.vocabulary
    summary = room.summary
    summary_tokens = summary.tokens if summary else 0
    memories_tokens = taken_tokens(memories, MEMORIES_HEADER, vocabulary)
    max_tokens = min(quoting.recall_tokens, share_tokens)
    quotes: list[Quote] = []
    if max_tokens > 0 and conversation.found:
        stays = room.fit_beside(summary_tokens + memories_tokens + max_tokens).kept
        quotes = choose_turns(conversation, stays, quoting.now, max_tokens)
    if quotes or memories or summary:
        quoted_tokens = memories_tokens + taken_tokens(quotes, HEADER, vocabulary)
        fit = room.fit_beside(summary_tokens + quoted_tokens)
    kept = {turn.number for turn in fit.kept}
    turns = (quoted for quoted in quotes if quoted.found.turn.number not in kept)
    return fit, Recall(tuple(turns), tuple(memories), summary)


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
    shown = {prompt, *(text for turn in conversation.turns for text in _said(turn))}
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
    conversation: Conversation, kept: Sequence[Turn], now: float, max_tokens: int
) -> list[Quote]:
    """Quote the best of the found turns that fit; `kept` are the turns that are shown anyway."""
    vocabulary = conversation.vocabulary
    candidates = (
        (least_quote_tokens(found.turn), partial(make_quote, found, now, vocabulary))
        for found in choose_recalled(conversation.found, kept)
    )
    return fit_quotes(candidates, max_tokens - header_tokens(HEADER, vocabulary))


def choose_recalled(found: Sequence[Found], kept: Sequence[Turn]) -> Iterator[Found]:
    """Yield the found turns that are worth their tokens; none twice, and none that is shown.

    Shapes: `found` are the best first, `kept` the turns that are shown anyway.
    """
    shown = {_said(turn) for turn in kept}
    numbers = {turn.number for turn in kept}
    left = [one for one in found if one.turn.number not in numbers]
    best = left[0].score if left else 0.0
    for one in left:
        said = _said(one.turn)
        if one.score >= best * LEAST_SHARE and said not in shown:
            shown.add(said)
            yield one


def _said(turn: Turn) -> tuple[str, ...]:
    return tuple([message.text for message in turn.messages if message])


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
