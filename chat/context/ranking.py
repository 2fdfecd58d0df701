"""Ranks the evicted turns that a search by words has found, by words and meaning together."""

import statistics
from collections.abc import Mapping, Sequence

from chat.core.messages import Found

NEIGHBOUR_SHARE = 0.3
"""A turn's likeness grows by this share of each neighbour's, as in the search by words."""


def rank(found: Sequence[Found], cosines: Mapping[int, float]) -> tuple[Found, ...]:
    """Order turns by the sum of their two scores, each standardised; the lowest sum becomes 0.

    Shapes: `cosines` has each turn's likeness to the prompt, by the turn's number; a turn without
            one counts as average.
    Errors: none.
    """
    average = statistics.fmean(cosines.values()) if cosines else 0.0
    above = {number: cosine - average for number, cosine in cosines.items()}
    numbers = [one.turn.number for one in found]
    meanings = standardised(
        [
            above.get(n, 0.0) + NEIGHBOUR_SHARE * (above.get(n - 1, 0.0) + above.get(n + 1, 0.0))
            for n in numbers
        ]
    )
    words = standardised([one.score for one in found])
    sums = [word + meaning for word, meaning in zip(words, meanings, strict=True)]
    least = min(sums, default=0.0)
    ranked = [Found(one.turn, total - least) for one, total in zip(found, sums, strict=True)]
    return tuple(sorted(ranked, key=lambda one: one.score, reverse=True))


def standardised(values: Sequence[float]) -> list[float]:
    """Return by how many standard deviations each value exceeds the mean; 0 if all are the same."""
    if not values:
        return []
    mean, deviation = statistics.fmean(values), statistics.pstdev(values)
    return [(value - mean) / deviation if deviation else 0.0 for value in values]
