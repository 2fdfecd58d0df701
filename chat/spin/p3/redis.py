"""The adapter to Redis: one connection, which all requests of the instance use at once."""

from collections.abc import Sequence

from componentize_py_types import Err
from spin_sdk.wit.imports.spin_redis_redis_3_0_0 import (
    Connection,
    Error_InvalidAddress,
    RedisParameter,
    RedisParameter_Binary,
    RedisResult,
    RedisResult_Nil,
)

from chat.core.errors import StoreUnavailable
from chat.redis.connection import BROKEN, TOO_SLOW, RedisError, Value, parse_failure
from chat.spin.answers import TimeUp
from chat.spin.p3.waiting import Gate, moment_in, within


class InstanceRedis:
    """The instance's connection: opened by the first call, and anew behind one that broke.

    Units: `timeout_s` in seconds, for each call and for connecting.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._connection: Connection | None = None
        self._is_opening = False
        self._opened = Gate()

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        """Run a command.

        Errors: StoreUnavailable without a connection; RedisError with the host's text.
        """
        connection = await self._connected()
        parameters: list[RedisParameter] = list(map(RedisParameter_Binary, arguments))
        call = connection.execute(command, parameters)
        try:
            results = await within(call, moment_in(self._timeout_s))
        except TimeUp as error:
            self._leave(connection)
            raise RedisError(TOO_SLOW) from error
        except Err as error:
            text = str(getattr(error.value, "value", error.value))
            if BROKEN in text:
                self._leave(connection)
            raise RedisError(text) from error
        return [_value_of(result) for result in results]

    async def _connected(self) -> Connection:
        if self._connection is not None:
            return self._connection
        if self._is_opening:
            await self._opened.wait()
        else:
            await self._connect()
        if self._connection is None:
            raise StoreUnavailable
        return self._connection

    async def _connect(self) -> None:
        self._is_opening = True
        try:
            self._connection = await _open(self._url, self._timeout_s)
        finally:
            self._is_opening = False
            self._opened.open()

    def _leave(self, connection: Connection) -> None:
        """Take another connection from now on. It is closed when the last call on it has ended."""
        if self._connection is connection:
            self._connection = None


async def _open(url: str, timeout_s: float) -> Connection:
    """Connect.

    Errors: StoreUnavailable, never with the address: it holds the password.
    """
    try:
        return await within(Connection.open(url), moment_in(timeout_s))
    except TimeUp as error:
        raise StoreUnavailable from error
    except Err as error:
        if isinstance(error.value, Error_InvalidAddress):
            raise StoreUnavailable("the host does not allow `redis_address`") from error
        raise parse_failure(str(getattr(error.value, "value", ""))) from error


def _value_of(result: RedisResult) -> Value:
    return None if isinstance(result, RedisResult_Nil) else result.value
