"""Serves an application over HTTP as Spin's HTTP trigger does, as an ASGI application.

Source: spin `crates/trigger-http/src/{server,headers,wasi}.rs`.
"""

import asyncio
import json
import traceback
from concurrent.futures import ThreadPoolExecutor

from host.abi.compiling import MAX_INSTANCES
from host.app.manifest import StaticResponse
from host.app.routes import Match, find_route
from host.interfaces.http.messages import FORBIDDEN, Fields, IncomingRequest, Pairs
from host.interfaces.wasi.io import InputStream
from host.interfaces.wasi.pipe import Pipe
from host.server.application import Application
from host.server.asgi import Receive, Scope, Send, reply
from host.server.exchange import ResponseQueue, read_request
from host.server.watching import WATCHERS, Watchers
from host.terminal import say

WELL_KNOWN = "/.well-known/spin/"


def spin_headers(match: Match, scope: Scope, host: str) -> Pairs:
    """Return the headers that Spin adds behind the client's own."""
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
        *((path_match_header(name), value) for name, value in match.named),
    ]
    return [(name, value.encode("latin-1")) for name, value in headers]


def path_match_header(name: str) -> str:
    """Return the name of the header that carries what a route's segment `:name` matched."""
    return f"spin-path-match-{name.lower().replace('_', '-')}"


class HttpTrigger:
    """The ASGI application."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._threads = ThreadPoolExecutor(MAX_INSTANCES, thread_name_prefix="guest")
        self._limits = app.options.limits
        self._free = asyncio.Semaphore(self._limits.instances)
        self._waiting = 0

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
        body = Pipe()
        request = _incoming(match, scope, body)
        if request is None:
            await reply(send, 500)
            return
        if self._free.locked() and self._waiting >= self._limits.waiting:
            say(f"{self._limits.instances} requests run and {self._waiting} wait: one was refused")
            await reply(send, 503, headers=[(b"retry-after", b"1")])
            return
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        queue = ResponseQueue(is_for_head=scope["method"] == "HEAD")
        watchers: Watchers = scope["state"][WATCHERS]
        watchers.add(queue.close)
        reading = asyncio.create_task(read_request(receive, body))
        try:
            # Mostly the whole body has come already: then the guest need not wait for it
            await asyncio.sleep(0)
            self._threads.submit(self._run_guest, match.route.component, request, queue)
            if not await queue.forward(send):
                await reply(send, 500)
        finally:
            watchers.discard(queue.close)
            queue.close()
            reading.cancel()
            self._free.release()

    def _run_guest(self, component: str, request: IncomingRequest, queue: ResponseQueue) -> None:
        try:
            fault = self._app.run(component, request, queue)
            if fault is not None:
                say(f"Error processing request: {fault}")
        except Exception:  # noqa: BLE001 - a fault of the host's own; the client is answered 500 and others go on
            traceback.print_exc()
        finally:
            queue.end()


def _incoming(match: Match, scope: Scope, body: InputStream) -> IncomingRequest | None:
    """Return the request as the guest gets it; None if a header is not UTF-8."""
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
        body,
    )


async def _reply_static(send: Send, static: StaticResponse) -> None:
    body = static.body.encode()
    headers = [(name.lower().encode(), value.encode()) for name, value in static.headers]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": static.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
