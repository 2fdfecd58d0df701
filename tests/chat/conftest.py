"""A database of the shared Redis, emptied for each test; and a database of Chroma's own."""

import json
import secrets
from collections.abc import Iterator

import pytest

from host.resp import Connection, parse_address
from tests.chat.native import NativeConnection, NativeHttp
from tests.running import RunningChroma, RunningRedis


@pytest.fixture
def connection(shared_redis: RunningRedis) -> Iterator[NativeConnection]:
    opened = Connection(parse_address(shared_redis.address + "/5"))
    opened.call([b"FLUSHDB"])
    yield NativeConnection(opened)
    opened.close()


@pytest.fixture
def chroma(shared_chroma: RunningChroma) -> Iterator[NativeHttp]:
    """Connect to Chroma; `database` is new."""
    http = NativeHttp(shared_chroma.address)
    yield http
    http.close()


@pytest.fixture
def database(chroma: NativeHttp) -> str:
    name = f"d{secrets.token_hex(8)}"
    body = json.dumps({"name": name}).encode()
    status, _ = chroma.request("POST", "/api/v2/tenants/default_tenant/databases", body)
    assert status == 200
    chroma.calls.clear()
    return name
