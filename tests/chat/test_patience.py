"""For how long the rest of a body is waited for."""

import pytest

from chat.http.patience import NS_PER_S, SILENCE_S, SLOWEST_BYTES_PER_S, body_due_ns

BEGUN = 5 * NS_PER_S


@pytest.mark.parametrize(
    ("taken_s", "received_bytes", "left_s"),
    [
        pytest.param(0, 0, SILENCE_S, id="nothing yet"),
        pytest.param(4, 0, SILENCE_S - 4, id="no byte earns nothing"),
        pytest.param(4, SLOWEST_BYTES_PER_S, SILENCE_S - 3, id="a second's bytes earn a second"),
        pytest.param(30, 30 * SLOWEST_BYTES_PER_S, SILENCE_S, id="as slowly as may be"),
        pytest.param(30, 19 * SLOWEST_BYTES_PER_S, -1, id="more slowly"),
        pytest.param(30, 10**9, SILENCE_S, id="what came fast earns no longer silence"),
    ],
)
def test_a_body_has_a_time_and_more_for_what_has_come(
    taken_s: int, received_bytes: int, left_s: int
) -> None:
    now = BEGUN + taken_s * NS_PER_S

    assert body_due_ns(BEGUN, now, received_bytes) == now + left_s * NS_PER_S
