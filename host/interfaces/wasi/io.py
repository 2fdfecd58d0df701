"""`wasi:io/streams` and `wasi:io/error`.

A stream is a plain object with `read` or `write`.

Source: WASI 0.2.0 `wit/io/streams.wit`, wasmtime `crates/wasi-io/src/impls.rs`.
"""

from typing import Protocol

from host.abi.instance import Instance
from host.abi.values import Case, Err
from host.errors import Trap
from host.interfaces.wasi.poll import Arrival, Ready

WRITE_PERMIT_BYTES = 64 * 1024
"""How many bytes `check-write` allows."""
MAX_BLOCKING_BYTES = 4096
"""The most bytes that one blocking write takes."""
CLOSED = Err(Case("closed"))


class StreamClosed(Exception):
    """An input is at its end, or nobody reads an output any more."""


class StreamFailed(Exception):
    """A stream broke; `code` says why, as the `error-code` of `wasi:http/types`."""

    def __init__(self, code: Case) -> None:
        super().__init__(code.name if code.value is None else f"{code.name}: {code.value}")
        self.code = code


class InputStream(Protocol):
    """A source of bytes."""

    def ready(self) -> bool:
        """Whether a read would find something: bytes, the end, or a failure."""

    def wait(self, timeout_s: float | None) -> None:
        """Wait until the stream is ready, at most `timeout_s`."""

    def read(self, length: int) -> bytes:
        """Return up to `length` of the bytes that have come; none if none have come yet.

        Errors: StreamClosed at the end; StreamFailed.
        """

    def close(self) -> None:
        """Close the source of the bytes."""


class OutputStream(Protocol):
    """A destination of bytes."""

    def check(self) -> None:
        """Check that bytes may be written.

        Errors: StreamClosed.
        """

    def write(self, data: bytes) -> None:
        """Take all of `data`.

        Errors: StreamClosed, StreamFailed.
        """


class BytesInput:
    """An input stream over bytes in memory."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = memoryview(data)

    def ready(self) -> bool:
        return True

    def wait(self, timeout_s: float | None) -> None:
        """Return at once."""

    def read(self, length: int) -> bytes:
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
        """Return up to `length` of the bytes that have come."""
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
        """Wait until bytes have come, and return up to `length` of them."""
        source: InputStream = self._table.get(stream)
        if not source.ready():
            with self._instance.waiting():
                source.wait(None)
        return self.input_stream_read(stream, length)

    def input_stream_skip(self, stream: int, length: int) -> int | Err:
        """Read and drop up to `length` of the bytes that have come."""
        chunk = self.input_stream_read(stream, length)
        return chunk if isinstance(chunk, Err) else len(chunk)

    def input_stream_blocking_skip(self, stream: int, length: int) -> int | Err:
        """Wait until bytes have come, and drop up to `length` of them."""
        chunk = self.input_stream_blocking_read(stream, length)
        return chunk if isinstance(chunk, Err) else len(chunk)

    def input_stream_subscribe(self, stream: int) -> int:
        """Make a pollable that is ready when a read would find something."""
        return self._table.push_child(Arrival(self._table.get(stream)), stream)

    def output_stream_check_write(self, stream: int) -> int | Err:
        """Return how many bytes may be written."""
        sink: OutputStream = self._table.get(stream)
        try:
            sink.check()
        except StreamClosed:
            return CLOSED
        return WRITE_PERMIT_BYTES

    def output_stream_write(self, stream: int, contents: bytes) -> Err | None:
        sink: OutputStream = self._table.get(stream)
        try:
            sink.write(contents)
        except StreamClosed:
            return CLOSED
        except StreamFailed as failure:
            return self._failed(failure)
        return None

    def output_stream_blocking_write_and_flush(self, stream: int, contents: bytes) -> Err | None:
        """Write all of `contents`; more than one write may take is a trap."""
        if len(contents) > MAX_BLOCKING_BYTES:
            raise Trap(f"a blocking write of more than {MAX_BLOCKING_BYTES} bytes")
        return self.output_stream_write(stream, contents)

    def output_stream_flush(self, stream: int) -> Err | None:
        """Check the stream only: writes are never held back."""
        permit = self.output_stream_check_write(stream)
        return permit if isinstance(permit, Err) else None

    output_stream_blocking_flush = output_stream_flush

    def output_stream_subscribe(self, stream: int) -> int:
        """Make a pollable that is always ready, as writes never wait."""
        self._table.get(stream)
        return self._table.push_child(Ready(), stream)

    def output_stream_write_zeroes(self, stream: int, length: int) -> Err | None:
        return self.output_stream_write(stream, bytes(length))

    def output_stream_blocking_write_zeroes_and_flush(self, stream: int, length: int) -> Err | None:
        """Write `length` zero bytes; more than one write may take is a trap."""
        return self.output_stream_blocking_write_and_flush(stream, bytes(length))

    def output_stream_splice(self, stream: int, source: int, length: int) -> int | Err:
        """Move up to `length` of the bytes that have come from `source`."""
        return self._move(stream, self.input_stream_read(source, length))

    def output_stream_blocking_splice(self, stream: int, source: int, length: int) -> int | Err:
        """Wait until bytes have come from `source`, and move up to `length` of them."""
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
        return str(self._table.get(error))
