"""Sends the guests' requests on an event loop of its own, where each can be ended at any time.

A request's body is sent while its response comes in.

Source: spin `crates/factor-outbound-http/src/wasi.rs`.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any

import h11

from host.abi.values import Case, Err
from host.interfaces.http.connection import Connection, NoConnection, Origin, Pool
from host.interfaces.http.messages import (
    FORBIDDEN,
    Fields,
    FutureResponse,
    IncomingResponse,
    OutgoingRequest,
)
from host.interfaces.wasi.io import StreamClosed, StreamFailed
from host.interfaces.wasi.pipe import Pipe

DEFAULT_TIMEOUT_S = 600.0
"""The timeout for connecting, for the response's head, and between two parts of its body."""
NS_PER_S = 1_000_000_000
STOP_TIMEOUT_S = 5.0
ENDED = Err(Case("connection-terminated"))
"""The error for a guest that still waits when the host ends."""
WITHOUT_BODY = frozenset({"get", "head", "connect"})
"""Methods whose requests have no body, unless they have a content-length. Source: hyper."""

Timeouts = Mapping[str, int | None]
"""The timeouts `connect`, `first_byte` and `between_bytes` in nanoseconds; None is the default."""


class BodyAborted(Exception):
    """The guest dropped its request's body unfinished."""


