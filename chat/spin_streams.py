"""The adapter to WASI's streams: bodies in and out."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from spin_sdk.wit.imports.streams import InputStream, OutputStream, StreamError_Closed
from spin_sdk.wit.imports.types import OutgoingBody
from spin_sdk.wit.types import Err

from chat.spin_time import Moment, wait_for

READ_BYTES = 64 * 1024

Due = Callable[[int], Moment]
"""Until when the next byte is waited for, behind so many; it may raise TimeUp."""


def read_all(
    stream: InputStream, most_bytes: int, due: Due, expected_bytes: int = -1
) -> bytes | None:
    """Read a body to its end; None if it has more bytes.

    A body that has as many bytes as are expected is at its end.
    Errors: TimeUp; Err if it breaks off.
    """
    body = bytearray()
    while len(body) <= most_bytes:
        if len(body) == expected_bytes:
            return bytes(body)
        part = _read(stream, due(len(body)))
        if part is None:
            return bytes(body)
        body += part
    return None


def _read(stream: InputStream, until: Moment) -> bytes | None:
    """Return what comes next; None at the end."""
    while True:
        try:
            part = stream.read(READ_BYTES)
        except Err as error:
            if isinstance(error.value, StreamError_Closed):
                return None
            raise
        if part:
            return part
        wait_for(stream.subscribe(), until)


def write_body(outgoing: OutgoingBody, chunks: Iterable[bytes], due: Due) -> None:
    """Write a body, and finish it; what `chunks` raises leaves it unfinished.

    Errors: TimeUp; Err if nobody reads it any more.
    """
    sent_bytes = 0
    with outgoing.write() as stream:
        for chunk in chunks:
            left = chunk
            while left:
                permitted_bytes = _room(stream, due(sent_bytes))
                stream.write(left[:permitted_bytes])
                sent_bytes += min(permitted_bytes, len(left))
                left = left[permitted_bytes:]
            with suppress(Err):  # closed already: all was taken, or the next write says so
                stream.flush()
    OutgoingBody.finish(outgoing, None)


def _room(stream: OutputStream, until: Moment) -> int:
    """Wait until something may be written, and return how much."""
    while True:
        permitted_bytes = stream.check_write()
        if permitted_bytes:
            return permitted_bytes
        wait_for(stream.subscribe(), until)
