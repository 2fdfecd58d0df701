"""The adapter to Spin's outgoing HTTP: a request, and its whole answer, within a time."""

from collections.abc import Mapping

from componentize_py_async_support.streams import ByteStreamReader, ByteStreamWriter
from componentize_py_types import Err, Ok
from spin_sdk import wit
from spin_sdk.wit.imports import wasi_http_client_0_3_0_rc_2026_03_15 as client
from spin_sdk.wit.imports import wasi_http_types_0_3_0_rc_2026_03_15 as types
from spin_sdk.wit.imports.wasi_http_types_0_3_0_rc_2026_03_15 import Fields, Request, Response

from chat.core.addresses import Origin
from chat.spin.answers import MAX_ANSWER_BYTES, Limit
from chat.spin.p3.messages import body_length, new_trailers, read_all, taken
from chat.spin.p3.waiting import begin, leave, now, within
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
        writer, contents = wit.byte_stream()
        request = self._request(method, path, body, contents, due(0) - now())
        sending = begin(client.send(request))
        # The host takes a write at once if it has been given the stream to send, and then there is
        # one packet. A head that goes out alone holds a short body back for 40 ms.
        leave(begin(_write(writer, body or b"")))
        response = await within(sending, until)
        status = response.get_status_code()
        said = response.get_headers().get("content-length")
        length = body_length(said[0].decode(errors="replace")) if said else None
        incoming, received = Response.consume_body(response, taken())
        return status, await read_all(incoming, received, length, MAX_ANSWER_BYTES, due)

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None,
        contents: ByteStreamReader,
        timeout_ns: int,
    ) -> Request:
        trailers = new_trailers(lambda: Ok(None))[1]
        fields = Fields.from_list(lay_out_headers(self._headers, body))
        request, _ = Request.new(fields, contents, trailers, make_options(types, timeout_ns))
        address(request, types, method, self._origin, path)
        return request


async def _write(writer: ByteStreamWriter, body: bytes) -> None:
    with writer:
        await writer.write_all(body)
