"""The adapter to Spin's outgoing HTTP. It sets timeouts, which the SDK's own `send` does not."""

from collections.abc import Mapping
from typing import Any

from spin_sdk.wit.imports import outgoing_handler, types
from spin_sdk.wit.imports.types import (
    Fields,
    IncomingBody,
    IncomingResponse,
    OutgoingRequest,
)
from spin_sdk.wit.types import Err

from chat.core.addresses import Origin
from chat.spin.answers import MAX_ANSWER_BYTES, Limit, one_chunk
from chat.spin.p2.clock import now, wait_for
from chat.spin.p2.streams import Due, read_all, write_body
from chat.spin.sending import address, answered, due_at, lay_out_headers, make_options


class SpinHttp:
    """Requests to one origin over `wasi:http`."""

    def __init__(self, origin: Origin, headers: Mapping[str, str], limit: Limit) -> None:
        self._origin = origin
        self._headers = headers
        self._limit = limit

    async def request(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """Send a request, and return the status and the body of the whole answer.

        Errors: HttpFailed.
        """
        return await answered(self._exchange(method, path, body), Err)

    async def _exchange(
        self, method: str, path: str, body: bytes | None
    ) -> tuple[int, bytes | None]:
        until = self._limit.due(now())
        due = due_at(until, now)
        request = OutgoingRequest(Fields.from_list(lay_out_headers(self._headers, body)))
        address(request, types, method, self._origin, path)
        outgoing = request.body()
        future = outgoing_handler.handle(request, make_options(types, due(0) - now()))
        await write_body(outgoing, one_chunk(body or b""), due)
        wait_for(future.subscribe(), until)
        return _read(_response(future), due)


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
