"""Measures by its words how much a turn says of what a prompt asks for.

A turn's own score is its BM25, weighed with the share of the prompt that the turn has. To it comes
a share of the own scores of the turns before and after it: an answer often has none of the words of
its question. `chat/redis/lua/shared/search.lua` finds evicted turns by the same measure. Here, the
turns that leave the window for this very prompt, which no search can find yet, are measured
together with those that it found.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chat.context.terms import beginnings, count_terms
from chat.core.matches import UNREAD, Matches, Posting
from chat.core.messages import Conversation, Found, Turn


@dataclass(frozen=True)
class Measure:
    """The numbers of the measure.

    `k1` and `b` are those of BM25; low values of both suit short texts, in which a term that is
    there twice says little more. `coverage` is the power of the share of the prompt that a turn
    has. `before` and `after` are the shares that a turn gets of its neighbours' scores: the
    question that it answers says more of it than what was said about it afterwards.
    Source: Robertson and Zaragoza, The Probabilistic Relevance Framework (2009).
    """

    k1: float = 0.9
    b: float = 0.4
    coverage: float = 0.5
    before: float = 0.5
    after: float = 0.2


MEASURE = Measure()


def rank_by_words(
    conversation: Conversation,
    leaving: Sequence[Turn],
    wanted: Sequence[str],
    measure: Measure = MEASURE,
) -> tuple[Found, ...]:
    """Rank the found turns and those that are `leaving` the window together, the best first.

    Shapes: `wanted` are the prompt's terms; a turn without any score is left out.
    Errors: none.
    """
    begun = beginnings(wanted)
    new = {turn.number: about for turn in leaving if (about := postings_of(turn, wanted, begun))}
    if not new:
        return conversation.found
    before = conversation.matches
    weighing = weights(wanted, before, new, len(leaving))
    scores = own_scores({**before.postings, **new}, weighing, measure)
    turns = [*(found.turn for found in conversation.found), *leaving]
    together = [(with_neighbours(scores, turn.number, measure), turn) for turn in turns]
    ranked = [Found(turn, score) for score, turn in together if score > 0]
    return tuple(sorted(ranked, key=lambda one: (-one.score, -one.turn.number)))


def postings_of(turn: Turn, wanted: Sequence[str], begun: tuple[str, ...]) -> Mapping[int, Posting]:
    """Return the postings of those `wanted` terms that a turn has, by their places."""
    counts, length = count_terms(turn, begun)
    places = sorted(map(wanted.index, counts.keys() & wanted))
    return {place: Posting(counts[wanted[place]], length) for place in places}


def weights(
    wanted: Sequence[str],
    before: Matches,
    new: Mapping[int, Mapping[int, Posting]],
    new_count: int,
) -> tuple[list[float], float]:
    """Return the weight of each wanted term, and the mean length of a turn.

    Shapes: a term that the search did not look at weighs nothing.
    """
    turn_count = before.turn_count + new_count
    newly = Counter(place for postings in new.values() for place in postings)
    counts = before.counts or [0] * len(wanted)
    found = [n if n == UNREAD else n + newly[place] for place, n in enumerate(counts)]
    idf = [
        0.0 if n == UNREAD else math.log(1 + (max(0, turn_count - n) + 0.5) / (n + 0.5))
        for n in found
    ]
    lengths = [next(iter(postings.values())).length for postings in new.values()]
    mean_length = (before.term_count + sum(lengths)) / (before.turn_count + len(lengths))
    return idf, max(1.0, mean_length)


def own_scores(
    postings: Mapping[int, Mapping[int, Posting]],
    weighing: tuple[Sequence[float], float],
    measure: Measure = MEASURE,
) -> dict[int, float]:
    """Return the own score of each turn, by its number."""
    idf, mean_length = weighing
    most = sum(idf)
    scores = {}
    for number, of_turn in postings.items():
        score = sum(idf[n] * share(one, mean_length, measure) for n, one in of_turn.items())
        matched = sum(idf[place] for place in of_turn) / most if most else 0.0
        scores[number] = score * matched**measure.coverage
    return scores


def share(posting: Posting, mean_length: float, measure: Measure) -> float:
    """Return the part of BM25 that does not depend on the term: a posting's share of its weight."""
    even = measure.k1 * (1 - measure.b + measure.b * posting.length / mean_length)
    return (measure.k1 + 1) * posting.times / (posting.times + even)


def with_neighbours(scores: Mapping[int, float], number: int, measure: Measure) -> float:
    """Return a turn's score with its shares of its neighbours' own scores."""
    before, after = scores.get(number - 1, 0.0), scores.get(number + 1, 0.0)
    return scores.get(number, 0.0) + measure.before * before + measure.after * after
