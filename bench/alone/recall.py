"""What recall adds to a turn, and to Redis, as the archive grows."""

import contextlib
import random
import statistics
import time

from bench.alone.history import WINDOW_TURNS, store_past
from bench.tables import SPREAD, describe, header, row
from host.resp import Connection, parse_address
from tests.chat.talk import english
from tests.running import RunningHost, RunningRedis

ARCHIVED_TURNS = (100, 1_000, 10_000)
SAMPLES = 60
WARM_UP = 10
CONTEXT = "You are a helpful chef."
HEAD = f"""
### What recall adds

By the words of the prompt, as it is by default, beside `recall=off`: prompts of 12 words and
replies of 40, no two alike; ms, the model's included: {SPREAD}.
"""


def bench_recall(recalling: RunningHost, without: RunningHost, redis: RunningRedis) -> None:
    """Print the table: the same turns on one host with recall and on one without, by turns."""
    print(HEAD, end="")
    header("archived turns", "bytes each in Redis", "without", "lexical", "ratio")
    rng = random.Random(1)
    with contextlib.closing(Connection(parse_address(redis.address))) as connection:
        for archived in ARCHIVED_TURNS:
            before = used_bytes(connection)
            talk = [(english(rng, 12), english(rng, 40)) for _ in range(archived + WINDOW_TURNS)]
            taken = store_past(connection, CONTEXT, talk)
            each = (used_bytes(connection) - before) // archived
            times: dict[str, list[float]] = {"lexical": [], "without": []}
            for _ in range(SAMPLES):
                prompt = english(rng, 12)
                for name, host in (("lexical", recalling), ("without", without)):
                    started = time.perf_counter()
                    host.post(id=taken, prompt=prompt)
                    times[name].append((time.perf_counter() - started) * 1000)
            lexical, without_ms = times["lexical"][WARM_UP:], times["without"][WARM_UP:]
            row(
                f"{archived:,}", f"{each:,}", describe(without_ms), describe(lexical),
                f"{statistics.median(lexical) / statistics.median(without_ms):.2f}",
            )  # fmt: skip


def used_bytes(connection: Connection) -> int:
    """Give the memory that Redis uses for data."""
    reply = connection.call([b"INFO", b"memory"])
    lines = reply.decode().splitlines() if isinstance(reply, bytes) else []
    return next(int(line.split(":")[1]) for line in lines if line.startswith("used_memory:"))
