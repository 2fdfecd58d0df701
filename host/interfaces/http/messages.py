"""The host's side of the resources of `wasi:http/types`: requests, responses, bodies and fields.

Source: WASI 0.2.0 `wit/http/types.wit`, wasmtime `crates/wasi-http`, spin `crates/trigger-http`.
"""

import re
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol

from host.abi.values import Case, Err
from host.errors import Trap
from host.interfaces.wasi.io import InputStream, StreamClosed, StreamFailed

FORBIDDEN = frozenset({
    "host", "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
    "proxy-connection", "transfer-encoding", "upgrade", "http2-settings",
})  # fmt: skip
"""The headers that a guest cannot see and may not set."""
FIELDS_LIMIT_BYTES = 128 * 1024
"""The most bytes of all names and values of one set of fields together. Source: wasmtime 42."""
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
STATUSES = range(100, 1000)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")

Pairs = list[tuple[str, bytes]]
Ending = Literal["finish", "abort"]
"""How a body ends."""


@dataclass
class Fields:
    """Header fields in their order; their names are in lower case."""

    pairs: Pairs = field(default_factory=list)
    is_immutable: bool = False

    def fault(self, name: str, values: list[bytes]) -> Err | None:
        """Return the error why `values` may not be added under `name`; None if they may."""
        if self.is_immutable:
            return Err(Case("immutable"))
        if not TOKEN.fullmatch(name) or not all(FIELD_VALUE.fullmatch(value) for value in values):
            return Err(Case("invalid-syntax"))
        if name.lower() in FORBIDDEN:
            return Err(Case("forbidden"))
        size = sum(len(key) + len(value) for key, value in self.pairs) + sum(
            len(name) + len(value) for value in values
        )
        if size > FIELDS_LIMIT_BYTES:
            raise Trap(f"header fields of more than {FIELDS_LIMIT_BYTES} bytes")
        return None


class BodySink(Protocol):
    """Where a body goes while the guest makes it."""

    def check(self) -> None:
        """Check that a part may be written.

        Errors: StreamClosed if nobody takes it any more.
        """

    def write(self, data: bytes) -> None:
        """Take a part of the body.

        Errors: StreamClosed if nobody takes it any more.
        """

    def finish(self) -> None:
        """Take the end of the body."""

    def abort(self) -> None:
        """Take the news that the rest of the body will not come."""


class ResponseSink(BodySink, Protocol):
    """Where a response goes while the guest makes it."""

    def start(self, status: int, headers: Pairs) -> None:
        """Take the head, even if the client is gone."""

    def flush(self) -> None:
        """Send the head that was kept back, as the next part may take long."""


@dataclass
class IncomingRequest:
    """A request to the guest."""

    method: str
    path_with_query: str
    authority: str
    headers: Fields
    body: InputStream | None


@dataclass
class IncomingResponse:
    """A response to the guest's own request."""

    status: int
    headers: Fields
    body: InputStream | None

    def close(self) -> None:
        """Close the body, unless the guest has taken it and may still read."""
        if self.body is not None:
            self.body.close()


@dataclass
class IncomingBody:
    """A body that the guest may read once."""

    stream: InputStream | None

    def close(self) -> None:
        """Close the stream, unless the guest has taken it and may still read."""
        if self.stream is not None:
            self.stream.close()


