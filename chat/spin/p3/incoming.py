"""The adapter to Spin's incoming HTTP: requests in, responses out, long ones as they are made."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial

from componentize_py_async_support import spawn
from componentize_py_async_support.futures import FutureWriter
from componentize_py_async_support.streams import ByteStreamWriter
from componentize_py_types import Err, Ok
from spin_sdk import wit
from spin_sdk.wit.imports.wasi_http_types_0_3_0_rc_2026_03_15 import (
    ErrorCode_InternalError,
    Fields,
    Request,
    Response,
)

from chat.core.portions import slices
from chat.http.call import Request as Asked
from chat.http.patience import UNTAKEN_S, body_due_ns
from chat.http.response import Response as Answer
from chat.spin.answers import SETTLING_NS, CutOff, TimeUp
from chat.spin.p3.messages import Trailers, body_length, new_trailers, read_all, taken
from chat.spin.p3.waiting import moment_in, now, rest, within
from chat.spin.receiving import lay_out, method_name, read_headers, whole_body

WRITTEN_BYTES = 64 * 1024
"""What is written at once: the host takes a whole write, whether anybody takes it from there."""


def read_request(request: Request) -> Asked:
    """Read a request, whose body is read when it is asked for."""
    headers = read_headers(request.get_headers().copy_all())
    uri = request.get_path_with_query() or "/"
    length = body_length(headers.get("content-length", ""))
    reading = partial(read_body, request, length)
    return Asked(method_name(request.get_method()), uri, headers, reading)


async def read_body(request: Request, length: int | None, max_bytes: int) -> bytes:
    """Read a body, and none of it that is over the limit.

    Errors: TooLarge; RequestTimeout; InvalidRequest for one that breaks off.
    """
    begun = now()
    incoming, received = Request.consume_body(request, taken())
    reading = read_all(
        incoming, received, length, max_bytes, lambda count: body_due_ns(begun, now(), count)
    )
    return await whole_body(reading, Err, max_bytes)


async def make_answer(answer: Answer, ended: Callable[[bool], None], *, is_head: bool) -> Response:
    """Make a response, as `make_response` does; the response to HEAD has no body."""
    headers, chunks = lay_out(answer, is_head=is_head)
    return await make_response(answer.status, headers, chunks, ended)


async def make_response(
    status: int,
    headers: Sequence[tuple[str, bytes]],
    chunks: AsyncGenerator[bytes, None],
    ended: Callable[[bool], None],
) -> Response:
    """Make a response whose body is written behind it; `ended` is told whether all of it went out.

    There may be nobody any more who takes it, or its chunks raised CutOff. Then the
    chunks are closed.
    """
    writer, contents = wit.byte_stream()
    behind, trailers = new_trailers(lambda: Ok(None))
    spawn(_write_body(writer, behind, chunks, ended))
    await asyncio.sleep(0)
    # The first write waits in the host by now. Spin sends head and body in one packet then; behind
    # a head of its own, a short body waits until the client says that it has the head: 40 ms.
    fields = Fields.from_list(list(headers))
    response, _ = Response.new(fields, contents, trailers)
    response.set_status_code(status)
    return response


async def _write_body(
    writer: ByteStreamWriter,
    behind: FutureWriter[Trailers],
    chunks: AsyncGenerator[bytes, None],
    ended: Callable[[bool], None],
) -> None:
    is_whole = False
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                for piece in slices(chunk, WRITTEN_BYTES):
                    await within(_write(writer, bytes(piece)), moment_in(UNTAKEN_S))
        is_whole = True
    except TimeUp:
        ended(False)  # noqa: FBT003 - what is told has one meaning
        return  # the write waits on, and its stream may not be closed meanwhile
    except CutOff:
        await rest(SETTLING_NS)
    with writer:
        pass
    ended(is_whole)
    outcome: Trailers = Ok(None) if is_whole else Err(ErrorCode_InternalError("the body broke off"))
    await behind.write(outcome)


async def _write(writer: ByteStreamWriter, chunk: bytes) -> None:
    """Write a chunk. Errors: CutOff if nobody takes it."""
    await writer.write_all(chunk)
    if writer.reader_dropped:
        raise CutOff
