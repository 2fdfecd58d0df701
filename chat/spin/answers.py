"""What both builds say of bodies and answers: how long they may take, and how they fail."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from chat.http.patience import NS_PER_S

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""The longest answer of a model or of Chroma; a page of Chroma's longest records has a fifth."""
TICK_NS = 2 * NS_PER_S
"""How long nothing may come of an answer that is read as it comes, before its reader is told so."""
SETTLING_NS = 100_000_000
"""How long the host gets to send what was written before a body is aborted.

Spin drops what it has not sent by then, and does not tell when all is sent.
"""
Moment = int
"""In nanoseconds on the host's monotonic clock, which begins anywhere."""


class HttpFailed(Exception):
    """There was no answer; `is_timeout` is whether it took too long."""

    def __init__(self, *, is_timeout: bool) -> None:
        super().__init__()
        self.is_timeout = is_timeout


class CutOff(Exception):
    """A body ends here, and is not whole."""


class TimeUp(Exception):
    """What was waited for has not come in time."""


@dataclass(frozen=True)
class Limit:
    """How long a request may take, with all of its answer, and when it must have ended.

    The same `until` for all requests of a turn limits them together; None sets no such moment.
    """

    seconds: int
    until: Moment | None = None

    def due(self, now: Moment) -> Moment:
        """Return when a request that begins now must have ended."""
        own = now + self.seconds * NS_PER_S
        return own if self.until is None else min(own, self.until)


async def one_chunk(body: bytes) -> AsyncGenerator[bytes, None]:
    """Yield a body as one chunk; an empty body is none."""
    if body:
        yield body
