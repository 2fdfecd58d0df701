"""Serves an app over HTTP, as Spin's HTTP trigger does; an ASGI application.

Source: spin `crates/trigger-http/src/{server,headers,wasi}.rs`.
"""

import asyncio
import json
import threading
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from host.application import Application
from host.asgi import Receive, Scope, Send, reply
from host.compiling import MOST_INSTANCES
from host.http.messages import FORBIDDEN, Fields, IncomingRequest, Pairs
from host.manifest import StaticResponse
from host.routes import Match, find_route
from host.terminal import say
from host.wasi.io import BytesInput, ChunksInput, InputStream, StreamClosed

WELL_KNOWN = "/.well-known/spin/"


def spin_headers(match: Match, scope: Scope, host: str) -> Pairs:
    """Make the headers that Spin adds behind the client's own."""
    path = scope["raw_path"].decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    address, port = scope["client"] or ("127.0.0.1", 0)
    client = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    route = match.route
    headers = [
        ("spin-full-url", f"{scope['scheme']}://{host}{path}{'?' + query if query else ''}"),
        ("spin-path-info", match.path_info),
        ("spin-matched-route", route.pattern),
        ("spin-base-path", "/"),
        ("spin-raw-component-route", route.pattern),
        ("spin-component-route", route.base),
        ("spin-client-addr", client),
        *((f"spin-path-match-{name}", value) for name, value in match.named),
    ]
    return [(name, value.encode("latin-1")) for name, value in headers]


class ResponseQueue:
    """Carries a response from the guest's thread to the event loop.

    The head goes with what comes next, or when the guest waits: mostly the loop is woken once, and
    the client reads once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._closed = threading.Event()
        self._head: list[dict[str, Any] | None] = []
        self.parts: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def _put(self, *added: dict[str, Any] | None) -> None:
        parts, self._head = [*self._head, *added], []
        self._loop.call_soon_threadsafe(self._add, parts)

    def _add(self, parts: Sequence[dict[str, Any] | None]) -> None:
        for part in parts:
            self.parts.put_nowait(part)

    def _check(self) -> None:
        if self._closed.is_set():
            raise StreamClosed

    def start(self, status: int, headers: Pairs) -> None:
        """Take the head."""
        self._check()
        raw = [(name.encode("latin-1"), value) for name, value in headers]
        self._head = [{"type": "http.response.start", "status": status, "headers": raw}]

    def write(self, data: bytes) -> None:
        """Take a part of the body."""
        self._check()
        self._put({"type": "http.response.body", "body": data, "more_body": True})

    def finish(self) -> None:
        """Take the end of the body."""
        self._check()
        self._put({"type": "http.response.body", "body": b"", "more_body": False})

    def flush(self) -> None:
        """Let the head go by itself."""
        if self._head:
            self._put()

    def end(self) -> None:
        """Say that the guest has ended, well or not."""
        self._put(None)

    def close(self) -> None:
        """Say that the client is gone."""
        self._closed.set()


class ResponseCut(Exception):
    """The guest ended in the middle of its response; the connection is closed on the client."""


class HttpTrigger:
    """The ASGI application."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._threads = ThreadPoolExecutor(MOST_INSTANCES, thread_name_prefix="guest")
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        path = scope["raw_path"].decode("latin-1")
        if path.startswith(WELL_KNOWN):
            await self._well_known(path.removeprefix(WELL_KNOWN), send)
            return
        match = find_route(self._app.manifest.routes, path)
        if match is None:
            await reply(send, 404)
            return
        static = self._app.manifest.static_responses.get(match.route.component)
        if static is not None:
            await _reply_static(send, static)
            return
        await self._run_component(match, scope, receive, send)

    async def _well_known(self, name: str, send: Send) -> None:
        if name == "health":
            await reply(send, 200, b"OK")
        elif name == "info":
            manifest = self._app.manifest
            info = {"name": manifest.name, "version": manifest.version, "bindle_version": None}
            await reply(send, 200, json.dumps(info).encode(), "application/json")
        else:
            await reply(send, 404)

    async def _run_component(
        self, match: Match, scope: Scope, receive: Receive, send: Send
    ) -> None:
        request = await self._incoming(match, scope, receive)
        if request is None or self._running >= MOST_INSTANCES:
            if request is not None:
                say(f"maximum concurrent instance limit of {MOST_INSTANCES} reached")
            await reply(send, 500)
            return
        queue = ResponseQueue(asyncio.get_running_loop())
        self._running += 1
        self._threads.submit(self._run_guest, match.route.component, request, queue)
        try:
            await _forward(queue, send)
        finally:
            queue.close()
            self._running -= 1

    def _run_guest(self, component: str, request: IncomingRequest, queue: ResponseQueue) -> None:
        try:
            fault = self._app.run(component, request, queue)
            if fault is not None:
                say(f"Error processing request: {fault}")
        except Exception:  # noqa: BLE001 - a fault of the host's own; the client is answered 500 and others go on
            traceback.print_exc()
        finally:
            queue.end()

    async def _incoming(
        self, match: Match, scope: Scope, receive: Receive
    ) -> IncomingRequest | None:
        """Make the guest's request; None if a header is not UTF-8."""
        try:
            pairs = [(name.decode("ascii"), value) for name, value in scope["headers"]]
            for _, value in pairs:
                value.decode()
        except UnicodeDecodeError:
            return None
        host = next((value.decode("latin-1") for name, value in pairs if name == "host"), "")
        visible = [pair for pair in pairs if pair[0] not in FORBIDDEN]
        query = scope["query_string"].decode("latin-1")
        path = scope["raw_path"].decode("latin-1")
        return IncomingRequest(
            scope["method"],
            f"{path}?{query}" if query else path,
            host,
            Fields(visible + spin_headers(match, scope, host)),
            _body(await receive(), receive),
        )


def _body(first: dict[str, Any], receive: Receive) -> InputStream:
    """Make the stream of a request's body; `first` is its first message, and mostly all."""
    if not first.get("more_body"):
        return BytesInput(first.get("body", b""))
    loop = asyncio.get_running_loop()
    is_ended = False

    def fetch() -> bytes | None:
        nonlocal is_ended
        if is_ended:
            return None
        message = asyncio.run_coroutine_threadsafe(_next(receive), loop).result()
        is_ended = not message.get("more_body")
        return message.get("body", b"") if message["type"] == "http.request" else None

    return ChunksInput(fetch, first.get("body", b""))


async def _next(receive: Receive) -> dict[str, Any]:
    return await receive()


async def _forward(queue: ResponseQueue, send: Send) -> None:
    """Send what the guest writes; 500 with an empty body if it ends before its head."""
    is_started = is_finished = False
    while True:
        part = await queue.parts.get()
        if part is None:
            break
        is_started = True
        is_finished = part["type"] == "http.response.body" and not part["more_body"]
        await send(part)
    if not is_started:
        await reply(send, 500)
    elif not is_finished:
        raise ResponseCut


async def _reply_static(send: Send, static: StaticResponse) -> None:
    body = static.body.encode()
    headers = [(name.lower().encode(), value.encode()) for name, value in static.headers]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": static.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
