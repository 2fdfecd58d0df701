"""Cuts what comes in parts, at places that a test chooses."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

Cut = TypeVar("Cut", str, bytes)


def cut_at(whole: Cut, places: Sequence[int]) -> Iterator[Cut]:
    """Yield the parts of `whole` between the places; none of them is empty."""
    bounds = sorted({0, len(whole), *(place for place in places if place < len(whole))})
    for begin, end in pairwise(bounds):
        yield whole[begin:end]
