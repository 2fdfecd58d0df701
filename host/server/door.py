"""The door of a server: how long a head and a body may take, and how large a head may be.

Without it, connections that send nothing or too much could use up all sockets and all memory.
"""

import asyncio
import resource
from dataclasses import dataclass

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from host.abi.compiling import MAX_INSTANCES
from host.server.watching import WatchedConnection

REQUEST_TIMEOUT, TOO_LARGE, BAD_REQUEST = 408, 431, 400


@dataclass(frozen=True)
class Limits:
    """How much of the server clients may use.

    Units: `head_s` is the time that a whole head may take, `body_s` the time between two parts of a
           body. `instances` is how many requests may run at once, `waiting` how many more may wait.
    """

    head_bytes: int = 64 * 1024
    head_fields: int = 100
    head_s: float = 10.0
    body_s: float = 30.0
    instances: int = MAX_INSTANCES
    waiting: int = 1000


DEFAULT_LIMITS = Limits()


class Refused(Exception):
    """A request is over a limit; raised to end its parsing."""


class Door(WatchedConnection):
    """One connection, on which `limits` are enforced."""

    limits = DEFAULT_LIMITS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._refusal = BAD_REQUEST
        self._timer: asyncio.TimerHandle | None = None
        self._is_in_head = True
        self._head_left = self.limits.head_bytes
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse `data`, of a head only as many bytes as it may have."""
        self._moved_at = self.loop.time()
        while data and not self.transport.is_closing():
            part = data[: self._head_left] if self._is_in_head else data
            was_in_head, data = self._is_in_head, data[len(part) :]
            super().data_received(part)
            if was_in_head and self._is_in_head:
                self._head_left -= len(part)
                if self._head_left <= 0:
                    self._refuse(TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a head, whose time also counts on a connection that was kept open."""
        super().on_message_begin()
        if self._timer is None:
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > self.limits.head_fields:
            self._refusal = TOO_LARGE
            raise Refused

    def on_headers_complete(self) -> None:
        """Begin a body."""
        self._is_in_head = False
        self._stop_timer()
        self._timer = self.loop.call_later(self.limits.body_s, self._check_body)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Be ready for the next head."""
        self._is_in_head, self._head_left = True, self.limits.head_bytes
        self._stop_timer()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that cannot be parsed, or is over a limit."""
        if self._refusal == BAD_REQUEST:
            super().send_400_response(msg)
        else:
            self._refuse(self._refusal)

    def _await_head(self) -> None:
        self._timer = self.loop.call_later(self.limits.head_s, self._refuse, REQUEST_TIMEOUT)

    def _check_body(self) -> None:
        """Refuse a body of which nothing comes any more; one that waits for the guest may wait."""
        if self.flow.read_paused:
            self._moved_at = self.loop.time()
        left_s = self._moved_at + self.limits.body_s - self.loop.time()
        if left_s > 0:
            self._timer = self.loop.call_later(left_s, self._check_body)
        else:
            self._refuse(REQUEST_TIMEOUT)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int) -> None:
        """Answer without a body, if no answer was begun, and close the connection."""
        self._stop_timer()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            head = b"content-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head)
        self.transport.close()


def door(limits: Limits) -> type[Door]:
    """Make a protocol for uvicorn with these limits."""
    return type("LimitedDoor", (Door,), {"limits": limits})


def raise_open_files() -> None:
    """Raise this process's limit of open files as far as it may: the usual 1,024 are too few."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
