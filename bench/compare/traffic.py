"""Measures what a turn asks of Redis, and how much memory a conversation takes there."""

import contextlib
import random
import socket
import statistics
from collections.abc import Callable, Sequence

from bench.clients import Running
from bench.redis_counts import count_calls, net_bytes, used_bytes
from bench.systems import PROMPT_WORDS, make_talk
from bench.tables import header, ratio, row
from host.interfaces.resp import parse_address
from tests.chat.talk import english
from tests.running import RunningRedis

PAST_TURNS = 1_000
WEIGHED = 3
END = "all was seen"
HEAD = f"""
## Redis

One turn after {PAST_TURNS:,}: commands that were sent, but those that set up a connection; all that
Redis ran, those inside scripts too; bytes to and from it. Memory: of a conversation of
{PAST_TURNS:,} turns, by what the server uses more, the median of {WEIGHED}; ours has the index of
its words in it.
"""


def compare_traffic(running: Sequence[Running], redis: RunningRedis, rng: random.Random) -> None:
    """Print what each system asks of Redis."""
    print(HEAD, end="")
    header(
        "", "commands sent", "commands run", "KB to Redis", "KB from Redis", "KB a conversation",
        "ratio of bytes", "ratio of memory",
    )  # fmt: skip
    base_bytes = base_kept = 0.0
    for one in running:
        conversation, kept = add_weighed(one, redis, rng)
        take_turn = turn_in(one, conversation, rng)
        take_turn()
        first, idle = traffic(redis), traffic(redis)
        take_turn()
        last = traffic(redis)
        run, received, sent = (c - b - (b - a) for a, b, c in zip(first, idle, last, strict=True))
        base_bytes, base_kept = base_bytes or received + sent, base_kept or kept
        row(
            one.name, str(sent_commands(redis, take_turn)), str(run), f"{received / 1e3:.1f}",
            f"{sent / 1e3:.1f}", f"{kept / 1e3:.0f}", ratio(received + sent, base_bytes),
            ratio(kept, base_kept),
        )  # fmt: skip


def add_weighed(one: Running, redis: RunningRedis, rng: random.Random) -> tuple[str, float]:
    """Add some conversations; return the last one, and the median by which each made Redis grow."""
    grown = []
    for _ in range(WEIGHED):
        before = used_bytes(redis)
        conversation = one.add(make_talk(rng, PAST_TURNS))
        grown.append(used_bytes(redis) - before)
    return conversation, statistics.median(grown)


def turn_in(one: Running, conversation: str, rng: random.Random) -> Callable[[], object]:
    """Return a function that takes a turn, each time with another prompt."""
    return lambda: one.take_turn(english(rng, PROMPT_WORDS), conversation)


def traffic(redis: RunningRedis) -> tuple[int, int, int]:
    """Return the commands, and the bytes to and from Redis, until now."""
    return sum(count_calls(redis).values()), *net_bytes(redis)


def sent_commands(redis: RunningRedis, act: Callable[[], object]) -> int:
    """Return how many commands clients send while `act` runs."""
    address = parse_address(redis.address)
    with (
        contextlib.closing(socket.create_connection((address.host, address.port))) as watching,
        contextlib.closing(socket.create_connection((address.host, address.port))) as ending,
    ):
        watching.sendall(b"MONITOR\r\n")
        lines = watching.makefile(encoding="latin-1")
        lines.readline()
        act()
        ending.sendall(f'ECHO "{END}"\r\n'.encode())
        count = 0
        for line in lines:
            if END in line:
                break
            count += " lua] " not in line
        return count
