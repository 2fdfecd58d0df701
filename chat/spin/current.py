"""Which request runs here: each has a context of its own, also where many run at once."""

from contextvars import ContextVar
from dataclasses import dataclass

from chat.http.trace import Trace


@dataclass(frozen=True)
class Current:
    """A request's id, and the trace that it belongs to, if any."""

    request_id: str
    trace: Trace | None = None


_current: ContextVar[Current | None] = ContextVar("_current", default=None)


def begin(current: Current) -> None:
    """Say which request runs here from now on."""
    _current.set(current)


def current() -> Current | None:
    """Return which request runs here; None if none does."""
    return _current.get()
