"""The port for the counters that operators are shown."""

from typing import Protocol

from chat.core.stats import Stats


class StatsStore(Protocol):
    """Reads the counters.

    Errors: every method may raise StoreUnavailable.
    """

    async def read(self, at: float) -> Stats:
        """Return all counters; `at` is the time now, in seconds since 1970."""

    async def note_cleaned(self, at: float) -> None:
        """Note that a clean-up was complete."""
