"""The check that looks for what went wrong under chaos finds each kind of wrong."""

from collections.abc import Sequence

import pytest

from tests.chaos import Sent, Stored, wrongs

A = Sent("here", "a", begun=1, ended=2, answers=[(7, "to a")])
B = Sent("here", "b", begun=3, ended=4, answers=[(7, "to b")])
CUT = Sent("here", "c", begun=5, ended=6, may_be_stored=True)
REFUSED = Sent("here", "r", begun=5, ended=6)
THERE = Sent("there", "t", begun=7, ended=8, answers=[(8, "to t")])
SENT = [A, B, CUT, REFUSED, THERE]
SAID = {one.prompt: {f"to {one.prompt}"} for one in SENT}
TURN_A, TURN_B, TURN_C = (Stored(7, n, p, f"to {p}") for n, p in enumerate("abc", 1))
TURN_T = Stored(8, 1, "t", "to t")


@pytest.mark.parametrize("behind", [[], [TURN_C]], ids=["absent", "stored whole"])
def test_nothing_is_wrong_with_what_can_have_come_of_what_was_sent(behind: list[Stored]) -> None:
    assert wrongs(SENT, [TURN_A, TURN_B, *behind, TURN_T], SAID) == []


@pytest.mark.parametrize(
    ("stored", "wrong"),
    [
        pytest.param([TURN_A, TURN_T], "answered and lost", id="lost"),
        pytest.param([TURN_A, TURN_B, Stored(7, 3, "a", "to a"), TURN_T], "2 times", id="doubled"),
        pytest.param(
            [Stored(7, 1, "b", "to b"), Stored(7, 2, "a", "to a"), TURN_T], "later", id="moved"
        ),
        pytest.param(
            [TURN_A, TURN_B, Stored(7, 3, "c", ""), TURN_T], "not whole", id="without its reply"
        ),
        pytest.param(
            [TURN_A, Stored(7, 2, "b", "to a"), TURN_T], "answered otherwise", id="another's reply"
        ),
        pytest.param([TURN_A, Stored(7, 3, "b", "to b"), TURN_T], "missing", id="a gap"),
        pytest.param(
            [TURN_A, TURN_B, Stored(7, 2, "c", "to c"), TURN_T], "missing", id="a number twice"
        ),
        pytest.param(
            [TURN_A, TURN_B, Stored(7, 3, "r", "to r"), TURN_T], "refused", id="refused and there"
        ),
        pytest.param(
            [TURN_A, TURN_B, Stored(7, 3, "x", "to x"), TURN_T], "never sent", id="from nowhere"
        ),
        pytest.param(
            [TURN_A, TURN_B, TURN_T, Stored(8, 2, "c", "to c")], "turns of", id="mixed"
        ),
        pytest.param(
            [TURN_A, TURN_B, TURN_T, Stored(9, 1, "c", "to c")], "in the conversations", id="parted"
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(stored: Sequence[Stored], wrong: str) -> None:
    assert any(wrong in found for found in wrongs(SENT, stored, SAID))


def test_an_id_that_goes_back_is_found() -> None:
    later = Sent("there", "t", begun=7, ended=8, answers=[(5, "to t")])

    found = wrongs([A, later], [TURN_A, Stored(5, 1, "t", "to t")], SAID)

    assert len(found) == 1
    assert found[0].startswith("a later id")
