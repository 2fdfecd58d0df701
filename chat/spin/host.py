"""The adapters to Spin: Redis, variables, the log."""

import functools
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from spin_sdk import redis, variables
from spin_sdk.wit.imports import wasi_config_store
from spin_sdk.wit.imports.redis import (
    Connection,
    Error_InvalidAddress,
    RedisParameter_Binary,
    RedisParameter_Int64,
    RedisResult_Nil,
)
from spin_sdk.wit.types import Err

from chat.core.errors import InvalidSetting, StoreUnavailable
from chat.redis.connection import RedisError, Value, parse_failure


def log(text: str) -> None:
    """Write a line to the component's log."""
    sys.stderr.write(text + "\n")


@functools.cache
def _variables() -> Mapping[str, str]:
    """Return all variables, read in one call; none if one of them cannot be read."""
    try:
        return dict(wasi_config_store.get_all())
    except Err:
        return {}


def get_variable(name: str) -> str:
    """Return a variable of the component.

    Errors: InvalidSetting if it has no value.
    """
    known = _variables().get(name)
    if known is not None:
        return known
    try:
        return str(variables.get(name))
    except Err as error:
        raise InvalidSetting(name, "set") from error


class RedisConnection:
    """One connection to Redis over Spin."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, command: str, arguments: Sequence[bytes | int]) -> list[Value]:
        """Run a command, and return its reply as one flat list.

        Errors: RedisError, with the host's text.
        """
        parameters = [
            RedisParameter_Int64(argument)
            if isinstance(argument, int)
            else RedisParameter_Binary(argument)
            for argument in arguments
        ]
        try:
            results = self._connection.execute(command, parameters)
        except Err as error:
            raise RedisError(str(getattr(error.value, "value", error.value))) from error
        return [None if isinstance(result, RedisResult_Nil) else result.value for result in results]


@contextmanager
def open_redis(url: str) -> Iterator[RedisConnection]:
    """Connect to Redis while the block runs.

    Errors: StoreUnavailable, never with the address, which contains the password.
    """
    try:
        connection = redis.open(url)
    except Err as error:
        if isinstance(error.value, Error_InvalidAddress):
            raise StoreUnavailable("the host does not allow `redis_address`") from error
        raise parse_failure(str(getattr(error.value, "value", ""))) from error
    with connection:
        yield RedisConnection(connection)
