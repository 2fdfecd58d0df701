"""What a cluster and sentinels are asked through: connections to several servers, and patience."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from chat.redis.connection import Begun, Way

Outcome = TypeVar("Outcome")
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.32
"""How long is waited before a server is asked once more: each pause is twice the one before."""
PASSING = ("TryAgain", "ClusterDown", "BusyLoadingError", "MasterDown")
"""What redis-rs calls errors that pass by themselves in a moment."""


class Nodes(Protocol):
    """Connections to servers by their `host:port`, for one request."""

    async def connect(self, node: str) -> Way:
        """Return a connection, which may be open already.

        Errors: NodeAway; StoreUnavailable if no other server would help.
        """

    def drop(self, node: str) -> None:
        """Let the next connection to a server be a new one."""

    def alone(self) -> "AbstractAsyncContextManager[Nodes]":
        """Return connections that nobody else uses."""

    def begin(self, act: Callable[[], Awaitable[Outcome]]) -> Begun[Outcome]:
        """Ask something beside what is asked next, if the host can do both at once."""

    async def rest(self, seconds: float) -> None:
        """Do nothing for so long."""

    def last_moment(self) -> int:
        """Return until when a call may wait that met trouble now."""

    def now(self) -> int:
        """Return the moment that it is."""


class Pauses:
    """The pauses of one call, which begin when it meets trouble."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._next_s = FIRST_PAUSE_S
        self._until: int | None = None

    async def take(self) -> bool:
        """Wait a little; return whether there was time for that."""
        if self._until is None:
            self._until = self._nodes.last_moment()
        if self._nodes.now() >= self._until:
            return False
        await self._nodes.rest(self._next_s)
        self._next_s = min(2 * self._next_s, LONGEST_PAUSE_S)
        return True


def is_passing(text: str) -> bool:
    """Whether an error passes by itself in a moment."""
    return any(kind in text for kind in PASSING)
