"""The adapter to WASI's streams: bodies in and out."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress

from spin_sdk.wit.imports.streams import InputStream, OutputStream, StreamError_Closed
from spin_sdk.wit.imports.types import OutgoingBody
from spin_sdk.wit.types import Err

from chat.spin.clock import Moment, rest, wait_for

READ_BYTES = 64 * 1024
SETTLING_NS = 100_000_000
"""How long a host has to send on what was written, before the body is aborted: Spin's then drops
what it has not, and does not say when it has."""

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


class CutOff(Exception):
    """A body ends here, and is not whole."""


def write_body(outgoing: OutgoingBody, chunks: Iterable[bytes], due: Due) -> None:
    """Write a body, and finish it; what `chunks` raises aborts it, by which the other end sees it.

    A body that is only left open ends as if it were whole.
    Errors: TimeUp; Err if nobody reads it any more.
    """
    sent_bytes = 0
    with ExitStack() as aborting:
        aborting.push(outgoing)
        with outgoing.write() as stream:
            try:
                for chunk in chunks:
                    _write(stream, chunk, due, sent_bytes)
                    sent_bytes += len(chunk)
            except CutOff:
                rest(SETTLING_NS)
                raise
        aborting.pop_all()
    OutgoingBody.finish(outgoing, None)


def _write(stream: OutputStream, chunk: bytes, due: Due, sent_bytes: int) -> None:
    place = 0
    while place < len(chunk):
        end = place + _room(stream, due(sent_bytes + place))
        stream.write(chunk[place:end])
        place = end
    with suppress(Err):  # closed already: all was taken, or the next write says so
        stream.flush()


def _room(stream: OutputStream, until: Moment) -> int:
    """Wait until something may be written, and return how much."""
    while True:
        permitted_bytes = stream.check_write()
        if permitted_bytes:
            return permitted_bytes
        wait_for(stream.subscribe(), until)
