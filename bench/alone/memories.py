"""Measures what memory by meaning adds to a turn: hybrid recall, and long-term memories."""

import asyncio
import contextlib
import itertools
import json
import math
import pathlib
import random
import time
from collections.abc import Callable, Sequence

from bench.alone.recall import bench_archives, compare_hosts
from bench.alone.turns import CONTEXT
from bench.tables import SPREAD, describe, header
from chat.chroma.collection import collection_of
from chat.chroma.memories import ChromaMemory
from chat.chroma.requests import base_path
from chat.core.messages import Memory, Place
from chat.core.owners import anyone, owner_tag
from chat.core.vectors import embedding_name, embedding_tag
from chat.redis.connection import Redis
from chat.redis.conversations import RedisConversationStore
from chat.redis.memories import RedisMemory
from chat.usecases.memory_port import LongTermMemory
from host.interfaces.resp import Connection, parse_address
from tests.chat.native import NativeConnection, NativeHttp
from tests.chat.talk import english
from tests.minilm import embed
from tests.running import (
    Answer,
    Asked,
    RunningChroma,
    RunningHost,
    RunningRedis,
    as_flags,
    free_port,
    run_host,
)

MEMORIES = (0, 100, 1_000, 10_000)
WIDTH = 384
"""The number of values in an embedding of all-MiniLM-L6-v2."""
MODEL = "all-minilm-l6-v2"
TAG = embedding_tag(MODEL, "spin, text by text")
BATCH = 100
HYBRID = f"""
### What recall by meaning adds

`recall=hybrid` beside `recall=off`, every turn with both its embeddings; the embedding model
answers at once. ms: {SPREAD}.
"""
LONG_TERM = f"""
### What long-term memories add

The first turn of a conversation, by what its owner has in the store, beside `long_term=off`. ms:
{SPREAD}.
"""


class RandomEmbedder:
    """Embeds at once; each text gets an embedding in another direction."""

    def __init__(self) -> None:
        self._rng = random.Random(2)

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """Return random unit vectors."""
        return [self.vector() for _ in texts]

    def vector(self) -> list[float]:
        """Return a random unit vector."""
        values = [self._rng.gauss(0, 1) for _ in range(WIDTH)]
        norm = math.hypot(*values)
        return [value / norm for value in values]


def embeds(answer: Callable[[Asked], Answer]) -> Callable[[Asked], Answer]:
    """Let an endpoint also embed, in Spin's default format."""
    embedder = RandomEmbedder()

    def answered(asked: Asked) -> Answer:
        if asked.path != "/embed":
            return answer(asked)
        vectors = [embedder.vector() for _ in json.loads(asked.body)["input"]]
        usage = {"promptTokenCount": 10}
        return Answer(json.dumps({"embeddings": vectors, "usage": usage}).encode())

    return answered


def bench_memories(folder: pathlib.Path, config: str, redis: RunningRedis) -> None:
    """Print both tables; the embedding model and the language model answer at once."""
    base = ["--runtime-config-file", config, "--variable", f"redis_address={redis.address}"]
    with run_host(folder / "plain", *base, "--variable", "recall=off") as plain:
        with run_host(folder / "hybrid", *base, "--variable", "recall=hybrid") as hybrid:
            bench_hybrid(hybrid, plain, redis)
        chroma = RunningChroma(free_port(), folder / "chroma")
        chroma.start()
        in_redis = ["long_term=redis", "recall=off"]
        in_chroma = ["long_term=chroma", f"chroma_address={chroma.address}", "recall=off"]
        with (
            run_host(folder / "m-redis", *base, *as_flags(in_redis)) as with_redis,
            run_host(folder / "m-chroma", *base, *as_flags(in_chroma)) as with_chroma,
        ):
            bench_long_term({"redis": with_redis, "chroma": with_chroma}, plain, redis, chroma)
        chroma.stop()
    embed(["warm"])
    times = []
    for number in range(20):
        started = time.perf_counter()
        embed([f"What did I say about the soup, {number} times?"])
        times.append((time.perf_counter() - started) * 1000)
    print(f"\nOne embedding by {MODEL} on this machine, ms: {describe(times)}.")


def bench_hybrid(hybrid: RunningHost, plain: RunningHost, redis: RunningRedis) -> None:
    """Print what hybrid recall adds, by archived turns, whose messages all have embeddings."""
    print(HYBRID, end="")
    bench_archives("hybrid", hybrid, plain, redis, keep_embeddings)


def keep_embeddings(connection: Connection, taken: int, archived: int) -> None:
    """Keep embeddings for the first turns of a conversation."""
    store = RedisConversationStore(
        Redis(NativeConnection(connection)),
        prefix="chat", fencing="bench", owner=None, owners=lambda id_: [anyone(id_)],
    )  # fmt: skip
    tag, embedder = TAG, RandomEmbedder()
    for start in range(1, archived + 1, BATCH):
        names = [
            embedding_name(tag, Place(number, index))
            for number in range(start, start + BATCH)
            for index in range(2)
        ]
        embeddings = {name: embedder.vector() for name in names}
        asyncio.run(store.keep_embeddings(taken, embeddings))


def bench_long_term(
    hosts: dict[str, RunningHost], plain: RunningHost, redis: RunningRedis, chroma: RunningChroma
) -> None:
    """Print what long-term memories add to the first turn of a conversation, by their number."""
    print(LONG_TERM, end="")
    header("store", "memories of the owner", "without", "with", "ratio")
    rng = random.Random(1)
    http = NativeHttp(chroma.address)
    with contextlib.closing(Connection(parse_address(redis.address))) as connection:
        for (name, host), count in itertools.product(hosts.items(), MEMORIES):
            token = str(host.client.post("/session").json()["token"])
            owner = owner_tag(token)
            store: LongTermMemory
            if name == "redis":
                store = RedisMemory(
                    Redis(NativeConnection(connection)), RandomEmbedder(), prefix="chat",
                    owner=owner, tag=TAG, most=0,
                )  # fmt: skip
            else:
                base = base_path("default_tenant", "default_database")
                collection = collection_of(http, base, "chat", owner, TAG)
                store = ChromaMemory(collection, RandomEmbedder(), owner)
            asyncio.run(remember(store, rng, count))
            headers = {"authorization": f"Bearer {token}"}
            compare_hosts((name, f"{count:,}"), plain, host, {"context": CONTEXT}, headers)
    http.close()


async def remember(store: LongTermMemory, rng: random.Random, count: int) -> None:
    """Remember `count` different texts."""
    for start in range(0, count, BATCH):
        await store.add(
            [
                Memory(f"{n + 10**9}.1.0", "user", f"{n}: {english(rng, 25)}", float(n), n + 10**9)
                for n in range(start, start + BATCH)
            ]
        )
