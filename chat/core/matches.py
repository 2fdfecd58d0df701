"""What a search in the index of a conversation's evicted turns tells beside the turns it found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

UNREAD = -1
"""The count of a term that so many turns have that the search did not look at them."""


class Posting(NamedTuple):
    """How often a term is in a turn, and how many terms the turn has."""

    times: int
    length: int


@dataclass(frozen=True)
class Matches:
    """What the index has of a prompt's terms.

    Shapes: `counts` has for each term of the prompt how many indexed turns have it, or `UNREAD`;
            `postings` has, by the numbers of the found turns and of their neighbours, the postings
            of those terms by their places in the prompt.
    Units:  `turn_count` is the number of indexed turns, `term_count` the sum of their lengths.
    """

    turn_count: int = 0
    term_count: int = 0
    counts: Sequence[int] = ()
    postings: Mapping[int, Mapping[int, Posting]] = field(default_factory=dict)


NO_MATCHES = Matches()


def parse_matches(counted: str, postings: str) -> Matches:
    """Parse what the script says: numbers, and `turn:place:times:length` for each posting.

    Shapes: a place in the text begins with 1, one in the result with 0.
    Errors: ValueError.
    """
    turn_count, term_count, *counts = map(int, counted.split())
    by_turn: dict[int, dict[int, Posting]] = {}
    for told in postings.split():
        number, place, times, length = map(int, told.split(":"))
        by_turn.setdefault(number, {})[place - 1] = Posting(times, length)
    return Matches(turn_count, term_count, counts, by_turn)
