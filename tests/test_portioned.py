"""A series makes as many trials as its seconds allow, and never too few."""

import itertools

import pytest

from tests.portioned import portion


@pytest.mark.parametrize(
    ("seconds", "is_thorough", "made"),
    [
        pytest.param(0.0, False, 3, id="the least, in no time"),
        pytest.param(5.0, False, 5, id="what the time allows"),
        pytest.param(99.0, False, 10, id="all of them, and no more"),
        pytest.param(0.0, True, 10, id="all of them, where that is asked for"),
    ],
)
def test_a_run_makes_what_its_seconds_allow(seconds: float, is_thorough: bool, made: int) -> None:
    clock = itertools.chain([0.0], itertools.count(3.0))  # a second for each trial

    numbers = list(
        portion(10, least=3, seconds=seconds, is_thorough=is_thorough, clock=lambda: next(clock))
    )

    assert numbers == list(range(made))
