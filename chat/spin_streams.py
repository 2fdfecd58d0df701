"""The adapter to WASI's streams: bodies in and out."""

from collections.abc import Iterable

from spin_sdk.wit.imports.streams import InputStream, StreamError_Closed
from spin_sdk.wit.imports.types import OutgoingBody
from spin_sdk.wit.types import Err

READ_BYTES = 64 * 1024
WRITE_BYTES = 4096
"""The most that one blocking write takes. Source: WASI 0.2.0 `wit/io/streams.wit`."""


def read_all(stream: InputStream, most_bytes: int, expected_bytes: int = -1) -> bytes | None:
    """Read a body to its end; None if it has more bytes. Raises Err if it breaks off.

    A body that has as many bytes as are expected is at its end.
    """
    body = bytearray()
    while len(body) <= most_bytes:
        if len(body) == expected_bytes:
            return bytes(body)
        try:
            body += stream.blocking_read(READ_BYTES)
        except Err as error:
            if isinstance(error.value, StreamError_Closed):
                return bytes(body)
            raise
    return None


def write_body(outgoing: OutgoingBody, chunks: Iterable[bytes]) -> None:
    """Write a body, and finish it; what `chunks` raises leaves it unfinished."""
    with outgoing.write() as stream:
        for chunk in chunks:
            for start in range(0, len(chunk), WRITE_BYTES):
                stream.blocking_write_and_flush(chunk[start : start + WRITE_BYTES])
    OutgoingBody.finish(outgoing, None)
