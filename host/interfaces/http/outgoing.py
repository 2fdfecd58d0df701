"""The outgoing resources of `wasi:http/types`."""

import re

from host.abi.instance import ResourceTable
from host.abi.values import Case, Err, Ok
from host.interfaces.http.messages import (
    STATUSES,
    TOKEN,
    BodyStream,
    OutgoingBody,
    OutgoingRequest,
    OutgoingResponse,
    Outparam,
    content_length,
    frozen,
)


class OutgoingPart:
    """The resources of outgoing requests, responses and bodies."""

    _table: ResourceTable

    def outgoing_request_new(self, headers: int) -> int:
        """Make a GET request, which takes over `headers`."""
        return self._table.push(OutgoingRequest(self._table.take(headers)))

    def outgoing_request_method(self, number: int) -> Case:
        method: Case = self._table.get(number).method
        return method

    def outgoing_request_set_method(self, number: int, method: Case) -> Err | None:
        if method.name == "other" and not TOKEN.fullmatch(method.value):
            return Err()
        self._table.get(number).method = method
        return None

    def outgoing_request_path_with_query(self, number: int) -> str | None:
        path: str | None = self._table.get(number).path_with_query
        return path

    def outgoing_request_set_path_with_query(self, number: int, path: str | None) -> Err | None:
        if path is not None and (re.search(r"[\x00-\x20\x7f#]", path) or not path.isascii()):
            return Err()
        self._table.get(number).path_with_query = path
        return None

    def outgoing_request_scheme(self, number: int) -> Case | None:
        scheme: Case | None = self._table.get(number).scheme
        return scheme

    def outgoing_request_set_scheme(self, number: int, scheme: Case | None) -> None:
        self._table.get(number).scheme = scheme

    def outgoing_request_authority(self, number: int) -> str | None:
        authority: str | None = self._table.get(number).authority
        return authority

    def outgoing_request_set_authority(self, number: int, authority: str | None) -> Err | None:
        if authority is not None and re.search(r"[\x00-\x20/?#\x7f]", authority):
            return Err()
        self._table.get(number).authority = authority
        return None

    def outgoing_request_headers(self, number: int) -> int:
        return self._table.push(frozen(self._table.get(number).headers))

    def outgoing_request_body(self, number: int) -> int | Err:
        """Return the body, once."""
        return self._outgoing_body(self._table.get(number))

    def _outgoing_body(self, message: OutgoingRequest | OutgoingResponse) -> int | Err:
        if message.body.is_taken:
            return Err()
        try:
            message.body.expected_bytes = content_length(message.headers)
        except ValueError:
            return Err()
        message.body.is_taken = True
        return self._table.push(message.body)

    def outgoing_response_new(self, headers: int) -> int:
        """Make a response with status 200, which takes over `headers`."""
        return self._table.push(OutgoingResponse(self._table.take(headers)))

    def outgoing_response_status_code(self, number: int) -> int:
        return int(self._table.get(number).status)

    def outgoing_response_set_status_code(self, number: int, status: int) -> Err | None:
        if status not in STATUSES:
            return Err()
        self._table.get(number).status = status
        return None

    def outgoing_response_headers(self, number: int) -> int:
        return self._table.push(frozen(self._table.get(number).headers))

    def outgoing_response_body(self, number: int) -> int | Err:
        """Return the body, once."""
        return self._outgoing_body(self._table.get(number))

    def response_outparam_set(self, number: int, response: Ok | Err) -> None:
        """Take the guest's response: send its head, and then its body while it is written."""
        outparam: Outparam = self._table.take(number)
        if isinstance(response, Err):
            outparam.result = response
            return
        outgoing: OutgoingResponse = self._table.take(response.value)
        outparam.result = outgoing
        outparam.sink.start(outgoing.status, outgoing.headers.pairs)
        outgoing.body.attach(outparam.sink)

    def outgoing_body_write(self, number: int) -> int | Err:
        """Return the stream to write to, once."""
        body: OutgoingBody = self._table.get(number)
        if body.is_writing:
            return Err()
        body.is_writing = True
        return self._table.push_child(BodyStream(body), number)

    def outgoing_body_finish(self, number: int, _trailers: int | None) -> Err | None:
        body: OutgoingBody = self._table.take(number)
        return body.finish()
