"""The incoming resources of `wasi:http/types`."""

from typing import Any

from host.abi.instance import ResourceTable
from host.abi.values import Case, Err, Ok
from host.interfaces.http.messages import (
    METHODS,
    FutureResponse,
    IncomingBody,
    IncomingRequest,
    IncomingResponse,
    frozen,
)
from host.interfaces.wasi.poll import Ready, Signal


class IncomingPart:
    """The resources of incoming requests, responses and bodies, and of awaited responses."""

    _table: ResourceTable

    def incoming_request_method(self, number: int) -> Case:
        method = self._table.get(number).method
        return Case(method.lower()) if method in METHODS else Case("other", method)

    def incoming_request_path_with_query(self, number: int) -> str:
        return str(self._table.get(number).path_with_query)

    def incoming_request_scheme(self, _number: int) -> Case:
        """Return HTTP, even under TLS, as Spin does for Preview 2."""
        return Case("HTTP")

    def incoming_request_authority(self, number: int) -> str:
        """Return the host that the client asked for."""
        return str(self._table.get(number).authority)

    def incoming_request_headers(self, number: int) -> int:
        return self._table.push(frozen(self._table.get(number).headers))

    def incoming_request_consume(self, number: int) -> int | Err:
        """Return the body, once."""
        return self._consume(self._table.get(number))

    def _consume(self, message: IncomingRequest | IncomingResponse) -> int | Err:
        if message.body is None:
            return Err()
        body, message.body = IncomingBody(message.body), None
        return self._table.push(body)

    def incoming_response_status(self, number: int) -> int:
        return int(self._table.get(number).status)

    def incoming_response_headers(self, number: int) -> int:
        return self._table.push(frozen(self._table.get(number).headers))

    def incoming_response_consume(self, number: int) -> int | Err:
        """Return the body, once."""
        return self._consume(self._table.get(number))

    def incoming_body_stream(self, number: int) -> int | Err:
        """Return the body's stream, once."""
        body: IncomingBody = self._table.get(number)
        if body.stream is None:
            return Err()
        stream, body.stream = body.stream, None
        return self._table.push_child(stream, number)

    def incoming_body_finish(self, number: int) -> int:
        """End the reading; trailers are not kept."""
        self._table.drop(number)
        return self._table.push(None)

    def future_trailers_subscribe(self, number: int) -> int:
        """Make a pollable that is ready."""
        return self._table.push_child(Ready(), number)

    def future_trailers_get(self, _number: int) -> Ok:
        """Return no trailers."""
        return Ok(Ok(None))

    def future_incoming_response_subscribe(self, number: int) -> int:
        """Make a pollable that is ready with the response."""
        return self._table.push_child(Signal(self._table.get(number).done), number)

    def future_incoming_response_get(self, number: int) -> Any:
        """Return None until the response has come; then return it or its error, once."""
        future: FutureResponse = self._table.get(number)
        if not future.done.is_set():
            return None
        if future.is_taken:
            return Err()
        future.is_taken = True
        if isinstance(future.result, Err):
            return Ok(future.result)
        return Ok(Ok(self._table.push(future.result)))
