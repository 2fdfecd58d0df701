"""The adapter to Spin's incoming HTTP: reads requests, and sends responses, long ones in chunks.

The SDK's own handler sends a response only as one body.
"""

import re
from contextlib import aclosing
from functools import partial

from spin_sdk.wit.imports.types import (
    Fields,
    IncomingBody,
    IncomingRequest,
    OutgoingResponse,
    ResponseOutparam,
)
from spin_sdk.wit.types import Err, Ok

from chat.http.call import Request
from chat.http.patience import UNTAKEN_S, body_due_ns
from chat.http.response import Response
from chat.spin.answers import CutOff, TimeUp
from chat.spin.p2.clock import moment_in, now
from chat.spin.p2.streams import read_all, write_body
from chat.spin.receiving import lay_out, method_name, read_headers, whole_body

LENGTH = re.compile(r"[0-9]{1,18}")


def read_request(request: IncomingRequest) -> Request:
    """Read a request, whose body is read when it is asked for."""
    headers = read_headers(request.headers().entries())
    uri = request.path_with_query() or "/"
    length = headers.get("content-length", "")
    expected_bytes = int(length) if LENGTH.fullmatch(length) else -1
    body = partial(read_body, request, expected_bytes)
    return Request(method_name(request.method()), uri, headers, body)


async def read_body(request: IncomingRequest, expected_bytes: int, max_bytes: int) -> bytes:
    """Return a request's body; stop reading once it exceeds the limit.

    Errors: TooLarge; RequestTimeout; InvalidRequest for a body that breaks off.
    """
    return await whole_body(_read(request, expected_bytes, max_bytes), Err, max_bytes)


async def _read(request: IncomingRequest, expected_bytes: int, max_bytes: int) -> bytes | None:
    begun = now()
    incoming = request.consume()
    with incoming.stream() as stream:
        body = read_all(
            stream, max_bytes, lambda count: body_due_ns(begun, now(), count), expected_bytes
        )
    if body is not None:
        IncomingBody.finish(incoming)
    return body


async def send_response(
    response_out: ResponseOutparam, response: Response, *, is_head: bool
) -> bool:
    """Send a response, to a HEAD request without its body; return whether all of it was sent.

    It is not if the client has gone or takes too long, or if the chunks raise CutOff. Then
    the chunks are closed.
    """
    headers, chunks = lay_out(response, is_head=is_head)
    outgoing = OutgoingResponse(Fields.from_list(headers))
    outgoing.set_status_code(response.status)
    body = outgoing.body()
    send_head = partial(ResponseOutparam.set, response_out, Ok(outgoing))
    try:
        async with aclosing(chunks):
            await write_body(body, chunks, lambda _: moment_in(UNTAKEN_S), send_head)
    except (CutOff, Err, TimeUp):
        return False
    return True
