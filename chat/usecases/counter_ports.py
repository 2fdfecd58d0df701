"""What reading the counters needs from outside."""

from typing import Protocol

from chat.core.counters import Stats


class StatsStore(Protocol):
    """Reads the counters."""

    async def read(self, at: float) -> Stats:
        """Return all counters; `at` is the time now, in seconds since 1970.

        Errors: StoreUnavailable.
        """
