"""Reads what a Redis server reports of itself."""

import contextlib

from host.interfaces.resp import Connection, parse_address
from tests.running import RunningRedis


def info_of(redis: RunningRedis, section: str) -> dict[str, str]:
    """Return a section of Redis' `INFO`."""
    with contextlib.closing(Connection(parse_address(redis.address))) as connection:
        reply = connection.call([b"INFO", section.encode()])
    lines = reply.decode().splitlines() if isinstance(reply, bytes) else []
    return dict(line.split(":", 1) for line in lines if ":" in line)


def used_bytes(redis: RunningRedis) -> int:
    """Return the memory that Redis uses for data, without what waits for its file or a client."""
    info = info_of(redis, "memory")
    passing = int(info["mem_aof_buffer"]) + int(info["mem_clients_normal"])
    return int(info["used_memory"]) - passing


def net_bytes(redis: RunningRedis) -> tuple[int, int]:
    """Return how many bytes Redis has received and sent."""
    info = info_of(redis, "stats")
    return int(info["total_net_input_bytes"]), int(info["total_net_output_bytes"])


def count_calls(redis: RunningRedis) -> dict[str, int]:
    """Return how often each command was called, calls inside scripts included."""
    return {
        name.removeprefix("cmdstat_"): int(told.removeprefix("calls=").partition(",")[0])
        for name, told in info_of(redis, "commandstats").items()
    }