@dataclass
class OutgoingBody:
    """A body that the guest writes; it is kept until it has a sink, and then passed on.

    `wrong_size` is the error code for a body that is longer or shorter than its content-length.
    """

    wrong_size: str
    sink: BodySink | None = None
    kept: list[bytes] = field(default_factory=list)
    expected_bytes: int | None = None
    written_bytes: int = 0
    is_taken: bool = False
    is_writing: bool = False
    ended: Ending | None = None

    def attach(self, sink: BodySink) -> None:
        """Pass on what was kept, and from now on what is written; end a body that nobody writes."""
        self.sink = sink
        with suppress(StreamClosed):
            for part in self.kept:
                sink.write(part)
        self.kept.clear()
        if self.ended is not None or not self.is_taken:
            self._end(self.ended or "finish")

    def check(self) -> None:
        """Check that more may be written.

        Errors: StreamClosed.
        """
        if self.sink is not None:
            self.sink.check()

    def write(self, data: bytes) -> None:
        """Pass `data` on, or keep it; bytes beyond the content-length are dropped.

        Errors: StreamClosed; StreamFailed if bytes were dropped.
        """
        fitting = data if self.expected_bytes is None else data[: self._left_bytes()]
        if self.sink is None:
            self.kept.append(fitting)
        else:
            self.sink.write(fitting)
        self.written_bytes += len(data)
        if len(fitting) < len(data):
            raise StreamFailed(self._size_error())

    def _left_bytes(self) -> int:
        return max(0, (self.expected_bytes or 0) - self.written_bytes)

    def _size_error(self) -> Case:
        return Case(self.wrong_size, self.written_bytes)

    def finish(self) -> Err | None:
        """End the body; a body that is shorter or longer than its content-length is aborted."""
        if self.expected_bytes not in {None, self.written_bytes}:
            self.drop()
            return Err(self._size_error())
        self._end("finish")
        return None

    def drop(self) -> None:
        """Abort the body, as the guest dropped it unfinished; a body of full length is finished."""
        is_whole = self.expected_bytes is not None and not self._left_bytes()
        self._end("finish" if is_whole else "abort")

    def _end(self, how: Ending) -> None:
        self.ended = how
        if self.sink is None:
            return
        if how == "finish":
            self.sink.finish()
        else:
            self.sink.abort()


class BodyStream:
    """The guest's handle to an outgoing body's stream; dropping it does not end the body."""

    def __init__(self, body: OutgoingBody) -> None:
        self._body = body

    def check(self) -> None:
        self._body.check()

    def write(self, data: bytes) -> None:
        self._body.write(data)


@dataclass
class OutgoingRequest:
    """A request that the guest sends."""

    headers: Fields
    method: Case = field(default_factory=lambda: Case("get"))
    path_with_query: str | None = None
    scheme: Case | None = None
    authority: str | None = None
    body: OutgoingBody = field(
        default_factory=lambda: OutgoingBody("HTTP-request-body-size"),
    )


@dataclass
class OutgoingResponse:
    """A response that the guest makes."""

    headers: Fields
    status: int = 200
    body: OutgoingBody = field(
        default_factory=lambda: OutgoingBody("HTTP-response-body-size"),
    )


@dataclass
class Outparam:
    """The place where the guest puts its response."""

    sink: ResponseSink
    result: Err | OutgoingResponse | None = None


@dataclass
class FutureResponse:
    """The response to an outgoing request, once `done` is set, and the exchange that brings it."""

    done: threading.Event = field(default_factory=threading.Event)
    result: IncomingResponse | Err | None = None
    is_taken: bool = False
    exchange: Future[None] | None = None

    def resolve(self, result: IncomingResponse | Err) -> None:
        """Set the response or the error; only the first call has an effect."""
        if not self.done.is_set():
            self.result = result
            self.done.set()

    def cancel(self) -> None:
        """End the exchange, whatever is still to be sent or read."""
        if self.exchange is not None:
            self.exchange.cancel()

    def close(self) -> None:
        """End the exchange, unless the guest has taken its response and may still read."""
        if not self.is_taken:
            self.cancel()


def content_length(headers: Fields) -> int | None:
    """Return the declared length in bytes; None if there is none.

    Errors: ValueError if it is not a number.
    """
    values = [value for name, value in headers.pairs if name == "content-length"]
    if not values:
        return None
    if not values[0].isdigit():
        raise ValueError(values[0])
    return int(values[0])


def frozen(headers: Fields) -> Fields:
    """Return a view of `headers` that the guest cannot change."""
    return Fields(headers.pairs, is_immutable=True)
