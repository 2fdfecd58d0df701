"""The stores of one request, of each kind: in this process, in Redis, with Chroma behind it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from chat.chroma.collection import collection_of
from chat.chroma.conversations import ChromaDurableStore
from chat.chroma.memories import ChromaMemory
from chat.chroma.requests import base_path
from chat.core.limits import Limits
from chat.core.owners import anyone
from chat.redis.brancher import RedisBrancher
from chat.redis.connection import Connection, Redis
from chat.redis.conversations import RedisConversationStore
from chat.redis.restorer import RedisRestorer
from chat.redis.turn_settings import TurnStoreSettings
from chat.redis.turns import RedisTurnStore
from chat.usecases.branch_ports import Brancher
from chat.usecases.durable_stores import RecoveringStore, RecoveringTurnStore
from chat.usecases.ports import AnsweredBefore, OwnedStore, TurnStore
from chat.usecases.recovery import DurableBrancher, Recovery
from tests.chat.in_memory import (
    InMemoryBrancher,
    InMemoryConversationStore,
    InMemoryTurnStore,
    Shelf,
)
from tests.chat.native import NativeConnection, NativeHttp
from tests.chat.test_recovering import OneLetterEmbedder
from tests.chat.test_settings import parse

OWNER, OTHER = "{ada}", "{bob}"


@dataclass(frozen=True)
class Stores:
    """What looks at the conversations of one owner."""

    turns: TurnStore
    conversations: OwnedStore
    brancher: Brancher


MakeStores = Callable[..., Stores]


def in_redis(
    connection: Connection,
    fencing: str,
    owner: str | None,
    most: int,
    archive_turns: int = 100,
) -> Stores:
    def owners(conversation_id: int) -> list[str]:
        return [*([owner] if owner else []), anyone(conversation_id)]

    redis = Redis(connection)
    settings = TurnStoreSettings(
        "t", fencing, 60_000, archive_turns, Limits(most, 0), owner or "{r}", owners
    )
    conversations = RedisConversationStore(
        redis, prefix="t", fencing=fencing, owner=owner, owners=owners
    )
    brancher = RedisBrancher(
        redis,
        prefix="t",
        fencing=fencing,
        part_ms=5000,
        rate_tag=owner or "{r}",
        owners=owners,
        make_restorer=lambda new_owner: make_restorer(redis, fencing, new_owner),
    )
    return Stores(RedisTurnStore(redis, settings), conversations, brancher)


def make_restorer(redis: Redis, fencing: str, owner: str) -> RedisRestorer:
    return RedisRestorer(
        redis, prefix="t", fencing=fencing, owner=owner, part_ms=5000, archive_turns=100
    )


def with_chroma(
    connection: NativeConnection, http: NativeHttp, base: str, fencing: str, owner: str, most: int
) -> Stores:
    redis = Redis(connection)
    collection = collection_of(http, base, "t", owner, "m0de1")
    embedder = OneLetterEmbedder()
    archive = ChromaDurableStore(
        collection, ChromaMemory(collection, embedder, owner), embedder, 10
    )
    recovery = Recovery(archive, make_restorer(redis, fencing, owner), parse(), owner)
    hot = in_redis(connection, fencing, owner, most)
    assert isinstance(hot.turns, RedisTurnStore)
    assert isinstance(hot.conversations, RedisConversationStore)
    return Stores(
        RecoveringTurnStore(hot.turns, archive, recovery, hot.conversations),
        RecoveringStore(hot.conversations, archive, recovery),
        DurableBrancher(archive, hot.brancher, recovery),
    )


def make_stores_of(
    kind: str, request: pytest.FixtureRequest, connection: NativeConnection
) -> MakeStores:
    """Return what makes the stores of a request; all of one test see the same conversations.

    Chroma is started here if need be: what a test starts by itself ends with the test's thread.
    """
    shelf = Shelf()
    http = request.getfixturevalue("chroma") if kind == "chroma" else None
    database = request.getfixturevalue("database") if kind == "chroma" else ""

    def make(fencing: str = "one", owner: str | None = OWNER, most: int = 0) -> Stores:
        if kind == "memory":
            return Stores(
                InMemoryTurnStore(shelf, fencing, owner, most),
                InMemoryConversationStore(shelf, fencing, owner),
                InMemoryBrancher(shelf, fencing, owner),
            )
        if http is None or owner is None:  # nothing stands behind what is nobody's
            return in_redis(connection, fencing, owner, most)
        base = base_path("default_tenant", database)
        return with_chroma(connection, http, base, fencing, owner, most)

    return make


async def answer_of(ask: Awaitable[object]) -> object:
    """Return what a request was answered with before."""
    with pytest.raises(AnsweredBefore) as before:
        await ask
    return before.value.result
