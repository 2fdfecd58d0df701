"""The adapter to Spin's outgoing HTTP: a request, and its whole answer, within a time."""

from collections.abc import Callable, Mapping

from componentize_py_async_support import spawn
from componentize_py_async_support.streams import ByteStreamWriter
from componentize_py_types import Err, Ok
from spin_sdk import wit
from spin_sdk.wit.imports import wasi_http_client_0_3_0_rc_2026_03_15 as client
from spin_sdk.wit.imports.wasi_http_types_0_3_0_rc_2026_03_15 import (
    ErrorCode,
    ErrorCode_ConnectionReadTimeout,
    ErrorCode_HttpRequestDenied,
    ErrorCode_HttpResponseTimeout,
    Fields,
    Method,
    Method_Delete,
    Method_Get,
    Method_Post,
    Request,
    RequestOptions,
    Response,
    Scheme_Http,
    Scheme_Https,
)

from chat.core.addresses import Origin
from chat.spin.answers import MAX_ANSWER_BYTES, HttpFailed, Limit, Moment, TimeUp
from chat.spin.log import log
from chat.spin.p3.messages import new_trailers, read_all, taken
from chat.spin.p3.waiting import now, within

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
        """Send a request and wait for the whole answer; raises HttpFailed."""
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
            if now() >= until:  # what drips is never waited for long
                raise TimeUp
            return until

        request = self._request(method, path, body, due(0) - now())
        response = await within(client.send(request), until)
        status = response.get_status_code()
        incoming, received = Response.consume_body(response, taken())
        answer = await read_all(incoming, received, MAX_ANSWER_BYTES, due)
        if answer is None:
            log(f"http: an answer of more than {MAX_ANSWER_BYTES} bytes")
            raise HttpFailed(is_timeout=False)
        return status, answer

    def _request(self, method: str, path: str, body: bytes | None, timeout_ns: int) -> Request:
        headers = [(name, value.encode()) for name, value in self._headers.items()]
        if body is not None:
            headers.append(("content-type", b"application/json"))
            headers.append(("content-length", str(len(body)).encode()))
        writer, contents = wit.byte_stream()
        spawn(_write(writer, body or b""))
        trailers = new_trailers(lambda: Ok(None))[1]
        fields = Fields.from_list(headers)
        request, _ = Request.new(fields, contents, trailers, _options(timeout_ns))
        request.set_method(METHODS[method]())
        request.set_scheme(Scheme_Https() if self._origin.scheme == "https" else Scheme_Http())
        request.set_authority(self._origin.authority)
        request.set_path_with_query(path)
        return request


async def _write(writer: ByteStreamWriter, body: bytes) -> None:
    with writer:
        await writer.write_all(body)


def _options(timeout_ns: int) -> RequestOptions:
    """Limit what the host waits for, too: what is given up here ends there, a little later."""
    options = RequestOptions()
    options.set_connect_timeout(timeout_ns)
    options.set_first_byte_timeout(timeout_ns)
    options.set_between_bytes_timeout(timeout_ns)
    return options


def parse_http_error(error: Err[ErrorCode]) -> HttpFailed:
    """Say whether there was no answer in time, or none at all; why goes to the log."""
    if isinstance(error.value, ErrorCode_HttpRequestDenied):
        log("http: the origin is not an allowed outbound host")
    else:
        log(f"http: {type(error.value).__name__}")
    return HttpFailed(is_timeout=isinstance(error.value, TIMEOUTS))
