"""The adapter to Redis: a connection to each server, which all requests of the instance use."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from componentize_py_types import Err
from spin_sdk.wit.imports.spin_redis_redis_3_0_0 import (
    Connection as SpinConnection,
)
from spin_sdk.wit.imports.spin_redis_redis_3_0_0 import (
    Error_InvalidAddress,
    RedisParameter,
    RedisParameter_Binary,
    RedisResult,
    RedisResult_Nil,
)

from chat.http.patience import NS_PER_S
from chat.redis.connection import Begun, Outcome, Value, Way
from chat.redis.failures import BROKEN, TOO_SLOW, NodeAway, RedisError, Refused, parse_away
from chat.spin.answers import TimeUp
from chat.spin.p3.waiting import Gate, begin, ended, in_time, moment_in, now, within
from chat.spin.redis_nodes import ADDRESS_DENIED


class Started(Begun[Outcome]):
    """What was asked beside something else, and is under way."""

    def __init__(self, act: Callable[[], Awaitable[Outcome]]) -> None:
        async def acted() -> Outcome:
            return await act()

        self._begun_at = now()
        self._task = begin(acted())

    async def result(self) -> Outcome:
        await ended(self._task)
        return self._task.result()

    async def result_within(self, seconds: float) -> Outcome:
        try:
            return await in_time(self._task, self._begun_at + int(seconds * NS_PER_S))
        except TimeUp as error:
            raise NodeAway from error

    async def is_done(self) -> bool:
        await ended(self._task)
        return self._task.exception() is None


class OpenConnection(Way):
    """A connection that stays closed once it broke.

    Units: `timeout_s` in seconds, for each call.
    """

    def __init__(self, connection: SpinConnection, timeout_s: float) -> None:
        self._connection = connection
        self._timeout_s = timeout_s
        self.is_whole = True

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        """Run a command.

        Errors: RedisError with the host's text.
        """
        parameters: list[RedisParameter] = list(map(RedisParameter_Binary, arguments))
        call = self._connection.execute(command, parameters)
        try:
            results = await within(call, moment_in(self._timeout_s))
        except TimeUp as error:
            self.is_whole = False
            raise RedisError(TOO_SLOW) from error
        except Err as error:
            text = str(getattr(error.value, "value", error.value))
            self.is_whole = self.is_whole and BROKEN not in text
            raise RedisError(text) from error
        return [_value_of(result) for result in results]


class InstanceRedis(Way):
    """The instance's connection: opened by the first call, and anew behind one that broke.

    Units: `timeout_s` in seconds, for each call and for connecting.
    """

    def __init__(self, url: str, timeout_s: float, denied: str = ADDRESS_DENIED) -> None:
        """Take what is said if the host does not allow the address."""
        self._url = url
        self._timeout_s = timeout_s
        self._denied = denied
        self._connection: OpenConnection | None = None
        self._is_opening = False
        self._opened = Gate()
        self._idle: list[OpenConnection] = []

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        """Run a command.

        Errors: StoreUnavailable without a connection; RedisError with the host's text.
        """
        connection = await self.connected()
        try:
            return await connection.execute(command, arguments)
        finally:
            self._leave(connection)

    def begin(self, act: Callable[[], Awaitable[Outcome]]) -> Begun[Outcome]:
        return Started(act)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Way]:
        """Yield a connection that no other request uses meanwhile, of those that were left."""
        own = self._idle.pop() if self._idle else await self._open()
        try:
            yield own
        finally:
            if own.is_whole:
                self._idle.append(own)
            else:
                self._idle.clear()  # those that were left before are as stale

    async def connected(self) -> OpenConnection:
        """Return the connection that all use; connect first if there is none.

        Errors: NodeAway, StoreUnavailable.
        """
        if self._connection is not None:
            return self._connection
        if self._is_opening:
            await self._opened.wait()
        else:
            await self._connect()
        if self._connection is None:
            raise NodeAway
        return self._connection

    async def _connect(self) -> None:
        self._is_opening = True
        try:
            self._connection = await self._open()
        finally:
            self._is_opening = False
            self._opened.open()

    def _leave(self, connection: OpenConnection) -> None:
        """Take another connection from now on, if this one broke.

        It is closed when the last call on it has ended.
        """
        if not connection.is_whole and self._connection is connection:
            self._connection = None

    async def _open(self) -> OpenConnection:
        """Connect.

        Errors: NodeAway, StoreUnavailable; never with the address: it holds the password.
        """
        try:
            opened = await within(SpinConnection.open(self._url), moment_in(self._timeout_s))
        except TimeUp as error:
            raise NodeAway from error
        except Err as error:
            if isinstance(error.value, Error_InvalidAddress):
                raise Refused(self._denied) from error
            raise parse_away(str(getattr(error.value, "value", ""))) from error
        return OpenConnection(opened, self._timeout_s)


def _value_of(result: RedisResult) -> Value:
    return None if isinstance(result, RedisResult_Nil) else result.value
