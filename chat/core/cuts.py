"""What is forgotten of a conversation when its newest messages go, or all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from chat.core.messages import Place, Turn

FIRST = Place(1, 0)
"""The place of a conversation's first message."""


@dataclass(frozen=True)
class Cut:
    """All messages from a place on, which are about to be forgotten.

    Shapes: `turns` are those that have such messages, oldest first; none are needed to forget all
            of a conversation. If only a part of the first one goes, `left` is what stays of it, and
            `revision` the store's mark of the turn as it was. `turn_count` is how many turns the
            conversation had then; None if that does not matter. `title` is one that was made of a
            message that goes.
    """

    begin: Place
    turns: Sequence[Turn] = ()
    revision: bytes = b""
    left: Turn | None = None
    turn_count: int | None = None
    title: str = ""


@dataclass(frozen=True)
class ForgottenMessages:
    """How many messages were forgotten, and how many memories that they became."""

    messages: int
    memories: int
