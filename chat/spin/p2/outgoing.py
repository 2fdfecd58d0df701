"""The adapter to Spin's outgoing HTTP. It sets timeouts, which the SDK's own `send` does not."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

from spin_sdk.wit.imports import outgoing_handler, types
from spin_sdk.wit.imports.poll import Pollable
from spin_sdk.wit.imports.types import (
    Fields,
    FutureIncomingResponse,
    IncomingBody,
    IncomingResponse,
    OutgoingRequest,
)
from spin_sdk.wit.types import Err

from chat.spin.answers import MAX_ANSWER_BYTES, one_chunk
from chat.spin.p2.clock import is_ready, now, wait_for
from chat.spin.p2.streams import Due, read_all, read_some, write_body
from chat.spin.sending import Requests, address, due_at, lay_out_headers, make_options, next_tick


class SpinHttp(Requests):
    """Requests to one origin over `wasi:http`."""

    failure = Err

    async def _exchange(
        self, method: str, path: str, body: bytes | None
    ) -> tuple[int, bytes | None]:
        due = due_at(self._limit.due(now()), now)
        future = await self._send(method, path, body, due)
        wait_for(future.subscribe(), due(0))
        return _read(_response(future), due)

    async def _relay(
        self, method: str, path: str, body: bytes | None
    ) -> AsyncGenerator[int | bytes, None]:
        """Yield what comes; whatever is open when nobody wants more is dropped, which closes it."""
        due = due_at(self._limit.due(now()), now)
        with await self._send(method, path, body, due) as future:
            for tick in _ticks(future.subscribe, due):
                yield tick
            with _response(future) as response:
                yield response.status()
                incoming = response.consume()
                with ExitStack() as dropping:
                    dropping.push(incoming)
                    with incoming.stream() as stream:
                        while (part := read_some(stream)) is not None:
                            due(0)  # what comes without a pause has an end, too
                            for one in [part] if part else _ticks(stream.subscribe, due):
                                yield one
                    dropping.pop_all()
                IncomingBody.finish(incoming)

    async def _send(
        self, method: str, path: str, body: bytes | None, due: Due
    ) -> FutureIncomingResponse:
        request = OutgoingRequest(Fields.from_list(lay_out_headers(self._headers, body)))
        address(request, types, method, self._origin, path)
        outgoing = request.body()
        future = outgoing_handler.handle(request, make_options(types, due(0) - now()))
        await write_body(outgoing, one_chunk(body or b""), due)
        return future


def _ticks(subscribe: Callable[[], Pollable], due: Due) -> Iterator[bytes]:
    """Wait until something is ready; yield an empty chunk whenever that takes long.

    Errors: TimeUp.
    """
    until = next_tick(due, now)
    while not is_ready(subscribe(), until):
        yield b""
        until = next_tick(due, now)


def _response(future: Any) -> IncomingResponse:
    """Return the response, which the host wraps in two results.

    Errors: Err.
    """
    outcome = future.get()
    for _ in range(2):
        if isinstance(outcome, Err):
            raise outcome
        outcome = outcome.value
    response: IncomingResponse = outcome
    return response


def _read(response: IncomingResponse, due: Due) -> tuple[int, bytes | None]:
    """Return the status and the body; None for a body that is too long."""
    incoming = response.consume()
    with incoming.stream() as stream:
        body = read_all(stream, MAX_ANSWER_BYTES, due)
    if body is not None:
        IncomingBody.finish(incoming)
    return response.status(), body
