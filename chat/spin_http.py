"""The adapter to Spin's outgoing HTTP, with timeouts, which the SDK's own `send` does not set."""

import sys
from typing import Any

from spin_sdk.wit.imports import outgoing_handler
from spin_sdk.wit.imports.streams import InputStream, StreamError_Closed
from spin_sdk.wit.imports.types import (
    ErrorCode_ConnectionReadTimeout,
    ErrorCode_HttpRequestDenied,
    ErrorCode_HttpResponseTimeout,
    Fields,
    IncomingBody,
    IncomingResponse,
    Method_Post,
    OutgoingBody,
    OutgoingRequest,
    RequestOptions,
    Scheme_Http,
    Scheme_Https,
)
from spin_sdk.wit.types import Err

from chat.errors import ModelTimeout, ModelUnavailable
from chat.settings import ModelEndpoint

NS_PER_S = 1_000_000_000
READ_BYTES = 16 * 1024
WRITE_BYTES = 4096
"""The most that one blocking write takes. Source: WASI 0.2.0 `wit/io/streams.wit`."""
TIMEOUTS = (ErrorCode_ConnectionReadTimeout, ErrorCode_HttpResponseTimeout)


class SpinEndpoint:
    """One endpoint over `wasi:http`."""

    def __init__(self, endpoint: ModelEndpoint, timeout_s: int) -> None:
        self._endpoint = endpoint
        self._timeout_ns = timeout_s * NS_PER_S

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Send `body` and wait for the whole answer."""
        request = self._request(len(body))
        outgoing = request.body()
        try:
            future = outgoing_handler.handle(request, self._options())
            _write(outgoing, body)
            with future.subscribe() as pollable:
                pollable.block()
            return _read(_response(future))
        except Err as error:
            raise parse_http_error(error) from error

    def _request(self, length: int) -> OutgoingRequest:
        endpoint = self._endpoint
        headers = [
            ("content-type", b"application/json"),
            ("content-length", str(length).encode()),
        ]
        if endpoint.key:
            headers.append(("authorization", f"Bearer {endpoint.key}".encode()))
        request = OutgoingRequest(Fields.from_list(headers))
        request.set_method(Method_Post())
        request.set_scheme(Scheme_Https() if endpoint.scheme == "https" else Scheme_Http())
        request.set_authority(endpoint.authority)
        request.set_path_with_query(endpoint.path)
        return request

    def _options(self) -> RequestOptions:
        options = RequestOptions()
        options.set_connect_timeout(self._timeout_ns)
        options.set_first_byte_timeout(self._timeout_ns)
        options.set_between_bytes_timeout(self._timeout_ns)
        return options


def _write(outgoing: OutgoingBody, body: bytes) -> None:
    with outgoing.write() as stream:
        for start in range(0, len(body), WRITE_BYTES):
            stream.blocking_write_and_flush(body[start : start + WRITE_BYTES])
    OutgoingBody.finish(outgoing, None)


def _response(future: Any) -> IncomingResponse:
    """Take the response out of its two results; raises Err."""
    outcome = future.get()
    for _ in range(2):
        if isinstance(outcome, Err):
            raise outcome
        outcome = outcome.value
    response: IncomingResponse = outcome
    return response


def _read(response: IncomingResponse) -> tuple[int, bytes]:
    incoming = response.consume()
    with incoming.stream() as stream:
        body = _read_all(stream)
    IncomingBody.finish(incoming)
    return response.status(), body


def _read_all(stream: InputStream) -> bytes:
    body = bytearray()
    while True:
        try:
            body += stream.blocking_read(READ_BYTES)
        except Err as error:
            if isinstance(error.value, StreamError_Closed):
                return bytes(body)
            raise


def parse_http_error(error: Err[Any]) -> ModelTimeout | ModelUnavailable:
    """Say whether the endpoint was slow or is away; why goes to the log."""
    if isinstance(error.value, TIMEOUTS):
        return ModelTimeout("the model took longer than `turn_timeout_s`; nothing was stored")
    if isinstance(error.value, ErrorCode_HttpRequestDenied):
        sys.stderr.write("model: its origin is not an allowed outbound host\n")
    else:
        sys.stderr.write(f"model: {type(error.value).__name__}\n")
    return ModelUnavailable("the model cannot be reached; nothing was stored")
