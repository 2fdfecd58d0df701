"""What a response is, and what all answers have in common."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from chat.core.errors import ChatError
from chat.core.json_text import render_json_text
from chat.core.refusals import CallerError
from chat.core.served import Tally
from chat.http.log_line import REQUEST_ID_HEADER, Fact
from chat.http.page import WebFile


@dataclass(frozen=True)
class Response:
    """An HTTP response.

    Shapes: the names of `headers` are in lower case. If `chunks` is not None, the chunks are the
            body. `facts` are what the log line says of the response; those of a body in chunks may
            come with the last of them. `error_event` makes an error the last event of chunks that
            are server-sent events, and is given the body of the error's plain answer, too; None
            for JSON Lines, where an error is the last line. `tally` counts its request, if
            that is counted.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: AsyncGenerator[bytes, None] | None = None
    facts: dict[str, Fact] = field(default_factory=dict)
    error_event: Callable[[ChatError, bytes], bytes] | None = None
    tally: Tally | None = None


GUARDS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Headers of every answer: no cache keeps it, no page frames it, no browser guesses its type."""


def guarded(
    response: Response, request_id: str, shared: Mapping[str, str], tally: Tally | None = None
) -> Response:
    """Add the headers of every answer; `shared` are those for pages of other origins."""
    headers = {**GUARDS, **response.headers, **shared, REQUEST_ID_HEADER: request_id}
    return Response(
        response.status, response.body, headers,
        response.chunks, response.facts, response.error_event, tally,
    )  # fmt: skip


CHUNK_BYTES = 32 * 1024


async def render_lines(lines: AsyncIterator[Mapping[str, Any]]) -> Response:
    """Render JSON Lines while they are made; an error in the first chunk is raised at once."""
    chunks = _chunks(lines)
    first = await anext(chunks, b"")
    headers = {"content-type": "application/jsonl"}
    return Response(200, headers=headers, chunks=_begun(first, chunks))


async def _begun(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for chunk in rest:
            yield chunk


async def _chunks(lines: AsyncIterator[Mapping[str, Any]]) -> AsyncGenerator[bytes, None]:
    chunk = bytearray()
    async for line in lines:
        chunk += render_json_text(line).encode() + b"\n"
        if len(chunk) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


def render_json(
    status: int,
    value: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
    facts: dict[str, Fact] | None = None,
) -> Response:
    """Render `value` as JSON; characters beyond ASCII are not escaped."""
    body = render_json_text(value).encode()
    shown = {"content-type": "application/json", **(headers or {})}
    return Response(status, body, shown, facts=facts or {})


def render_web_file(file: WebFile) -> Response:
    """Render a file of the page, or that the browser has this version of it."""
    return Response(304 if file.is_unchanged else 200, file.body, file.headers)


def render_error(error: ChatError, *, is_stored_whole: bool) -> Response:
    """Render an error in the shape that all errors have.

    The message of an error that the caller cannot mend goes to the log, too. `is_stored_whole`:
    whether the request was to store something whole; the answer then says what became of that, if
    the error knows.
    """
    fields = error_fields(error) | promising(error, is_stored_whole=is_stored_whole)
    return render_json(error.status, {"error": fields}, error.headers, error_facts(error))


def error_facts(error: ChatError) -> dict[str, Fact]:
    """Return what the log line says of an error."""
    reason: dict[str, Fact] = {} if isinstance(error, CallerError) else {"reason": str(error)}
    return {"code": error.code, **reason}


def promising(error: ChatError, *, is_stored_whole: bool) -> dict[str, str | None]:
    """Return the message that says what became of the data, if the error knows; else no field."""
    if is_stored_whole and error.promise:
        return {"message": f"{error}; {error.promise}"}
    return {}


def render_error_line(error: ChatError) -> bytes:
    """Render an error as the last of JSON Lines, for an answer whose status was sent already."""
    return render_json_text({"type": "error", "error": error_fields(error)}).encode() + b"\n"


def error_fields(error: ChatError) -> dict[str, str | None]:
    """Return the fields of an error."""
    return {"code": error.code, "message": str(error), "param": error.param}
