"""`wasi:io`: pollables and streams.

Source: WASI 0.2.0 `wit/io`. Streams here are plain objects with `read` or `write`; a closed input
gives None, a closed output raises `StreamClosed`.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from host.instance import Instance
from host.values import Case, Err

WRITE_PERMIT_BYTES = 64 * 1024
"""What `check-write` offers."""
POLL_STEP_S = 0.002
"""How long one of several pollables is waited for before the others are looked at."""
CLOSED = Err(Case("closed"))


class StreamClosed(Exception):
    """The other end of an output stream is gone."""


class InputStream(Protocol):
    """Where bytes come from."""

    @property
    def waits(self) -> bool:
        """Whether the next read may wait."""

    def read(self, length: int) -> bytes | None:
        """Return at least one and at most `length` bytes, waiting for them; None at the end."""

    def close(self) -> None:
        """Let go of where the bytes come from."""


class OutputStream(Protocol):
    """Where bytes go to."""

    def write(self, data: bytes) -> None:
        """Take all of `data`; raises `StreamClosed`."""


class Pollable(Protocol):
    """Something that becomes ready."""

    def ready(self) -> bool:
        """Say whether it is ready now."""

    def wait(self, timeout_s: float | None) -> None:
        """Return when it is ready, or after `timeout_s`."""


class Ready:
    """A pollable that always is."""

    def ready(self) -> bool:
        """Return True."""
        return True

    def wait(self, timeout_s: float | None) -> None:
        """Return at once."""


class Timer:
    """A pollable that is ready from the monotonic time `at_s` on."""

    def __init__(self, at_s: float) -> None:
        self._at_s = at_s

    def ready(self) -> bool:
        """Say whether the time has come."""
        return time.monotonic() >= self._at_s

    def wait(self, timeout_s: float | None) -> None:
        """Sleep until the time."""
        left = max(0.0, self._at_s - time.monotonic())
        time.sleep(left if timeout_s is None else min(left, timeout_s))


class Signal:
    """A pollable that is ready once its event is set."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def ready(self) -> bool:
        """Say whether the event is set."""
        return self._event.is_set()

    def wait(self, timeout_s: float | None) -> None:
        """Wait for the event."""
        self._event.wait(timeout_s)


class BytesInput:
    """An input stream over bytes at hand."""

    waits = False

    def __init__(self, data: bytes = b"") -> None:
        self._data = memoryview(data)

    def read(self, length: int) -> bytes | None:
        """Return the next bytes."""
        if not self._data:
            return None
        chunk, self._data = self._data[:length], self._data[length:]
        return bytes(chunk)

    def close(self) -> None:
        """Do nothing."""


class ChunksInput:
    """An input stream over chunks that arrive; `fetch` waits for one, and gives None at the end."""

    def __init__(
        self,
        fetch: Callable[[], bytes | None],
        first: bytes = b"",
        close: Callable[[], None] | None = None,
    ) -> None:
        self._fetch = fetch
        self._left = first
        self._close = close

    @property
    def waits(self) -> bool:
        """Whether the next chunk has to be fetched."""
        return not self._left

    def read(self, length: int) -> bytes | None:
        """Return what is left of the last chunk, or of the next."""
        while not self._left:
            chunk = self._fetch()
            if chunk is None:
                return None
            self._left = chunk
        chunk, self._left = self._left[:length], self._left[length:]
        return chunk

    def close(self) -> None:
        """Close the source, as a guest does that reads no further."""
        if self._close is not None:
            self._close()


class Poll:
    """`wasi:io/poll` for one instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def pollable_ready(self, pollable: int) -> bool:
        """Say whether it is ready."""
        return bool(self._instance.table.get(pollable).ready())

    def pollable_block(self, pollable: int) -> None:
        """Wait until it is ready."""
        self.poll([pollable])

    def poll(self, pollables: list[int]) -> list[int]:
        """Wait until one or more are ready, and return their places in the list."""
        items: list[Pollable] = [self._instance.table.get(number) for number in pollables]
        while True:
            ready = [place for place, item in enumerate(items) if item.ready()]
            if ready:
                return ready
            with self._instance.waiting():
                items[0].wait(None if len(items) == 1 else POLL_STEP_S)


class Streams:
    """`wasi:io/streams` for one instance.

    Reads wait for their first byte: everything that a guest reads here is at hand or soon will be.
    """

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._table = instance.table

    def input_stream_read(self, stream: int, length: int) -> bytes | Err:
        """Return up to `length` bytes."""
        if length == 0:
            return b""
        source: InputStream = self._table.get(stream)
        if source.waits:
            with self._instance.waiting():
                chunk = source.read(length)
        else:
            chunk = source.read(length)
        return CLOSED if chunk is None else chunk

    input_stream_blocking_read = input_stream_read

    def input_stream_skip(self, stream: int, length: int) -> int | Err:
        """Read and drop up to `length` bytes."""
        chunk = self.input_stream_read(stream, length)
        return chunk if isinstance(chunk, Err) else len(chunk)

    input_stream_blocking_skip = input_stream_skip

    def input_stream_subscribe(self, stream: int) -> int:
        """Make a pollable; reads wait by themselves."""
        self._table.get(stream)
        return self._table.push(Ready())

    def output_stream_check_write(self, stream: int) -> int:
        """Say how much may be written."""
        self._table.get(stream)
        return WRITE_PERMIT_BYTES

    def output_stream_write(self, stream: int, contents: bytes) -> Err | None:
        """Write all."""
        try:
            self._table.get(stream).write(contents)
        except StreamClosed:
            return CLOSED
        return None

    output_stream_blocking_write_and_flush = output_stream_write

    def output_stream_flush(self, stream: int) -> None:
        """Do nothing: writes are not held back."""
        self._table.get(stream)

    output_stream_blocking_flush = output_stream_flush

    def output_stream_subscribe(self, stream: int) -> int:
        """Make a pollable; writes never wait."""
        self._table.get(stream)
        return self._table.push(Ready())

    def output_stream_write_zeroes(self, stream: int, length: int) -> Err | None:
        """Write `length` zero bytes."""
        return self.output_stream_write(stream, bytes(length))

    output_stream_blocking_write_zeroes_and_flush = output_stream_write_zeroes

    def output_stream_splice(self, stream: int, source: int, length: int) -> int | Err:
        """Move up to `length` bytes from `source`."""
        chunk = self.input_stream_read(source, length)
        if isinstance(chunk, Err):
            return chunk
        failed = self.output_stream_write(stream, chunk)
        return len(chunk) if failed is None else failed

    output_stream_blocking_splice = output_stream_splice


class Errors:
    """`wasi:io/error` for one instance."""

    def __init__(self, instance: Instance) -> None:
        self._table = instance.table

    def error_to_debug_string(self, error: int) -> str:
        """Return the error's text."""
        return str(self._table.get(error))
