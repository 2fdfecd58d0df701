"""The adapter to Spin's incoming HTTP: reads requests, and sends responses, long ones in chunks.

The SDK's own handler sends a response only as one body.
"""

import re
from functools import partial

from spin_sdk.wit.imports.types import (
    Fields,
    IncomingBody,
    IncomingRequest,
    Method_Other,
    OutgoingResponse,
    ResponseOutparam,
)
from spin_sdk.wit.types import Err, Ok

from chat.core.refusals import InvalidRequest, RequestTimeout, TooLarge
from chat.http.call import Request
from chat.http.patience import SILENCE_S, SLOWEST_BYTES_PER_S, UNTAKEN_S, body_due_ns
from chat.http.response import Response
from chat.spin.answers import CutOff, TimeUp, one_chunk
from chat.spin.p2.clock import moment_in, now
from chat.spin.p2.streams import read_all, write_body

LENGTH = re.compile(r"[0-9]{1,18}")


def read_request(request: IncomingRequest) -> Request:
    """Read a request without its body.

    A byte of a header that is not UTF-8 is replaced, so a header that has such a byte cannot match
    anything that this component expects.
    """
    method = request.method()
    name = method.value if isinstance(method, Method_Other) else type(method).__name__
    headers = {
        name.lower(): value.decode(errors="replace") for name, value in request.headers().entries()
    }
    uri = request.path_with_query() or "/"
    length = headers.get("content-length", "")
    expected_bytes = int(length) if LENGTH.fullmatch(length) else -1
    body = partial(read_body, request, expected_bytes)
    return Request(name.removeprefix("Method_").upper(), uri, headers, body)


async def read_body(request: IncomingRequest, expected_bytes: int, max_bytes: int) -> bytes:
    """Return a request's body; stop reading once it exceeds the limit.

    Errors: TooLarge; RequestTimeout; InvalidRequest for a body that breaks off.
    """
    begun = now()
    incoming = request.consume()
    try:
        with incoming.stream() as stream:
            body = read_all(
                stream, max_bytes, lambda count: body_due_ns(begun, now(), count), expected_bytes
            )
    except TimeUp as error:
        raise RequestTimeout(SILENCE_S, SLOWEST_BYTES_PER_S) from error
    except Err as error:
        raise InvalidRequest("the body broke off") from error
    if body is None:
        raise TooLarge(f"the body has more than the {max_bytes} bytes that are allowed")
    IncomingBody.finish(incoming)
    return body


async def send_response(
    response_out: ResponseOutparam, response: Response, *, is_head: bool
) -> bool:
    """Send a response, to a HEAD request without its body; return whether all of it was sent.

    It is not if the client has gone or takes too long, or if the chunks raise CutOff.
    """
    headers, chunks = dict(response.headers), response.chunks
    if chunks is None:
        headers["content-length"] = str(0 if is_head else len(response.body))
    body_chunks = one_chunk(response.body) if chunks is None else chunks
    outgoing = OutgoingResponse(
        Fields.from_list([(name, value.encode()) for name, value in headers.items()])
    )
    outgoing.set_status_code(response.status)
    body = outgoing.body()
    chunks_sent = one_chunk(b"") if is_head else body_chunks
    send_head = partial(ResponseOutparam.set, response_out, Ok(outgoing))
    try:
        await write_body(body, chunks_sent, lambda _: moment_in(UNTAKEN_S), send_head)
    except (CutOff, Err, TimeUp):
        return False
    return True
