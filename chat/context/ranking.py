"""Ranks by words and meaning together: evicted turns, messages of a conversation, memories."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from chat.context.measure import MEASURE, rank_by_words, with_neighbours
from chat.context.terms import recall_terms
from chat.core.messages import (
    Conversation,
    Found,
    FoundMemory,
    Memory,
    Message,
    Placed,
    Turn,
)

By = Literal["both", "words", "meaning"]
"""What a search goes by; the first is the default."""
WAYS: tuple[By, ...] = get_args(By)
LEAST_SHARE = 0.4
"""The share of the best score by words that something needs to be worth showing.

What was found only as the neighbour of a good match may have less.
"""
NOTHING = Conversation(0, "", "", 0, 0, 0, ())


def rank(found: Sequence[Found], cosines: Mapping[int, float]) -> tuple[Found, ...]:
    """Order turns by the sum of their two scores, each standardised; the lowest sum becomes 0.

    Shapes: `cosines` has each turn's likeness to the prompt, by the turn's number; a turn without
            one counts as average, and does not change what the likeness of the others is worth.
    Errors: none.
    """
    known = [one.turn.number for one in found if one.turn.number in cosines]
    likeness = dict(zip(known, standardised(shared_meanings(known, cosines)), strict=True))
    words = standardised([one.score for one in found])
    sums = [
        word + likeness.get(one.turn.number, 0.0) for one, word in zip(found, words, strict=True)
    ]
    least = min(sums, default=0.0)
    ranked = [Found(one.turn, total - least) for one, total in zip(found, sums, strict=True)]
    return tuple(sorted(ranked, key=lambda one: one.score, reverse=True))


def shared_meanings(numbers: Sequence[int], cosines: Mapping[int, float]) -> list[float]:
    """Return how much more each is like the prompt than the average, with its neighbours' shares.

    The shares are those of the search by words.
    """
    average = statistics.fmean(cosines.values()) if cosines else 0.0
    above = {number: cosine - average for number, cosine in cosines.items()}
    return [with_neighbours(above, number, MEASURE) for number in numbers]


def fuse(words: Sequence[float], meanings: Sequence[float]) -> list[float]:
    """Return the sums of the two scores of each, both standardised."""
    pairs = zip(standardised(words), standardised(meanings), strict=True)
    return [word + meaning for word, meaning in pairs]


def standardised(values: Sequence[float]) -> list[float]:
    """Return by how many standard deviations each value exceeds the mean; 0 if all are the same."""
    if not values:
        return []
    mean, deviation = statistics.fmean(values), statistics.pstdev(values)
    return [(value - mean) / deviation if deviation else 0.0 for value in values]


def score_messages(placed: Sequence[Placed], prompt: str) -> list[float]:
    """Return the score of each message by its words; each counts as a turn of its own.

    Shapes: `placed` are in order.
    """
    said = [(one.message, one.created_at) for one in placed]
    return _scores(said, prompt, apart=1)


def score_memories(memories: Sequence[Memory], prompt: str) -> list[float]:
    """Return the score of each memory by its words; none is another one's neighbour."""
    said = [(Message(one.role, one.content), one.at) for one in memories]
    return _scores(said, prompt, apart=3)


def _scores(said: Sequence[tuple[Message, float]], prompt: str, apart: int) -> list[float]:
    turns = [
        Turn(place * apart, (message,), 0, 0, 0, at) for place, (message, at) in enumerate(said)
    ]
    ranked = rank_by_words(NOTHING, turns, recall_terms(prompt))
    scores = {one.turn.number: one.score for one in ranked}
    return [scores.get(turn.number, 0.0) for turn in turns]


def rank_memories(
    memories: Sequence[Memory],
    distances: Sequence[float],
    words: Sequence[float],
    max_distance: float,
) -> list[FoundMemory]:
    """Return the memories that are near enough, or good enough by their words, the best first.

    Without any score by words, the nearest come first.
    """
    chosen = choose(words, distances, [-far for far in distances], max_distance)
    return [FoundMemory(memories[place], distances[place]) for place in chosen]


def choose(
    words: Sequence[float], distances: Sequence[float], meanings: Sequence[float], farthest: float
) -> list[int]:
    """Return the places of what is near enough, or good enough by its words, the best first.

    Shapes: the three say of each how good it is by its words, its cosine distance, and how good it
            is by its meaning; without `distances`, only words count.
    Units:  `farthest` is the largest cosine distance that is near enough.
    """
    least = LEAST_SHARE * max(words, default=0.0)
    by_words = {place for place, score in enumerate(words) if score >= least > 0}
    near = {place for place, far in enumerate(distances) if far < farthest}
    totals = fuse(words, meanings) if distances else words
    return sorted(by_words | near, key=lambda place: (-totals[place], -place))
