"""Writes counters to Redis, and reads them."""

import re

from chat.core.counters import Counters, Stats, day_of, parse_counted
from chat.core.errors import CorruptConversation
from chat.core.json_text import render_compact
from chat.core.owners import active_mark
from chat.redis.connection import Redis, as_bytes, as_int
from chat.redis.fragments import DAYS
from chat.redis.keys import owners_key, stats_keys
from chat.redis.scripts import COUNT

USED_MEMORY = re.compile(rb"used_memory:(\d+)")


def render_counters(counters: Counters, at: float, owner: str | None) -> bytes:
    """Render what a script is to count.

    Instead of an active `owner` it gets a mark from which the owner cannot be found out.
    """
    mark = active_mark(owner, day_of(at)) if owner else ""
    return render_compact({"counters": counters, "at": at, "mark": mark}).encode()


class RedisStats:
    """The counters, over one connection. Every method may raise StoreUnavailable."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        """Take what the keys of what spans owners start with."""
        self._redis = redis
        self._prefix = prefix

    async def count(self, counters: Counters, at: float) -> None:
        """Add to the counters, in one round trip."""
        keys = stats_keys(self._prefix, day_of(at))
        await self._redis.run(COUNT, keys, counters=render_counters(counters, at, None))

    async def read(self, at: float) -> Stats:
        """Return all that was counted, and how much Redis holds."""
        today = day_of(at)
        keys = stats_keys(self._prefix, today)
        total, counted_today = (
            await self._fields(keys["stats"]),
            await self._fields(keys["day_stats"]),
        )
        week = [owners_key(self._prefix, today - days) for days in range(DAYS)]
        since = total.get("since")
        nodes = (await self._redis.nodes()).values()
        return Stats(
            since=float(since) if since else None,
            total=parse_counted(_numbers(total)),
            today=parse_counted(_numbers(counted_today)),
            active_today=as_int((await self._redis.execute("PFCOUNT", week[:1]))[0]),
            active_week=as_int((await self._redis.execute("PFCOUNT", week))[0]),
            redis_keys=sum([as_int((await n.execute("DBSIZE", []))[0]) for n in nodes]),
            redis_bytes=sum([await used_memory(node) for node in nodes]),
        )

    async def _fields(self, key: str) -> dict[str, str]:
        flat = [as_bytes(value).decode() for value in await self._redis.execute("HGETALL", [key])]
        return dict(zip(flat[::2], flat[1::2], strict=True))


async def used_memory(node: Redis) -> int:
    """Return how many bytes a server takes."""
    found = USED_MEMORY.search(await node.get("INFO", ["memory"]))
    if found is None:
        raise CorruptConversation
    return int(found[1])


def _numbers(fields: dict[str, str]) -> dict[str, int]:
    return {name: int(value) for name, value in fields.items() if value.isdigit()}
