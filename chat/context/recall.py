"""Decides what is recalled for a prompt: evicted turns by their words, memories by their meaning.

Evicted turns of this conversation are put behind its system context, memories of other
conversations before it. Nothing is shown twice, and the window keeps most of the room.
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
"""Recalled turns may take a quarter of the tokens there are for turns, and memories another one."""
LEAST_SHARE = 0.4
"""The share of the best turn's score that a turn needs to be worth its tokens.

A turn that was found only as the neighbour of a good one has less.
"""
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
class Recall:
    """The turns and memories that are recalled for a prompt."""

    turns: tuple[Quote, ...] = ()
    memories: tuple[MemoryQuote, ...] = ()

    def turns_text(self) -> str:
        """Render the recalled turns, the oldest first; empty if there are none."""
        in_order = sorted(self.turns, key=lambda quoted: quoted.found.turn.number)
        return "\n".join([HEADER, *(q.text for q in in_order)]) if in_order else ""

    def memories_text(self) -> str:
        """Render the recalled memories, the oldest first; empty if there are none."""
        in_order = sorted(self.memories, key=lambda quoted: quoted.found.memory.at)
        return "\n".join([MEMORIES_HEADER, *(q.text for q in in_order)]) if in_order else ""

    def around(self, context: str) -> str:
        """Return the system context with the memories before it and the turns behind it."""
        parts = (self.memories_text(), context, self.turns_text())
        return "\n\n".join(filter(None, parts))

    def text(self) -> str:
        """Return all text that is shown beside the system context."""
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
    """Fit the newest turns and, beside them, what is worth recalling.

    Shapes: `found` are memories, the nearest first.
    Errors: PromptTooLong if the prompt does not fit even without any turn.
    """

    def fit_beside(recalled_tokens: int) -> Fit:
        return fit_context(
            conversation,
            prompt,
            context_length=context_length,
            max_reply_tokens=max_reply_tokens,
            recalled_tokens=recalled_tokens + quoting.beside_tokens,
        )

    fit = fit_beside(0)
    new_tokens = fit.prompt_tokens - fit.window_tokens + conversation.context_tokens
    share_tokens = (context_length - max_reply_tokens - new_tokens) // RECALL_SHARE
    memories = choose_memories(conversation, prompt, found, quoting, share_tokens)
    vocabulary = conversation.vocabulary
    memories_tokens = taken_tokens(memories, MEMORIES_HEADER, vocabulary)
    max_tokens = min(quoting.recall_tokens, share_tokens)
    quotes: list[Quote] = []
    if max_tokens > 0 and (fit.evicted or memories or conversation.found):
        leaving = fit_beside(memories_tokens + max_tokens).evicted
        quotes = choose_turns(conversation, leaving, prompt, quoting.now, max_tokens)
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
    conversation: Conversation, leaving: Sequence[Turn], prompt: str, now: float, max_tokens: int
) -> list[Quote]:
    """Quote the best of the evicted turns that fit; `leaving` is `evicted` of `choose_recalled`."""
    vocabulary = conversation.vocabulary
    candidates = (
        (least_quote_tokens(found.turn), partial(make_quote, found, now, vocabulary))
        for found in choose_recalled(conversation, leaving, prompt)
    )
    return fit_quotes(candidates, max_tokens - header_tokens(HEADER, vocabulary))


def choose_recalled(
    conversation: Conversation, evicted: Sequence[Turn], prompt: str
) -> Iterator[Found]:
    """Yield the turns that may be recalled, the best first; none twice, and none that is shown.

    Shapes: `evicted` are the turns that leave the window for this very prompt, and that no search
            can have found yet.
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
    return tuple([message.text for message in turn.messages if message])


def _is_about(turn: Turn, wanted: Sequence[str]) -> bool:
    """Whether a turn has one of the `wanted` terms.

    A quick look rules out most turns before their terms are worked out.
    """
    text = "\n".join(message.text for message in turn.shown()).lower()
    likely = {term for term in wanted if term.rstrip("i") in text}
    return bool(likely) and not likely.isdisjoint(terms_of(text))


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
