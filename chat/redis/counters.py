"""Writes counters to Redis, and reads them."""

from collections.abc import Mapping

from chat.core.counters import Counters, day_of, parse_counted
from chat.core.json_text import parse_own_json, render_compact
from chat.core.owners import active_mark
from chat.core.served import parse_served
from chat.core.stats import RedisState, Stats, sum_states
from chat.redis.connection import Redis, as_int, as_text
from chat.redis.fragments import DAYS
from chat.redis.keys import owners_key, stats_keys
from chat.redis.scripts import COUNT, READ_STATS

SINCE, CLEANED = "since", "cleaned_at"
NOTHING: Counters = {}
CPU = ("used_cpu_sys", "used_cpu_user")


def render_counters(counters: Counters, served: Counters, at: float, owner: str | None) -> bytes:
    """Render what a script is to count; `served` are counters of a route.

    Instead of an active `owner` it gets a mark from which the owner cannot be found out.
    """
    mark = active_mark(owner, day_of(at)) if owner else ""
    noted = {"counters": counters, "served": served, "at": at, "mark": mark}
    return render_compact(noted).encode()


class RedisStats:
    """The counters, over one connection. Every method may raise StoreUnavailable."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        """Take what the keys of what spans owners start with."""
        self._redis = redis
        self._prefix = prefix

    async def count(self, counters: Counters, at: float, served: Counters = NOTHING) -> None:
        """Add to the counters, in one round trip."""
        keys = stats_keys(self._prefix, day_of(at))
        await self._redis.run(COUNT, keys, counters=render_counters(counters, served, at, None))

    async def note_cleaned(self, at: float) -> None:
        """Note when a clean-up was complete, in one round trip."""
        key = stats_keys(self._prefix, day_of(at))["stats"]
        await self._redis.execute("HSET", [key, CLEANED, repr(at)])

    async def read(self, at: float) -> Stats:
        """Return all that was counted, and how Redis is."""
        today = day_of(at)
        keys = stats_keys(self._prefix, today)
        del keys["day_owners"]
        total, counted_today = map(_fields, map(as_text, await self._redis.run(READ_STATS, keys)))
        numbers = _numbers(total)
        week = [owners_key(self._prefix, today - days) for days in range(DAYS)]
        return Stats(
            since=_time(total, SINCE),
            cleaned_at=_time(total, CLEANED),
            total=parse_counted(numbers),
            today=parse_counted(_numbers(counted_today)),
            served=parse_served(numbers),
            active_today=as_int((await self._redis.execute("PFCOUNT", week[:1]))[0]),
            active_week=as_int((await self._redis.execute("PFCOUNT", week))[0]),
            redis=await self._state(),
        )

    async def _state(self) -> RedisState:
        nodes = (await self._redis.nodes()).values()
        return sum_states([await read_state(node) for node in nodes])


async def read_state(redis: Redis) -> RedisState:
    """Return how full and how busy a server is. It may raise StoreUnavailable."""
    keys = as_int((await redis.execute("DBSIZE", []))[0])
    info = parse_info(await redis.get("INFO", []))

    def number(name: str) -> int:
        return int(info.get(name, 0))

    return RedisState(
        keys=keys,
        bytes=number("used_memory"),
        max_bytes=number("maxmemory"),
        clients=number("connected_clients"),
        max_clients=number("maxclients"),
        cpu_s=sum(float(info.get(f"{name}_main_thread", info.get(name, 0))) for name in CPU),
        evicted_keys=number("evicted_keys"),
    )


def parse_info(text: bytes) -> Mapping[str, str]:
    """Parse what Redis tells of itself: a name and a value in each line, but for headings."""
    lines = (line.partition(":") for line in text.decode(errors="replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def _fields(text: str) -> dict[str, str]:
    flat = parse_own_json(text) or []  # Lua's empty table is an object
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _time(fields: Mapping[str, str], name: str) -> float | None:
    found = fields.get(name)
    return float(found) if found else None


def _numbers(fields: Mapping[str, str]) -> dict[str, int]:
    return {name: int(value) for name, value in fields.items() if value.isdigit()}
