"""How long a conversation is kept."""

import pytest

from chat.lifetime import Lifetimes, lifetime_s

LIFETIMES = Lifetimes(active_s=300, inactive_s=20, inactive_after_s=60)


@pytest.mark.parametrize(
    ("active_at", "kept_s"),
    [
        pytest.param(None, 300, id="a new conversation is active"),
        pytest.param(1000.0, 300, id="a turn at once"),
        pytest.param(940.0, 300, id="a pause of exactly the limit"),
        pytest.param(939.0, 20, id="a longer pause"),
        pytest.param(1001.0, 300, id="a clock that was ahead"),
    ],
)
def test_a_conversation_is_kept_by_activity(active_at: float | None, kept_s: int) -> None:
    assert lifetime_s(LIFETIMES, active_at, 1000.0) == kept_s
