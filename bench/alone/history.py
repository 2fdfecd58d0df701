"""Measures what a turn costs as the conversation grows: round trips, bytes and time."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import Sequence

from bench.redis_counts import count_calls, net_bytes
from bench.tables import SPREAD, describe, header, row
from chat.core.limits import Limits
from chat.core.messages import Commit, Conversation, Message, Turn
from chat.core.owners import anyone
from chat.core.tokens import LARGE
from chat.redis.connection import Redis
from chat.redis.turn_settings import TurnStoreSettings
from chat.redis.turns import RedisTurnStore
from host.interfaces.resp import Connection, parse_address
from tests.chat.native import NativeConnection
from tests.running import RunningHost, RunningRedis

PAST_TURNS = (1, 10, 100, 1_000, 10_000)
SAMPLES = 60
WARM_UP = 5
HEAD = f"""
### What a turn costs as the conversation grows, without recall

Each sample is a turn with exactly so many before it; the sizes are sampled in turn, so that a busy
moment of the machine hits all of them. ms, the model's included: {SPREAD}.
"""
WINDOW_TURNS = 90
"""About as many turns as the default context length holds."""
BATCH = 100


def bench_history(
    host: RunningHost, redis: RunningRedis, context: str, prompt: str, reply: str
) -> None:
    """Print the table, without recall; each sample is a turn after exactly that many turns."""
    print(HEAD, end="")
    header("past turns", "in the window", "round trips", "bytes from and to Redis", "ms", "ratio")
    with contextlib.closing(Connection(parse_address(redis.address))) as connection:
        kept = {
            past: [make_past(connection, past, context, prompt, reply) for _ in range(SAMPLES)]
            for past in PAST_TURNS
        }
        times: dict[int, list[float]] = {past: [] for past in PAST_TURNS}
        for number in range(SAMPLES):
            for past in PAST_TURNS:
                started = time.perf_counter()
                host.post(id=kept[past][number], prompt=prompt)
                times[past].append((time.perf_counter() - started) * 1000)
        base = statistics.median(times[PAST_TURNS[0]][WARM_UP:])
        for past in PAST_TURNS:
            taken = times[past][WARM_UP:]
            trips, received, sent, window = redis_traffic(host, redis, kept[past][0], prompt)
            row(
                f"{past:,}", str(window), str(trips), f"{sent:,} and {received:,}",
                describe(taken), f"{statistics.median(taken) / base:.2f}",
            )  # fmt: skip


def redis_traffic(
    host: RunningHost, redis: RunningRedis, taken: int, prompt: str
) -> tuple[int, int, int, int]:
    """Take a turn; return its scripts, the bytes to and from Redis, and the turns in its window."""
    redis_counters(redis)
    asking = redis_counters(redis)
    before = redis_counters(redis)
    window = host.post(id=taken, prompt=prompt).json()["usage"]["window_turns"]
    after = redis_counters(redis)
    counted = [b - a - (a - c) for a, b, c in zip(before, after, asking, strict=True)]
    return counted[0], counted[1], counted[2], window


def redis_counters(redis: RunningRedis) -> tuple[int, int, int]:
    """Return how many scripts were called, and the bytes to and from Redis, this call included."""
    return count_calls(redis)["evalsha"], *net_bytes(redis)


def make_past(connection: Connection, past: int, context: str, prompt: str, reply: str) -> int:
    """Store a conversation of `past` equal turns as the component would have; return its id."""
    return store_past(connection, context, [(prompt, reply)] * past)


def store_past(connection: Connection, context: str, talk: Sequence[tuple[str, str]]) -> int:
    """Store a conversation of prompts and replies; return its id."""
    return asyncio.run(_store_past(connection, context, talk))


async def _store_past(connection: Connection, context: str, talk: Sequence[tuple[str, str]]) -> int:
    settings = TurnStoreSettings(
        "chat", "bench", 60_000, 0, Limits(0, 0), "{bench}", lambda id_: [anyone(id_)]
    )
    store = RedisTurnStore(Redis(NativeConnection(connection)), settings)
    turns = [make_turn(number, *said) for number, said in enumerate(talk, 1)]
    taken = await store.next_id()
    new = Conversation(taken, anyone(taken), context, len(context) // 4, 0, 0, ())
    await store.create(new, make_commit(turns[:1], [], len(context) // 4), None)
    for start in range(1, len(turns), BATCH):
        loaded = await store.load(taken)
        batch = turns[start : start + BATCH]
        shown = [*loaded.turns, *batch]
        evicted = shown[: max(0, len(shown) - WINDOW_TURNS)]
        await store.commit(loaded, make_commit(batch, evicted, loaded.context_tokens))
    return taken


def make_turn(number: int, prompt: str, reply: str) -> Turn:
    """Make a turn with tokens as a tokenizer might count them: four characters to a token."""
    said = (Message("user", prompt), Message("assistant", reply))
    return Turn(number, said, len(prompt) // 4 + 8, len(reply) // 4, len(prompt) // 8, 1.0)


def make_commit(turns: list[Turn], evicted: list[Turn], context_tokens: int) -> Commit:
    """Make a commit of turns, for a conversation whose vocabulary is known."""
    return Commit(tuple(turns), context_tokens, 10**6, LARGE, tuple(evicted), 1.0, 0)
