"""Ranking by words and meaning together."""

import pytest

from chat.context.ranking import rank, standardised
from chat.core.messages import Found, Message, Turn


def found(number: int, score: float) -> Found:
    return Found(Turn(number, (Message("user", "p"),), 1, 1, 1, 0.0), score)


def order(scores: dict[int, float], cosines: dict[int, float]) -> list[int]:
    ranked = rank([found(number, score) for number, score in scores.items()], cosines)
    return [one.turn.number for one in ranked]


def test_both_scores_count_alike_whatever_their_scale() -> None:
    assert order({10: 9.0, 20: 8.0, 30: 1.0}, {10: 0.1, 20: 0.9, 30: 0.1}) == [20, 10, 30]
    assert order({10: 0.09, 20: 0.08, 30: 0.01}, {10: 0.1, 20: 0.9, 30: 0.1}) == [20, 10, 30]


def test_a_turn_has_a_share_of_its_neighbours_meaning() -> None:
    assert order({1: 5.0, 2: 5.0, 7: 5.0}, {1: 0.9, 2: 0.1, 7: 0.1}) == [1, 2, 7]


def test_a_turn_that_was_never_embedded_counts_as_an_average_one() -> None:
    assert order({10: 5.0, 20: 5.0, 30: 5.0}, {10: 0.9, 30: 0.1}) == [10, 20, 30]
    assert order({10: 1.0, 20: 2.0}, {}) == [20, 10]


def test_turns_that_were_never_embedded_do_not_change_what_likeness_is_worth() -> None:
    embedded = [found(number, 1.0) for number in (1, 5, 9)]
    others = [found(number, 1.0) for number in range(20, 80, 3)]
    cosines = {1: 0.9, 5: 0.1, 9: 0.2}

    alone, among = rank(embedded, cosines), rank([*embedded, *others], cosines)

    assert among[0].score - among[-1].score == pytest.approx(alone[0].score - alone[-1].score)


def test_scores_begin_at_nothing() -> None:
    ranked = rank([found(1, 5.0), found(9, 3.0)], {1: 0.5, 9: 0.2})

    assert [one.score for one in ranked] == pytest.approx([4.0, 0.0])
    assert rank([], {}) == ()
    assert [one.score for one in rank([found(1, 5.0)], {1: 0.5})] == [0.0]
    assert standardised([2.0, 2.0]) == [0.0, 0.0]
