"""The adapter to Spin's outgoing HTTP: a request, and its answer, within a time."""

from asyncio import Task
from collections.abc import AsyncGenerator
from contextlib import aclosing

from componentize_py_async_support.streams import ByteStreamWriter
from componentize_py_types import Err, Ok
from spin_sdk import wit
from spin_sdk.wit.imports import wasi_http_client_0_3_0_rc_2026_03_15 as client
from spin_sdk.wit.imports import wasi_http_types_0_3_0_rc_2026_03_15 as types
from spin_sdk.wit.imports.wasi_http_types_0_3_0_rc_2026_03_15 import Fields, Request, Response

from chat.spin.answers import MAX_ANSWER_BYTES
from chat.spin.p3.messages import body_length, new_trailers, read_all, read_parts, taken
from chat.spin.p3.waiting import begin, ends, in_time, leave, now
from chat.spin.sending import Requests, address, due_at, lay_out_headers, make_options, next_tick


class SpinHttp(Requests):
    """Requests to one origin over `wasi:http`."""

    failure = Err

    async def _exchange(
        self, method: str, path: str, body: bytes | None
    ) -> tuple[int, bytes | None]:
        until = self._limit.due(now())
        due = due_at(until, now)
        response = await in_time(self._send(method, path, body, due(0) - now()), until)
        status, length = response.get_status_code(), _length(response)
        incoming, received = Response.consume_body(response, taken())
        return status, await read_all(incoming, received, length, MAX_ANSWER_BYTES, due)

    async def _relay(
        self, method: str, path: str, body: bytes | None
    ) -> AsyncGenerator[int | bytes, None]:
        due = due_at(self._limit.due(now()), now)
        sending = self._send(method, path, body, due(0) - now())
        try:
            while not await ends(sending, next_tick(due, now)):
                yield b""
        except BaseException:
            leave(sending)
            raise
        response = sending.result()
        status, length = response.get_status_code(), _length(response)
        incoming, received = Response.consume_body(response, taken())
        async with aclosing(read_parts(incoming, received, length, due)) as parts:
            yield status
            async for part in parts:
                yield part

    def _send(
        self, method: str, path: str, body: bytes | None, timeout_ns: int
    ) -> "Task[Response]":
        """Begin to send a request.

        The host takes a write at once if it has been given the stream to send, and then there is
        one packet, most often. A head that goes out alone holds a short body back until it is
        acknowledged: servers do that after 40 ms, or with what they answer to `expect`.
        Source: RFC 9293, section 3.7.4, and RFC 9110, section 10.1.1.
        """
        writer, contents = wit.byte_stream()
        trailers = new_trailers(lambda: Ok(None))[1]
        headers = lay_out_headers(self._headers, body)
        if body:
            headers.append(("expect", b"100-continue"))
        fields = Fields.from_list(headers)
        request, _ = Request.new(fields, contents, trailers, make_options(types, timeout_ns))
        address(request, types, method, self._origin, path)
        sending = begin(client.send(request))
        leave(begin(_write(writer, body or b"")))
        return sending


def _length(response: Response) -> int | None:
    said = response.get_headers().get("content-length")
    return body_length(said[0].decode(errors="replace")) if said else None


async def _write(writer: ByteStreamWriter, body: bytes) -> None:
    with writer:
        await writer.write_all(body)
