"""What `wasi:http/types` is about: requests, responses, bodies and fields.

Source: WASI 0.2.0 `wit/http/types.wit`, wasmtime `crates/wasi-http`, spin `crates/trigger-http`.
"""

import re
import threading
from dataclasses import dataclass, field
from typing import Protocol

from host.errors import Trap
from host.values import Case, Err
from host.wasi.io import InputStream, StreamClosed

FORBIDDEN = frozenset({
    "host", "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
    "proxy-connection", "transfer-encoding", "upgrade", "http2-settings",
})  # fmt: skip
"""Headers that a guest neither sees nor may set."""
FIELDS_LIMIT_BYTES = 128 * 1024
"""All names and values of one set of fields together. Source: wasmtime 42."""
TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
STATUSES = range(100, 1000)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")

Pairs = list[tuple[str, bytes]]


@dataclass
class Fields:
    """Header fields in their order; names in lower case."""

    pairs: Pairs = field(default_factory=list)
    is_immutable: bool = False

    def fault(self, name: str, values: list[bytes]) -> Err | None:
        """Say why `values` may not be added under `name`; None if they may."""
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


class ResponseSink(Protocol):
    """Where a response goes while the guest makes it."""

    def start(self, status: int, headers: Pairs) -> None:
        """Take the head."""

    def write(self, data: bytes) -> None:
        """Take a part of the body; raises `StreamClosed` when the client is gone."""

    def finish(self) -> None:
        """Take the end of the body."""

    def flush(self) -> None:
        """Send what was kept to go with the next part, which may be long in coming."""


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
    """A body that the guest reads, once."""

    stream: InputStream | None

    def close(self) -> None:
        """Close the stream, unless the guest has taken it and may still read."""
        if self.stream is not None:
            self.stream.close()


@dataclass
class OutgoingBody:
    """A body that the guest writes: kept until it has a sink, then passed on."""

    sink: ResponseSink | None = None
    kept: list[bytes] = field(default_factory=list)
    finished: threading.Event = field(default_factory=threading.Event)
    expected_bytes: int | None = None
    written_bytes: int = 0
    is_taken: bool = False

    def write(self, data: bytes) -> None:
        """Pass `data` on, or keep it."""
        self.written_bytes += len(data)
        if self.expected_bytes is not None and self.written_bytes > self.expected_bytes:
            raise StreamClosed
        if self.sink is None:
            self.kept.append(data)
        else:
            self.sink.write(data)

    def finish(self) -> bool:
        """End the body; False if it is shorter than its content-length."""
        if self.expected_bytes is not None and self.written_bytes != self.expected_bytes:
            return False
        self.finished.set()
        if self.sink is not None:
            self.sink.finish()
        return True


class BodyStream:
    """The guest's handle to an outgoing body's stream; dropping it leaves the body."""

    def __init__(self, body: OutgoingBody) -> None:
        self._body = body

    def write(self, data: bytes) -> None:
        self._body.write(data)


@dataclass
class OutgoingRequest:
    """A request of the guest's."""

    headers: Fields
    method: Case = field(default_factory=lambda: Case("get"))
    path_with_query: str | None = None
    scheme: Case | None = None
    authority: str | None = None
    body: OutgoingBody = field(default_factory=OutgoingBody)


@dataclass
class OutgoingResponse:
    """A response of the guest's."""

    headers: Fields
    status: int = 200
    body: OutgoingBody = field(default_factory=OutgoingBody)


@dataclass
class Outparam:
    """Where the guest puts its response."""

    sink: ResponseSink
    result: Err | OutgoingResponse | None = None


@dataclass
class FutureResponse:
    """The response to an outgoing request, once `done`."""

    done: threading.Event = field(default_factory=threading.Event)
    result: IncomingResponse | Err | None = None
    is_taken: bool = False


def content_length(headers: Fields) -> int | None:
    """Return the declared length in bytes, if there is one."""
    values = [value for name, value in headers.pairs if name == "content-length"]
    return int(values[0]) if values and values[0].isdigit() else None


def frozen(headers: Fields) -> Fields:
    """Give a view of `headers` that the guest cannot change."""
    return Fields(headers.pairs, is_immutable=True)
