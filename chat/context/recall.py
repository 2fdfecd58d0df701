"""Decides what comes back for a prompt: evicted turns by their words, memories by their meaning.

Evicted turns of the conversation stand behind its system context, and memories of other ones before
it. Neither is shown twice, and both together leave most of the room to the window.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from chat.context.budget import Fit, fit_context
from chat.context.quotes import (
    AROUND_TOKENS,
    MemoryQuote,
    Quote,
    least_quote_tokens,
    make_memory_quote,
    make_quote,
)
from chat.context.terms import prompt_terms, terms_of
from chat.core.messages import Conversation, Found, FoundMemory, Turn
from chat.core.tokens import Vocabulary, estimate_tokens

HEADER = "Earlier in this conversation:"
MEMORIES_HEADER = "Memory log of earlier conversations:"
RECALL_SHARE = 4
"""One in so many tokens of the room for turns may be recalled turns, and as many memories."""
LEAST_SHARE = 0.4
"""A turn with less of the best one's score is not worth its tokens; what it has as a neighbour only
is less.
"""
Quoted = TypeVar("Quoted", Quote, MemoryQuote)


@dataclass(frozen=True)
class Quoting:
    """How much may be recalled.

    Units: `recall_tokens` for turns; a memory has up to `memory_max_chars` characters. `now` is
           seconds since 1970.
    """

    recall_tokens: int
    memory_template: str
    memory_max_chars: int
    now: float


@dataclass(frozen=True)
class Recall:
    """What comes back for a prompt."""

    turns: tuple[Quote, ...] = ()
    memories: tuple[MemoryQuote, ...] = ()

    def turns_text(self) -> str:
        """Render the turns, the oldest first; empty without any."""
        in_order = sorted(self.turns, key=lambda quoted: quoted.found.turn.number)
        return "\n".join([HEADER, *(q.text for q in in_order)]) if in_order else ""

    def memories_text(self) -> str:
        """Render the memories, the oldest first; empty without any."""
        in_order = sorted(self.memories, key=lambda quoted: quoted.found.memory.at)
        return "\n".join([MEMORIES_HEADER, *(q.text for q in in_order)]) if in_order else ""

    def around(self, context: str) -> str:
        """Put the memories before the system context, and the turns behind it."""
        parts = (self.memories_text(), context, self.turns_text())
        return "\n\n".join(filter(None, parts))

    def text(self) -> str:
        """Give all that is shown beside the system context."""
        return self.around("")


def fit_with_recall(
    conversation: Conversation,
    prompt: str,
    found: Sequence[FoundMemory],
    quoting: Quoting,
    *,
    context_length: int,
    max_reply_tokens: int,
) -> tuple[Fit, Recall]:
    """Fit the newest turns, and beside them what is worth recalling.

    Shapes: `found` are memories, the nearest first.
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
    share_tokens = (context_length - max_reply_tokens - new_tokens) // RECALL_SHARE
    memories = choose_memories(conversation, prompt, found, quoting, share_tokens)
    vocabulary = conversation.vocabulary
    memories_tokens = taken_tokens(memories, MEMORIES_HEADER, vocabulary)
    most_tokens = min(quoting.recall_tokens, share_tokens)
    quotes: list[Quote] = []
    if most_tokens > 0 and (fit.evicted or memories or conversation.found):
        leaving = fit_beside(memories_tokens + most_tokens).evicted
        quotes = choose_turns(conversation, leaving, prompt, quoting.now, most_tokens)
    if quotes or memories:
        fit = fit_beside(memories_tokens + taken_tokens(quotes, HEADER, vocabulary))
    kept = {turn.number for turn in fit.kept}
    turns = (quoted for quoted in quotes if quoted.found.turn.number not in kept)
    return fit, Recall(tuple(turns), tuple(memories))


def choose_memories(
    conversation: Conversation,
    prompt: str,
    found: Sequence[FoundMemory],
    quoting: Quoting,
    most_tokens: int,
) -> list[MemoryQuote]:
    """Quote the nearest memories that fit; none that says what is shown anyway."""
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
    return fit_quotes(quotes, most_tokens - header_tokens(MEMORIES_HEADER, vocabulary))


def choose_turns(
    conversation: Conversation, leaving: Sequence[Turn], prompt: str, now: float, most_tokens: int
) -> list[Quote]:
    """Quote the best of the evicted turns that fit; `leaving` as in `choose_recalled`."""
    vocabulary = conversation.vocabulary
    candidates = (
        (least_quote_tokens(found.turn), partial(make_quote, found, now, vocabulary))
        for found in choose_recalled(conversation, leaving, prompt)
    )
    return fit_quotes(candidates, most_tokens - header_tokens(HEADER, vocabulary))


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


def fit_quotes(
    candidates: Iterable[tuple[int, Callable[[], Quoted]]], most_tokens: int
) -> list[Quoted]:
    """Take the best that fit, whole ones; a shorter one may stand in for one that does not.

    Shapes: a candidate is the least that its quote takes, and what makes it.
    """
    fitting: list[Quoted] = []
    for least_tokens, make in candidates:
        if least_tokens > most_tokens:
            continue
        quoted = make()
        if quoted.tokens <= most_tokens:
            most_tokens -= quoted.tokens
            fitting.append(quoted)
    return fitting


def taken_tokens(quotes: Sequence[Quoted], header: str, vocabulary: Vocabulary) -> int:
    """Bound what quotes take, with their header; nothing without any."""
    if not quotes:
        return 0
    return header_tokens(header, vocabulary) + sum(quoted.tokens for quoted in quotes)


def header_tokens(header: str, vocabulary: Vocabulary) -> int:
    """Bound what a header takes, and the line breaks around it."""
    return estimate_tokens(header, vocabulary) + AROUND_TOKENS
