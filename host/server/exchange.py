"""One exchange with a client: passes its body to the guest's thread, and the response back.

Source: wasmtime `crates/wasi-http/src/p2/body.rs`, spin `crates/trigger-http/src/wasi.rs`.
"""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

from host.abi.values import Case
from host.interfaces.http.messages import Fields, Pairs, content_length
from host.interfaces.wasi.io import StreamClosed, StreamFailed
from host.interfaces.wasi.pipe import Pipe
from host.server.asgi import Receive, Send

Message = dict[str, Any]
"""An ASGI message."""
WITHOUT_BODY = frozenset({204, 304})
"""The statuses whose responses have no body, whatever the guest writes."""
BROKEN_OFF = Case("HTTP-protocol-error")
"""The error that a guest gets when a request's body breaks off."""
CUT: Message = {"type": "cut"}
"""The message that marks a response body as broken off."""


class ResponseCut(Exception):
    """The guest aborted its response, so the connection to the client is closed."""


async def read_request(receive: Receive, body: Pipe) -> None:
    """Read a request's whole body, one message ahead of the guest."""
    try:
        while (message := await receive())["type"] == "http.request":
            part = message.get("body", b"")
            if not message.get("more_body", False):
                body.end(part)
                return
            await body.put(part)
    except asyncio.CancelledError:  # nothing more is read, and the guest may be waiting
        body.end(failure=StreamFailed(BROKEN_OFF))
        raise
    body.end(failure=StreamFailed(BROKEN_OFF))


class ResponseQueue:
    """Carries a response from the guest's thread to the event loop.

    The head is kept until the next part comes, or the guest waits for something. So mostly the loop
    is woken only once, and the client reads only once.
    """

    def __init__(self, *, is_for_head: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self._is_for_head = is_for_head
        self._is_closed = threading.Event()
        self._head: list[Message | None] = []
        self._is_started = self._is_full = self._is_ended = False
        self._has_body = True
        self._left_bytes: int | None = None
        self.parts: asyncio.Queue[Message | None] = asyncio.Queue()

    def _put(self, *added: Message | None) -> None:
        parts, self._head = [*self._head, *added], []
        self._loop.call_soon_threadsafe(self._add, parts)

    def _add(self, parts: Sequence[Message | None]) -> None:
        for part in parts:
            self.parts.put_nowait(part)

    def start(self, status: int, headers: Pairs) -> None:
        """Take the head, even if the client is gone: the guest learns that from its next write."""
        raw = [(name.encode("latin-1"), value) for name, value in headers]
        self._head = [{"type": "http.response.start", "status": status, "headers": raw}]
        self._is_started = True
        self._has_body = not self._is_for_head and status not in WITHOUT_BODY
        if self._has_body:
            self._left_bytes = content_length(Fields(headers))

    def check(self) -> None:
        if self._is_full or self._is_ended or self._is_closed.is_set():
            raise StreamClosed

    def write(self, data: bytes) -> None:
        """Take a part of the body; after the last part that there may be, writing is refused."""
        self.check()
        if self._left_bytes is not None:
            self._left_bytes -= len(data)
        self._is_full = not self._has_body or self._left_bytes == 0
        if self._has_body:
            self._put({"type": "http.response.body", "body": data, "more_body": True})

    def finish(self) -> None:
        self._end({"type": "http.response.body", "body": b"", "more_body": False})

    def abort(self) -> None:
        self._end(CUT)

    def _end(self, last: Message) -> None:
        if not self._is_ended:
            self._is_ended = True
            self._put(last)

    def flush(self) -> None:
        """Send the head, if it is still kept, without waiting for the body."""
        if self._head:
            self._put()

    def end(self) -> None:
        """Take the end of the guest.

        A body that the guest left open counts as whole, unless its content-length says otherwise.
        """
        if self._is_started:
            self._end_of_body()
        self._put(None)

    def _end_of_body(self) -> None:
        if self._left_bytes:
            self.abort()
        else:
            self.finish()

    def close(self) -> None:
        """Note that the client is gone, so that the guest's next write fails."""
        self._is_closed.set()

    async def forward(self, send: Send) -> bool:
        """Send what the guest writes until the guest ends; return whether there was a response.

        Errors: ResponseCut.
        """
        is_started = False
        while (part := await self.parts.get()) is not None:
            if part is CUT:
                raise ResponseCut
            is_started = True
            await send(part)
        return is_started
