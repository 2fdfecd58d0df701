"""What both builds do alike for a request to a model or to Chroma: head, time and failures.

`types` is the module of `wasi:http/types` in a build's SDK: both have the same names in it.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, ClassVar

from chat.core.addresses import Origin
from chat.spin.answers import MAX_ANSWER_BYTES, TICK_NS, HttpFailed, Limit, Moment, TimeUp
from chat.spin.current import current
from chat.spin.log import log

DENIED = "ErrorCode_HttpRequestDenied"
TIMEOUTS = ("ErrorCode_ConnectionReadTimeout", "ErrorCode_HttpResponseTimeout")


def lay_out_headers(headers: Mapping[str, str], body: bytes | None) -> list[tuple[str, bytes]]:
    """Return the headers of a request, with those of its body if it has one, and of its trace."""
    about = current()
    traced = about.trace.headers() if about and about.trace else {}
    fields = [(name, value.encode()) for name, value in {**headers, **traced}.items()]
    if body is not None:
        fields.append(("content-type", b"application/json"))
        fields.append(("content-length", str(len(body)).encode()))
    return fields


def address(request: Any, types: Any, method: str, origin: Origin, path: str) -> None:
    """Set where a request goes."""
    request.set_method(getattr(types, f"Method_{method.title()}")())
    request.set_scheme(types.Scheme_Https() if origin.scheme == "https" else types.Scheme_Http())
    request.set_authority(origin.authority)
    request.set_path_with_query(path)


def make_options(types: Any, timeout_ns: int) -> Any:
    """Limit what the host waits for, too: what is given up here ends there, a little later."""
    options = types.RequestOptions()
    options.set_connect_timeout(timeout_ns)
    options.set_first_byte_timeout(timeout_ns)
    options.set_between_bytes_timeout(timeout_ns)
    return options


def due_at(until: Moment, now: Callable[[], Moment]) -> Callable[[int], Moment]:
    """Return what says, behind any number of bytes, until when the next one is waited for."""

    def due(_: int) -> Moment:
        if now() >= until:  # a body that comes byte by byte never makes a wait time out
            raise TimeUp
        return until

    return due


def next_tick(due: Callable[[int], Moment], now: Callable[[], Moment]) -> Moment:
    """Return until when to wait before the reader is told that nothing has come.

    Errors: TimeUp.
    """
    return min(due(0), now() + TICK_NS)


class Requests(ABC):
    """Requests to one origin: the `Http` port, but for how a build exchanges bytes with its host.

    `failure` is what the build's host raises.
    """

    failure: ClassVar[type[Exception]]

    def __init__(self, origin: Origin, headers: Mapping[str, str], limit: Limit) -> None:
        self._origin = origin
        self._headers = headers
        self._limit = limit

    async def request(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """Send a request, and return the status and the body of the whole answer.

        Errors: HttpFailed.
        """
        return await answered(self._exchange(method, path, body), self.failure)

    def stream(
        self, method: str, path: str, body: bytes | None
    ) -> AsyncGenerator[int | bytes, None]:
        """Send a request, and yield the status and the body of its answer as they come.

        Errors: HttpFailed.
        """
        return relayed(self._relay(method, path, body), self.failure)

    @abstractmethod
    async def _exchange(
        self, method: str, path: str, body: bytes | None
    ) -> tuple[int, bytes | None]:
        """Return the status and the body of an answer; the body is None if it is too long.

        Errors: TimeUp, and `failure`.
        """

    @abstractmethod
    def _relay(
        self, method: str, path: str, body: bytes | None
    ) -> AsyncGenerator[int | bytes, None]:
        """Yield the status and the body of an answer as they come, and an empty chunk at a tick.

        Errors: TimeUp, and `failure`.
        """


async def answered(
    exchange: Awaitable[tuple[int, bytes | None]], failure: type[Exception]
) -> tuple[int, bytes]:
    """Wait for the status and the body of an answer; the body is None if it is too long.

    Errors: HttpFailed in place of TimeUp and of a build's `failure`; the reason goes to the log.
    """
    try:
        status, body = await exchange
    except (failure, TimeUp) as error:
        raise failed(error) from error
    if body is None:
        raise _too_long()
    return status, body


async def relayed(
    received: AsyncGenerator[int | bytes, None], failure: type[Exception]
) -> AsyncGenerator[int | bytes, None]:
    """Yield the status and the chunks of an answer as they come, until they are too many bytes.

    Errors: those of `answered`.
    """
    count = 0
    try:
        async with aclosing(received):
            async for one in received:
                count += 0 if isinstance(one, int) else len(one)
                if count > MAX_ANSWER_BYTES:
                    raise _too_long()
                yield one
    except (failure, TimeUp) as error:
        raise failed(error) from error


def failed(error: Exception) -> HttpFailed:
    """Return the error for TimeUp, or for a code of the host; write the reason to the log."""
    if isinstance(error, TimeUp):
        log("warning", "http", reason="the answer was not whole in time")
        return HttpFailed(is_timeout=True)
    name = type(getattr(error, "value", None)).__name__
    reason = "the origin is not an allowed outbound host" if name == DENIED else name
    log("warning", "http", reason=reason)
    return HttpFailed(is_timeout=name in TIMEOUTS)


def _too_long() -> HttpFailed:
    log("warning", "http", reason=f"an answer of more than {MAX_ANSWER_BYTES} bytes")
    return HttpFailed(is_timeout=False)
