"""`wasi:io/streams` and `wasi:io/error`.

Streams here are plain objects with `read` or `write`. Source: WASI 0.2.0 `wit/io/streams.wit`,
wasmtime `crates/wasi-io/src/impls.rs`.
"""

from typing import Protocol

from host.abi.instance import Instance
from host.abi.values import Case, Err
from host.errors import Trap
from host.interfaces.wasi.poll import Arrival, Ready

WRITE_PERMIT_BYTES = 64 * 1024
"""What `check-write` offers."""
MOST_BLOCKING_BYTES = 4096
"""The most that one blocking write takes."""
CLOSED = Err(Case("closed"))


class StreamClosed(Exception):
    """An input is at its end, or whoever reads an output is gone."""


class StreamFailed(Exception):
    """A stream broke; `code` says why, as the `error-code` of `wasi:http/types`."""

    def __init__(self, code: Case) -> None:
        super().__init__(code.name if code.value is None else f"{code.name}: {code.value}")
        self.code = code


class InputStream(Protocol):
    """Where bytes come from."""

    def ready(self) -> bool:
        """Whether a read has something to give: bytes, the end, or a failure."""

    def wait(self, timeout_s: float | None) -> None:
        """Return when it is ready, or after `timeout_s`."""

    def read(self, length: int) -> bytes:
        """Return at most `length` bytes of what is there, and none where nothing is yet.

        Errors: StreamClosed at the end; StreamFailed.
        """

    def close(self) -> None:
        """Let go of where the bytes come from."""


class OutputStream(Protocol):
    """Where bytes go to."""

    def check(self) -> None:
        """Return if bytes may be written. Errors: StreamClosed."""

    def write(self, data: bytes) -> None:
        """Take all of `data`. Errors: StreamClosed, StreamFailed."""


class BytesInput:
    """An input stream over bytes at hand."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = memoryview(data)

    def ready(self) -> bool:
        return True

    def wait(self, timeout_s: float | None) -> None:
        """Return at once."""

    def read(self, length: int) -> bytes:
        """Return the next bytes."""
        if not self._data:
            raise StreamClosed
        chunk, self._data = self._data[:length], self._data[length:]
        return bytes(chunk)

    def close(self) -> None:
        """Do nothing."""


class Streams:
    """`wasi:io/streams` for one instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._table = instance.table

    def _failed(self, failure: StreamFailed) -> Err:
        return Err(Case("last-operation-failed", self._table.push(failure)))

    def input_stream_read(self, stream: int, length: int) -> bytes | Err:
        """Return up to `length` bytes of what is there."""
        source: InputStream = self._table.get(stream)
        if length == 0:
            return b""
        try:
            return source.read(length)
        except StreamClosed:
            return CLOSED
        except StreamFailed as failure:
            return self._failed(failure)

    def input_stream_blocking_read(self, stream: int, length: int) -> bytes | Err:
        """Return up to `length` bytes, once there are any."""
        source: InputStream = self._table.get(stream)
        if not source.ready():
            with self._instance.waiting():
                source.wait(None)
        return self.input_stream_read(stream, length)

    def input_stream_skip(self, stream: int, length: int) -> int | Err:
        """Read and drop up to `length` bytes of what is there."""
        chunk = self.input_stream_read(stream, length)
        return chunk if isinstance(chunk, Err) else len(chunk)

    def input_stream_blocking_skip(self, stream: int, length: int) -> int | Err:
        """Read and drop up to `length` bytes, once there are any."""
        chunk = self.input_stream_blocking_read(stream, length)
        return chunk if isinstance(chunk, Err) else len(chunk)

    def input_stream_subscribe(self, stream: int) -> int:
        """Make a pollable that is ready when a read has something to give."""
        return self._table.push_child(Arrival(self._table.get(stream)), stream)

    def output_stream_check_write(self, stream: int) -> int | Err:
        """Return how much may be written."""
        sink: OutputStream = self._table.get(stream)
        try:
            sink.check()
        except StreamClosed:
            return CLOSED
        return WRITE_PERMIT_BYTES

    def output_stream_write(self, stream: int, contents: bytes) -> Err | None:
        """Write all."""
        sink: OutputStream = self._table.get(stream)
        try:
            sink.write(contents)
        except StreamClosed:
            return CLOSED
        except StreamFailed as failure:
            return self._failed(failure)
        return None

    def output_stream_blocking_write_and_flush(self, stream: int, contents: bytes) -> Err | None:
        """Write all; more than may be written in one is a trap."""
        if len(contents) > MOST_BLOCKING_BYTES:
            raise Trap(f"a blocking write of more than {MOST_BLOCKING_BYTES} bytes")
        return self.output_stream_write(stream, contents)

    def output_stream_flush(self, stream: int) -> Err | None:
        """Hold nothing back, as ever."""
        permit = self.output_stream_check_write(stream)
        return permit if isinstance(permit, Err) else None

    output_stream_blocking_flush = output_stream_flush

    def output_stream_subscribe(self, stream: int) -> int:
        """Make a pollable; writes never wait."""
        self._table.get(stream)
        return self._table.push_child(Ready(), stream)

    def output_stream_write_zeroes(self, stream: int, length: int) -> Err | None:
        """Write `length` zero bytes."""
        return self.output_stream_write(stream, bytes(length))

    def output_stream_blocking_write_zeroes_and_flush(self, stream: int, length: int) -> Err | None:
        """Write `length` zero bytes; more than may be written in one is a trap."""
        return self.output_stream_blocking_write_and_flush(stream, bytes(length))

    def output_stream_splice(self, stream: int, source: int, length: int) -> int | Err:
        """Move up to `length` bytes of what is there from `source`."""
        return self._move(stream, self.input_stream_read(source, length))

    def output_stream_blocking_splice(self, stream: int, source: int, length: int) -> int | Err:
        """Move up to `length` bytes from `source`, once there are any."""
        return self._move(stream, self.input_stream_blocking_read(source, length))

    def _move(self, stream: int, chunk: bytes | Err) -> int | Err:
        if isinstance(chunk, Err):
            return chunk
        failed = self.output_stream_write(stream, chunk)
        return len(chunk) if failed is None else failed


class Errors:
    """`wasi:io/error` for one instance."""

    def __init__(self, instance: Instance) -> None:
        self._table = instance.table

    def error_to_debug_string(self, error: int) -> str:
        """Return the error's text."""
        return str(self._table.get(error))
