"""An input stream that passes chunks from an event loop to a guest in a thread."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from host.interfaces.wasi.io import StreamClosed, StreamFailed


class Pipe:
    """Passes a guest one chunk after the other; only one chunk may wait for the guest.

    The event loop calls `put` and `end`, one call at a time; the guest's thread calls the rest.
    """

    def __init__(self, close: Callable[[], object] = lambda: None) -> None:
        self._loop = asyncio.get_running_loop()
        self._close = close
        self._chunks: deque[bytes] = deque()
        self._left = b""
        self._end: StreamClosed | StreamFailed | None = None
        self._is_there = threading.Event()
        self._room: asyncio.Event | None = None

    async def put(self, chunk: bytes) -> None:
        """Pass `chunk` on as soon as the guest has taken the chunk before."""
        if not chunk:
            return
        self._room = asyncio.Event()
        if self._chunks:
            await self._room.wait()
        self._room = None
        self._chunks.append(chunk)
        self._is_there.set()

    def end(self, last: bytes = b"", failure: StreamFailed | None = None) -> None:
        """Pass on the last chunk, and then the end; `failure` says why the end came too early."""
        if last:
            self._chunks.append(last)
        self._end = failure or StreamClosed()
        self._is_there.set()

    def ready(self) -> bool:
        return bool(self._left) or self._is_there.is_set()

    def wait(self, timeout_s: float | None) -> None:
        """Wait for the next chunk or the end."""
        if not self._left:
            self._is_there.wait(timeout_s)

    def read(self, length: int) -> bytes:
        """Return the rest of the last chunk, or else the next chunk if it has come."""
        if not self._left and self._is_there.is_set():
            self._take()
        chunk, self._left = self._left[:length], self._left[length:]
        return chunk

    def _take(self) -> None:
        if self._chunks:
            self._left = self._chunks.popleft()
        elif self._end is not None:
            end, self._end = self._end, StreamClosed()
            raise end
        self._is_there.clear()
        if self._chunks or self._end is not None:  # there was more, or it came meanwhile
            self._is_there.set()
        room = self._room
        if room is not None:
            self._loop.call_soon_threadsafe(room.set)

    def close(self) -> None:
        """Close the source, because the guest reads no further."""
        self._close()
