"""The adapter to Spin's outgoing HTTP. It sets timeouts, which the SDK's own `send` does not."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spin_sdk.wit.imports import outgoing_handler
from spin_sdk.wit.imports.types import (
    ErrorCode_ConnectionReadTimeout,
    ErrorCode_HttpRequestDenied,
    ErrorCode_HttpResponseTimeout,
    Fields,
    IncomingBody,
    IncomingResponse,
    Method,
    Method_Delete,
    Method_Get,
    Method_Post,
    OutgoingRequest,
    RequestOptions,
    Scheme_Http,
    Scheme_Https,
)
from spin_sdk.wit.types import Err

from chat.core.addresses import ChromaAddress, ModelEndpoint, Origin
from chat.core.errors import MemoryUnavailable, ModelTimeout, ModelUnavailable
from chat.spin.answers import MAX_ANSWER_BYTES, HttpFailed
from chat.spin.clock import Moment, TimeUp, moment_in, now, wait_for
from chat.spin.streams import Due, read_all, write_body

METHODS: Mapping[str, Callable[[], Method]] = {
    "GET": Method_Get,
    "POST": Method_Post,
    "DELETE": Method_Delete,
}
TIMEOUTS = (ErrorCode_ConnectionReadTimeout, ErrorCode_HttpResponseTimeout)


@dataclass(frozen=True)
class Limit:
    """How long a request may take, with all of its answer, and when it must have ended.

    The same `until` for all requests of a turn limits them together; None sets no such moment.
    """

    seconds: int
    until: Moment | None = None

    def due(self) -> Moment:
        """Return the moment when a request that begins now must have ended."""
        own = moment_in(self.seconds)
        return own if self.until is None else min(own, self.until)


class SpinHttp:
    """Requests to one origin over `wasi:http`."""

    def __init__(self, origin: Origin, headers: Mapping[str, str], limit: Limit) -> None:
        self._origin = origin
        self._headers = headers
        self._limit = limit

    def request(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """Send a request, and return the status and the body of the whole answer.

        Errors: HttpFailed.
        """
        until = self._limit.due()
        try:
            return self._exchange(method, path, body, until)
        except Err as error:
            raise parse_http_error(error) from error
        except TimeUp as error:
            sys.stderr.write("http: the answer was not whole in time\n")
            raise HttpFailed(is_timeout=True) from error

    def _exchange(
        self, method: str, path: str, body: bytes | None, until: Moment
    ) -> tuple[int, bytes]:
        def due(_: int) -> Moment:
            if now() >= until:  # a body that comes byte by byte never makes a wait time out
                raise TimeUp
            return until

        request = self._request(method, path, body)
        outgoing = request.body()
        future = outgoing_handler.handle(request, _options(due(0) - now()))
        write_body(outgoing, [body or b""], due)
        wait_for(future.subscribe(), until)
        return _read(_response(future), due)

    def _request(self, method: str, path: str, body: bytes | None) -> OutgoingRequest:
        headers = [(name, value.encode()) for name, value in self._headers.items()]
        if body is not None:
            headers.append(("content-type", b"application/json"))
            headers.append(("content-length", str(len(body)).encode()))
        request = OutgoingRequest(Fields.from_list(headers))
        request.set_method(METHODS[method]())
        is_secure = self._origin.scheme == "https"
        request.set_scheme(Scheme_Https() if is_secure else Scheme_Http())
        request.set_authority(self._origin.authority)
        request.set_path_with_query(path)
        return request


class SpinEndpoint:
    """A model's endpoint."""

    def __init__(self, endpoint: ModelEndpoint, limit: Limit) -> None:
        headers = {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        self._http = SpinHttp(endpoint.origin, headers, limit)
        self._path = endpoint.path

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Send `body`, and return the status and the body of the answer.

        Errors: ModelTimeout, ModelUnavailable.
        """
        try:
            return self._http.request("POST", self._path, body)
        except HttpFailed as error:
            if error.is_timeout:
                raise ModelTimeout("the model took longer than `turn_timeout_s`") from error
            raise ModelUnavailable("the model cannot be reached") from error


class SpinChroma:
    """A Chroma server."""

    def __init__(self, address: ChromaAddress, limit: Limit) -> None:
        headers = {"x-chroma-token": address.token} if address.token else {}
        self._http = SpinHttp(address.origin, headers, limit)

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Send a request, and return the status and the body of the answer.

        Errors: MemoryUnavailable.
        """
        try:
            return self._http.request(method, path, body)
        except HttpFailed as error:
            raise MemoryUnavailable from error


def _options(timeout_ns: int) -> RequestOptions:
    options = RequestOptions()
    options.set_connect_timeout(timeout_ns)
    options.set_first_byte_timeout(timeout_ns)
    options.set_between_bytes_timeout(timeout_ns)
    return options


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


def _read(response: IncomingResponse, due: Due) -> tuple[int, bytes]:
    incoming = response.consume()
    with incoming.stream() as stream:
        body = read_all(stream, MAX_ANSWER_BYTES, due)
    if body is None:
        sys.stderr.write(f"http: an answer of more than {MAX_ANSWER_BYTES} bytes\n")
        raise HttpFailed(is_timeout=False)
    IncomingBody.finish(incoming)
    return response.status(), body


def parse_http_error(error: Err[Any]) -> HttpFailed:
    """Return the error, which says whether the answer was late; write the reason to the log."""
    if isinstance(error.value, ErrorCode_HttpRequestDenied):
        sys.stderr.write("http: the origin is not an allowed outbound host\n")
    else:
        sys.stderr.write(f"http: {type(error.value).__name__}\n")
    return HttpFailed(is_timeout=isinstance(error.value, TIMEOUTS))
