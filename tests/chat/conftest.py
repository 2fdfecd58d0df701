"""A database of the shared Redis, emptied for each test."""

from collections.abc import Iterator

import pytest

from host.resp import Connection, parse_address
from tests.chat.native import NativeConnection
from tests.running import RunningRedis


@pytest.fixture
def connection(shared_redis: RunningRedis) -> Iterator[NativeConnection]:
    opened = Connection(parse_address(shared_redis.address + "/5"))
    opened.call([b"FLUSHDB"])
    yield NativeConnection(opened)
    opened.close()
