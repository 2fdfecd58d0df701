"""Measures what recall adds to a turn, and to Redis, as the archive grows."""

import contextlib
import random
import statistics
import time
from collections.abc import Callable, Mapping

from bench.alone.history import WINDOW_TURNS, store_past
from bench.alone.turns import CONTEXT
from bench.redis_counts import used_bytes
from bench.tables import SPREAD, describe, header, row
from host.interfaces.resp import Connection, parse_address
from tests.chat.talk import english
from tests.running import RunningHost, RunningRedis

ARCHIVED_TURNS = (100, 1_000, 10_000)
SAMPLES = 60
WARM_UP = 10
HEAD = f"""
### What recall adds

By the words of the prompt, as it is by default, beside `recall=off`: prompts of 12 words and
replies of 40, no two alike; ms, the model's included: {SPREAD}.
"""


def bench_recall(recalling: RunningHost, without: RunningHost, redis: RunningRedis) -> None:
    """Print the table: the same turns on a host with recall and on one without, alternately."""
    print(HEAD, end="")
    bench_archives("lexical", recalling, without, redis, lambda *_: None)


def bench_archives(
    kind: str,
    recalling: RunningHost,
    without: RunningHost,
    redis: RunningRedis,
    prepare: Callable[[Connection, int, int], None],
) -> None:
    """Print what a kind of recall adds, by the number of archived turns.

    Shapes: `prepare` takes a connection, a conversation's id and the number of archived turns.
    """
    header("archived turns", "bytes each in Redis", "without", kind, "ratio")
    rng = random.Random(1)
    with contextlib.closing(Connection(parse_address(redis.address))) as connection:
        for archived in ARCHIVED_TURNS:
            before = used_bytes(redis)
            talk = [(english(rng, 12), english(rng, 40)) for _ in range(archived + WINDOW_TURNS)]
            taken = store_past(connection, CONTEXT, talk)
            prepare(connection, taken, archived)
            each = (used_bytes(redis) - before) // archived
            compare_hosts((f"{archived:,}", f"{each:,}"), without, recalling, {"id": taken}, {})


def compare_hosts(
    names: tuple[str, str],
    without: RunningHost,
    having: RunningHost,
    fields: Mapping[str, object],
    headers: Mapping[str, str],
) -> None:
    """Print a row: turns on both hosts, alternately, each with another prompt."""
    rng = random.Random(3)
    times: dict[str, list[float]] = {"without": [], "with": []}
    for _ in range(SAMPLES):
        body = {**fields, "prompt": english(rng, 12)}
        for kind, host in (("without", without), ("with", having)):
            started = time.perf_counter()
            assert host.client.post("/", headers=headers, json=body).is_success
            times[kind].append((time.perf_counter() - started) * 1000)
    taken, base = times["with"][WARM_UP:], times["without"][WARM_UP:]
    ratio = statistics.median(taken) / statistics.median(base)
    row(*names, describe(base), describe(taken), f"{ratio:.2f}")
