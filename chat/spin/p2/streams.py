"""The adapter to WASI's streams: reads and writes bodies."""

from collections.abc import AsyncIterable, Callable
from contextlib import ExitStack, suppress

from spin_sdk.wit.imports.streams import InputStream, OutputStream, StreamError_Closed
from spin_sdk.wit.imports.types import OutgoingBody
from spin_sdk.wit.types import Err

from chat.spin.answers import SETTLING_NS, CutOff, Moment
from chat.spin.p2.clock import rest, wait_for

READ_BYTES = 64 * 1024

Due = Callable[[int], Moment]
"""Returns until when to wait for the next byte after a number of bytes; it may raise TimeUp."""


def read_all(
    stream: InputStream, max_bytes: int, due: Due, expected_bytes: int = -1
) -> bytes | None:
    """Return a body, read to its end; None if it has more than `max_bytes`.

    A body with `expected_bytes` is complete: it is not read once more to see its end.
    Errors: TimeUp; Err if the body breaks off.
    """
    body = bytearray()
    while len(body) <= max_bytes:
        if len(body) == expected_bytes:
            return bytes(body)
        part = _read(stream, due(len(body)))
        if part is None:
            return bytes(body)
        body += part
    return None


def _read(stream: InputStream, until: Moment) -> bytes | None:
    """Return the next bytes; None at the end of the stream."""
    while (part := read_some(stream)) == b"":
        wait_for(stream.subscribe(), until)
    return part


def read_some(stream: InputStream) -> bytes | None:
    """Return the bytes that have come, perhaps none; None at the end of the stream."""
    try:
        return stream.read(READ_BYTES)
    except Err as error:
        if isinstance(error.value, StreamError_Closed):
            return None
        raise


async def write_body(
    outgoing: OutgoingBody,
    chunks: AsyncIterable[bytes],
    due: Due,
    begin: Callable[[], None] = lambda: None,
) -> None:
    """Write a body, and finish it; an error of `chunks` aborts it, so that its reader notices.

    A body that is neither finished nor aborted would end as if it were whole. `begin` sends the
    head, behind what the stream takes at once: a host that has both sends them in one packet, and a
    short body does not wait until the client acknowledges the head.
    Errors: TimeUp; Err if nobody reads the body any more.
    """
    sent_bytes, is_begun = 0, False
    with ExitStack() as aborting:
        aborting.push(outgoing)
        with outgoing.write() as stream:
            try:
                async for chunk in chunks:
                    taken = 0 if is_begun else _write_some(stream, chunk)
                    if not is_begun:
                        begin()
                    is_begun = True
                    _write(stream, chunk[taken:], due, sent_bytes + taken)
                    sent_bytes += len(chunk)
            except CutOff:
                rest(SETTLING_NS)
                raise
        aborting.pop_all()
    if not is_begun:
        begin()
    OutgoingBody.finish(outgoing, None)


def _write_some(stream: OutputStream, chunk: bytes) -> int:
    """Write what the stream takes at once, and return how much that is."""
    taken = min(stream.check_write(), len(chunk))
    stream.write(chunk[:taken])
    return taken


def _write(stream: OutputStream, chunk: bytes, due: Due, sent_bytes: int) -> None:
    place = 0
    while place < len(chunk):
        end = place + _room(stream, due(sent_bytes + place))
        stream.write(chunk[place:end])
        place = end
    with suppress(Err):  # the stream is closed: all was taken, or the next write fails
        stream.flush()


def _room(stream: OutputStream, until: Moment) -> int:
    """Wait until the stream takes bytes, and return how many it takes."""
    while True:
        permitted_bytes = stream.check_write()
        if permitted_bytes:
            return permitted_bytes
        wait_for(stream.subscribe(), until)