class RequestBody:
    """Carries a request's body from the guest's thread to the client's event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._is_closed = self._is_over = False
        self._parts: asyncio.Queue[bytes | BodyAborted | None] = asyncio.Queue()

    def _put(self, part: bytes | BodyAborted | None) -> None:
        if not self._is_over:
            self._loop.call_soon_threadsafe(self._parts.put_nowait, part)

    def check(self) -> None:
        if self._is_closed:
            raise StreamClosed

    def write(self, data: bytes) -> None:
        self.check()
        self._put(data)

    def finish(self) -> None:
        self._put(None)

    def abort(self) -> None:
        self._put(BodyAborted())

    def end(self) -> None:
        """Drop all that is still written, because the response or its error has come."""
        self._is_over = True

    def close(self) -> None:
        """Refuse all further writes, because the connection broke."""
        self._is_closed = self._is_over = True

    async def next(self) -> bytes | None:
        """Wait for the next part; return None at the end.

        Errors: BodyAborted.
        """
        part = await self._parts.get()
        if isinstance(part, BodyAborted):
            raise part
        return part


class HttpClient:
    """The application's HTTP client and its pool of connections.

    `own_url` is the URL of the application itself.
    """

    def __init__(self, own_url: str) -> None:
        self.own_url = own_url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="outgoing-http", daemon=True
        )
        self._thread.start()
        self._pool = Pool()

    def send(
        self, origin: Origin, request: OutgoingRequest, timeouts: Timeouts, future: FutureResponse
    ) -> None:
        """Begin to send `request`; `future` gets the response, and can end the exchange."""
        body = RequestBody(self._loop)
        request.body.attach(body)
        exchange = Exchange(self._pool, origin, request, body, timeouts)
        future.exchange = self._run(exchange.run(future))

    def _run(self, running: Coroutine[Any, Any, None]) -> "Future[None]":
        return asyncio.run_coroutine_threadsafe(running, self._loop)

    def close(self) -> None:
        """End all exchanges, and close all connections."""
        self._run(self._end()).result(STOP_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_TIMEOUT_S)
        self._loop.close()

    async def _end(self) -> None:
        exchanges = asyncio.all_tasks() - {asyncio.current_task()}
        for exchange in exchanges:
            exchange.cancel()
        await asyncio.gather(*exchanges, return_exceptions=True)
        self._pool.close()


class Exchange:
    """One request of a guest and its response."""

    def __init__(
        self,
        pool: Pool,
        origin: Origin,
        request: OutgoingRequest,
        body: RequestBody,
        timeouts: Timeouts,
    ) -> None:
        self._pool = pool
        self._origin = origin
        self._request = request
        self._body = body
        self._timeouts = timeouts

    async def run(self, future: FutureResponse) -> None:
        """Send the request and pass its response on, as far as the guest reads it."""
        try:
            async with asyncio.timeout(self._seconds("first_byte")) as time_left:
                connection = await self._connect()
                async with self._sending(connection):
                    head = await receive_head(connection)
                    time_left.reschedule(None)
                    pipe = Pipe(close=future.cancel)
                    future.resolve(as_incoming(head, pipe))
                    await pass_on(connection, pipe, self._seconds("between_bytes"))
        except asyncio.CancelledError:
            self._body.close()
            future.resolve(ENDED)
            raise
        except NoConnection as error:  # it may come before the guest has written anything
            self._body.end()
            future.resolve(Err(error.code))
        except Exception as error:  # noqa: BLE001 - the guest waits for this future; it must always end
            self._body.close()
            future.resolve(Err(error_code(error)))
        else:
            self._body.end()

    def _seconds(self, timeout: str) -> float:
        value = self._timeouts.get(timeout)
        return DEFAULT_TIMEOUT_S if value is None else value / NS_PER_S

    async def _connect(self) -> Connection:
        waiting = await self._pool.take(self._origin)
        if waiting is not None:
            return waiting
        try:
            async with asyncio.timeout(self._seconds("connect")):
                return await self._pool.open(self._origin)
        except TimeoutError as error:
            raise NoConnection(Case("connection-timeout")) from error

    @asynccontextmanager
    async def _sending(self, connection: Connection) -> AsyncIterator[None]:
        """Send the request while the block runs; stop sending when the block ends."""
        sending = asyncio.create_task(self._send(connection))
        try:
            yield
        finally:
            sending.cancel()
            self._pool.give_back(self._origin, connection)

    async def _send(self, connection: Connection) -> None:
        """Send the request; if that fails, the response tells why, or does not come."""
        has_body = self._has_body()
        try:
            await connection.send(self._head(has_body=has_body))
            while has_body and (part := await self._body.next()) is not None:
                await connection.send(h11.Data(data=part))
            await connection.send(h11.EndOfMessage())
        except (h11.ProtocolError, BodyAborted):
            connection.close()
        except OSError:
            pass  # the server may have answered before it hung up

    def _has_body(self) -> bool:
        body = self._request.body
        has_length = body.expected_bytes is not None
        return body.is_taken and (has_length or self._request.method.name not in WITHOUT_BODY)

    def _head(self, *, has_body: bool) -> h11.Request:
        method, path = self._request.method, self._request.path_with_query or "/"
        headers = [(name.encode(), value) for name, value in self._request.headers.pairs]
        headers.append((b"host", self._origin.authority.encode()))
        if has_body and self._request.body.expected_bytes is None:
            headers.append((b"transfer-encoding", b"chunked"))
        name = method.value if method.name == "other" else method.name.upper()
        target = path if path.startswith("/") else f"/{path}"
        return h11.Request(method=name.encode(), target=target.encode(), headers=headers)


async def receive_head(connection: Connection) -> h11.Response:
    """Wait for the head of the response.

    Errors: OSError, h11.ProtocolError.
    """
    while not isinstance(event := await connection.receive(), h11.Response):
        pass  # informational responses may come before it
    return event


def as_incoming(head: h11.Response, body: Pipe) -> IncomingResponse:
    """Return the response as the guest sees it."""
    pairs = [(name.decode(), value) for name, value in head.headers]
    visible = [pair for pair in pairs if pair[0] not in FORBIDDEN]
    return IncomingResponse(head.status_code, Fields(visible), body)


async def pass_on(connection: Connection, body: Pipe, timeout_s: float) -> None:
    """Pass a response's body on, each part as it comes."""
    try:
        while True:
            async with asyncio.timeout(timeout_s):
                event = await connection.receive()
            if not isinstance(event, h11.Data):
                break
            await body.put(bytes(event.data))
    except (OSError, h11.ProtocolError) as error:
        body.end(failure=StreamFailed(error_code(error)))
    except asyncio.CancelledError:
        body.end(failure=StreamFailed(ENDED.value))
        raise
    else:
        body.end()


def error_code(error: Exception) -> Case:
    """Return the WASI error code of a failed request."""
    if isinstance(error, TimeoutError):
        return Case("connection-read-timeout")
    if isinstance(error, OSError | h11.ProtocolError):
        return Case("HTTP-protocol-error")
    return Case("internal-error", str(error))
