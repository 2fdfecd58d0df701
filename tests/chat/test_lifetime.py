"""How long a conversation is kept."""

import pytest

from chat.core.lifetime import FOREVER, Lifetimes, expires_at, lifetime_s
from chat.core.messages import Conversation

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
    conversation = Conversation(1, "{o}", "", 0, 0, 0, (), active_at)

    assert lifetime_s(LIFETIMES, conversation, 1000.0) == kept_s


def test_a_pinned_conversation_is_kept_for_ever() -> None:
    pinned = Conversation(1, "{o}", "", 0, 0, 0, (), 1.0, is_pinned=True)

    assert lifetime_s(LIFETIMES, pinned, 1000.0) == FOREVER
    assert expires_at(1000.5, FOREVER) is None
    assert expires_at(1000.5, 300) == 1300
