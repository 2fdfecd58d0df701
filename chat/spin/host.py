"""What a build of the component takes from its host, and what it gives to the parts above."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from chat.core.addresses import Origin, RedisAddress
from chat.core.variables import Getter
from chat.redis.connection import Connection
from chat.spin.answers import Limit, Moment
from chat.spin.engine import Engine


class Http(Protocol):
    """Requests to one origin."""

    async def request(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        """Send a request; return the status and the whole body of its answer.

        Errors: HttpFailed.
        """

    def stream(
        self, method: str, path: str, body: bytes | None
    ) -> AsyncGenerator[int | bytes, None]:
        """Send a request; yield the status of its answer, and then the body in chunks, as it comes.

        An empty chunk says that nothing has come for `TICK_NS`. Closing the generator gives the
        request up: the connection is closed.
        Errors: HttpFailed.
        """


@dataclass(frozen=True)
class Host:
    """The host, as a build reaches it.

    `open_redis` connects to an address for the time of one request; StoreUnavailable if that fails.
    `moment_in` returns the moment that is so many seconds away.
    """

    get_variable: Getter
    open_redis: Callable[[RedisAddress], AbstractAsyncContextManager[Connection]]
    make_http: Callable[[Origin, Mapping[str, str], Limit], Http]
    engine: Engine
    moment_in: Callable[[float], Moment]
