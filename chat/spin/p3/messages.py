"""Makes and takes the parts that requests and responses share: bodies, and what is behind them."""

from asyncio import Task
from collections.abc import AsyncGenerator, Callable
from typing import TypeAlias

from componentize_py_async_support.futures import FutureReader, FutureWriter
from componentize_py_async_support.streams import ByteStreamReader
from componentize_py_types import Err, Ok, Result
from spin_sdk import wit
from spin_sdk.wit.imports.wasi_http_types_0_3_0_rc_2026_03_15 import ErrorCode, Fields

from chat.spin.answers import Moment
from chat.spin.p3.waiting import begin, ends, leave, now, within
from chat.spin.sending import next_tick

READ_BYTES = 64 * 1024
MAX_DIGITS = 19
"""The most digits of a length."""

Due = Callable[[int], Moment]
"""Until when the next byte is waited for, behind so many; it may raise TimeUp."""
Trailers: TypeAlias = Result[Fields | None, ErrorCode]
Received: TypeAlias = FutureReader[Trailers]
"""What says, behind a body, whether it was whole."""

new_trailers: Callable[
    [Callable[[], Trailers]], tuple[FutureWriter[Trailers], FutureReader[Trailers]]
] = wit.result_option_wasi_http_types_0_3_0_rc_2026_03_15_fields_wasi_http_types_0_3_0_rc_2026_03_15_error_code_future  # noqa: E501 - the SDK's name
new_outcome: Callable[
    [Callable[[], Result[None, ErrorCode]]],
    tuple[FutureWriter[Result[None, ErrorCode]], FutureReader[Result[None, ErrorCode]]],
] = wit.result_unit_wasi_http_types_0_3_0_rc_2026_03_15_error_code_future


def taken() -> FutureReader[Result[None, ErrorCode]]:
    """Say of a body that is read that there is nothing to say of it."""
    return new_outcome(lambda: Ok(None))[1]


def body_length(said: str) -> int | None:
    """Return the length that a head says of its body; None if it says none that counts."""
    is_length = said.isascii() and said.isdigit() and len(said) <= MAX_DIGITS
    return int(said) if is_length else None


async def read_all(
    body: ByteStreamReader, received: Received, length: int | None, max_bytes: int, due: Due
) -> bytes | None:
    """Read a body to its end; None if it has more than `max_bytes`.

    If its head says its length, its end need not be waited for: the host holds it to what it said.
    Errors: TimeUp; Err if it breaks off.
    """
    read = bytearray()
    while not body.writer_dropped:
        if len(read) > max_bytes:
            return None
        read += await within(body.read(READ_BYTES), due(len(read)))
        if len(read) == length:
            return bytes(read) if len(read) <= max_bytes else None
    outcome = await within(received.read(), due(len(read)))
    if isinstance(outcome, Err):
        raise outcome
    return bytes(read) if len(read) <= max_bytes else None


async def read_parts(
    body: ByteStreamReader, received: Received, length: int | None, due: Due
) -> AsyncGenerator[bytes, None]:
    """Yield a body in parts, as it comes; an empty part says that nothing has come for a while.

    Whoever closes this drops the body, which closes its connection: at once, or behind the read
    that goes on by then, as a stream may not be dropped before.
    Errors: TimeUp; Err if it breaks off.
    """
    count, reading = 0, None
    try:
        while not body.writer_dropped and count != length:
            reading = begin(body.read(READ_BYTES))
            while not await ends(reading, next_tick(due, now)):
                yield b""
            part, reading = reading.result(), None
            count += len(part)
            if part:
                yield part
    except BaseException:
        _drop(body, reading)
        raise
    if count != length:
        outcome = await within(received.read(), due(count))
        if isinstance(outcome, Err):
            raise outcome


def _drop(body: ByteStreamReader, reading: "Task[bytes] | None") -> None:
    def drop() -> None:
        with body:
            pass

    if reading is None:
        drop()
    else:
        leave(reading, drop)
