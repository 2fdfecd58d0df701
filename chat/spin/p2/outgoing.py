"""The adapter to Spin's outgoing HTTP. It sets timeouts, which the SDK's own `send` does not."""

from collections.abc import Callable, Mapping
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

from chat.core.addresses import Origin
from chat.spin.answers import MAX_ANSWER_BYTES, HttpFailed, Limit, Moment, TimeUp, one_chunk
from chat.spin.log import log
from chat.spin.p2.clock import now, wait_for
from chat.spin.p2.streams import Due, read_all, write_body

METHODS: Mapping[str, Callable[[], Method]] = {
    "GET": Method_Get,
    "POST": Method_Post,
    "DELETE": Method_Delete,
}
TIMEOUTS = (ErrorCode_ConnectionReadTimeout, ErrorCode_HttpResponseTimeout)


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
        until = self._limit.due(now())
        try:
            return await self._exchange(method, path, body, until)
        except Err as error:
            raise parse_http_error(error) from error
        except TimeUp as error:
            log("http: the answer was not whole in time")
            raise HttpFailed(is_timeout=True) from error

    async def _exchange(
        self, method: str, path: str, body: bytes | None, until: Moment
    ) -> tuple[int, bytes]:
        def due(_: int) -> Moment:
            if now() >= until:  # a body that comes byte by byte never makes a wait time out
                raise TimeUp
            return until

        request = self._request(method, path, body)
        outgoing = request.body()
        future = outgoing_handler.handle(request, _options(due(0) - now()))
        await write_body(outgoing, one_chunk(body or b""), due)
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
        log(f"http: an answer of more than {MAX_ANSWER_BYTES} bytes")
        raise HttpFailed(is_timeout=False)
    IncomingBody.finish(incoming)
    return response.status(), body


def parse_http_error(error: Err[Any]) -> HttpFailed:
    """Return the error, which says whether the answer was late; write the reason to the log."""
    if isinstance(error.value, ErrorCode_HttpRequestDenied):
        log("http: the origin is not an allowed outbound host")
    else:
        log(f"http: {type(error.value).__name__}")
    return HttpFailed(is_timeout=isinstance(error.value, TIMEOUTS))
