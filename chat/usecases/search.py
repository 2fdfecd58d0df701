"""Searches all conversations of an owner by their words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from chat.context.terms import prompt_terms
from chat.core.messages import Place, Role
from chat.usecases.ports import Cursor

MAX_TERMS = 16
"""How many terms of a prompt are searched for at most."""
MAX_STEPS = 20
"""How many steps one search takes at most; each keeps Redis busy for some milliseconds."""


@dataclass(frozen=True)
class Term:
    """A term as an index has it, and the beginnings of words in lower case that stand for it."""

    term: str
    beginnings: Sequence[str]


@dataclass(frozen=True)
class Hit:
    """A message that a search found.

    Shapes: `count` is how many of the terms it has; `part` is the text around the first of them,
            and `has_before` and `has_behind` are whether there is more text on either side.
    Units:  `created_at` is seconds since 1970.
    """

    count: int
    created_at: float
    conversation_id: int
    title: str | None
    place: Place
    role: Role
    part: str
    has_before: bool
    has_behind: bool

    def snippet(self) -> str:
        """Return the part in one line, with whole words and an ellipsis where text is left out."""
        words = self.part.split()
        first = 1 if self.has_before and len(words) > 1 and not self.part[0].isspace() else 0
        last = len(words) - (1 if self.has_behind and len(words) > first + 1 else 0)
        line = " ".join(words[first:last])
        return f"{'… ' * self.has_before}{line}{' …' * self.has_behind}"


@dataclass(frozen=True)
class Found:
    """The best messages, the share of the terms that each has, and where to go on.

    `cursor` is None if all conversations were searched.
    """

    hits: Sequence[tuple[Hit, float]]
    cursor: Cursor | None


class Searcher(Protocol):
    """Searches one owner's conversations.

    Errors: StoreUnavailable, CorruptConversation.
    """

    async def step(
        self, terms: Sequence[Term], cursor: Cursor | None, limit: int
    ) -> tuple[list[Hit], Cursor | None]:
        """Search some conversations, the latest activity first; return where to go on.

        Shapes: up to `limit` hits, those with the most terms first.
        """


async def search(searcher: Searcher, prompt: str, cursor: Cursor | None, limit: int) -> Found:
    """Return the best hits in the conversations behind `cursor`; None begins with the newest.

    Messages with more of the prompt's terms come first, and newer ones among those with as many.
    The search ends early with `limit` messages that have all the terms: nothing is better, and
    conversations with an earlier activity follow behind the cursor.
    Errors: those of the port.
    """
    terms = [make_term(term) for term in prompt_terms(prompt)[:MAX_TERMS]]
    if not terms:
        return Found((), None)
    best: list[Hit] = []
    for _ in range(MAX_STEPS):
        hits, cursor = await searcher.step(terms, cursor, limit)
        best = sorted([*best, *hits], key=_rank, reverse=True)[:limit]
        is_full = len(best) == limit and best[-1].count == len(terms)
        if cursor is None or is_full:
            break
    return Found([(hit, round(hit.count / len(terms), 4)) for hit in best], cursor)


def _rank(hit: Hit) -> tuple[int, float]:
    return hit.count, hit.created_at


def make_term(term: str) -> Term:
    """Return a term with the beginnings by which it is found in a text.

    An ending `i` may stand for a `y`. Redis makes only ASCII letters lower case: so a beginning
    with other letters is searched for with them in lower case, in upper case, and with the first
    one in upper case.
    """
    return Term(term, tuple(dict.fromkeys(_written(term.rstrip("i") or term))))


def _written(beginning: str) -> Iterator[str]:
    yield beginning
    if not beginning.isascii():
        yield "".join(letter if letter.isascii() else letter.upper() for letter in beginning)
        first = beginning[0]
        yield (first if first.isascii() else first.upper()) + beginning[1:]
