"""A database of the shared Redis, emptied for each test; a database of Chroma's own; stores."""

import json
import secrets
from collections.abc import Callable, Iterator

import pytest

from chat.core.limits import Limits
from chat.core.owners import anyone
from chat.redis.connection import Redis
from chat.redis.turn_settings import TurnStoreSettings
from chat.redis.turns import RedisTurnStore
from host.interfaces.resp import Connection, parse_address
from tests.chat.native import NativeConnection, NativeHttp
from tests.event_loops import run_in_thread
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
    creating = chroma.request("POST", "/api/v2/tenants/default_tenant/databases", body)
    status, _ = run_in_thread(creating)
    assert status == 200
    chroma.calls.clear()
    return name


@pytest.fixture
def make_store(connection: NativeConnection) -> Callable[..., RedisTurnStore]:
    def make(
        fencing: str = "one",
        lock_ms: int = 60_000,
        archive_turns: int = 100,
        limits: tuple[int, int] = (0, 0),
        owner: str | None = None,
        rate_tag: str = "{r}",
    ) -> RedisTurnStore:
        settings = TurnStoreSettings(
            prefix="t",
            fencing=fencing,
            lock_ms=lock_ms,
            archive_turns=archive_turns,
            max_memories=100,
            tags=("m0de1", "10de1"),
            limits=Limits(*limits),
            rate_tag=rate_tag,
            owners=lambda id_: [*([owner] if owner else []), anyone(id_)],
        )
        return RedisTurnStore(Redis(connection), settings)

    return make
