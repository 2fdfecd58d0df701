"""The adapter to Redis: a connection for each request, whose calls block."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from spin_sdk import redis
from spin_sdk.wit.imports.redis import (
    Connection,
    Error_InvalidAddress,
    RedisParameter,
    RedisParameter_Binary,
    RedisResult_Nil,
)
from spin_sdk.wit.types import Err

from chat.core.addresses import RedisAddress
from chat.core.errors import StoreUnavailable
from chat.redis.connection import RedisError, Value, parse_failure


class RedisConnection:
    """One connection to Redis over Spin."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        """Run a command, and return its reply as one flat list.

        Errors: RedisError, with the host's text.
        """
        parameters: list[RedisParameter] = [
            RedisParameter_Binary(argument) for argument in arguments
        ]
        try:
            results = self._connection.execute(command, parameters)
        except Err as error:
            raise RedisError(str(getattr(error.value, "value", error.value))) from error
        return [None if isinstance(result, RedisResult_Nil) else result.value for result in results]


@asynccontextmanager
async def open_redis(address: RedisAddress) -> AsyncIterator[RedisConnection]:
    """Connect to Redis while the block runs.

    Errors: StoreUnavailable, never with the address, which contains the password.
    """
    try:
        connection = redis.open(address.url)
    except Err as error:
        if isinstance(error.value, Error_InvalidAddress):
            raise StoreUnavailable("the host does not allow `redis_address`") from error
        raise parse_failure(str(getattr(error.value, "value", ""))) from error
    with connection:
        yield RedisConnection(connection)
