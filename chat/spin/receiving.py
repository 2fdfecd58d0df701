"""What both builds do alike for a request that comes in, and for the answer to it."""

from collections.abc import AsyncGenerator, Awaitable, Iterable

from chat.core.refusals import InvalidRequest, RequestTimeout, TooLarge
from chat.http.patience import SILENCE_S, SLOWEST_BYTES_PER_S
from chat.http.response import Response
from chat.spin.answers import TimeUp, one_chunk


def method_name(method: object) -> str:
    """Return the name of a method, from its case or, of one that has none, from its value."""
    name = str(getattr(method, "value", "")) or type(method).__name__.removeprefix("Method_")
    return name.upper()


def read_headers(entries: Iterable[tuple[str, bytes]]) -> dict[str, str]:
    """Return headers by name in lower case; the last counts of those with one name.

    A byte of a header that is not UTF-8 is replaced, so a header that has such a byte cannot match
    anything that this component expects.
    """
    return {name.lower(): value.decode(errors="replace") for name, value in entries}


async def whole_body(
    reading: Awaitable[bytes | None], failure: type[Exception], max_bytes: int
) -> bytes:
    """Wait for a body; it is None if it is too long.

    Errors: TooLarge; RequestTimeout; InvalidRequest for a body that breaks off.
    """
    try:
        body = await reading
    except TimeUp as error:
        raise RequestTimeout(SILENCE_S, SLOWEST_BYTES_PER_S) from error
    except failure as error:
        raise InvalidRequest("the body broke off") from error
    if body is None:
        raise TooLarge(f"the body has more than the {max_bytes} bytes that are allowed")
    return body


def lay_out(
    response: Response, *, is_head: bool
) -> tuple[list[tuple[str, bytes]], AsyncGenerator[bytes, None]]:
    """Return the headers and the chunks of a response; to HEAD it has no chunks."""
    headers, chunks = dict(response.headers), response.chunks
    if chunks is None:
        headers["content-length"] = str(0 if is_head else len(response.body))
        chunks = one_chunk(response.body)
    fields = [(name, value.encode()) for name, value in headers.items()]
    return fields, one_chunk(b"") if is_head else chunks
