"""Gives conversations their ids: a counter in Redis, which is repaired if it was lost."""

from chat.redis.connection import Redis, as_bytes, as_int
from chat.redis.keys import next_id_key
from chat.redis.scripts import HIGHEST_ID, NEXT_ID, RAISE_ID

MAX_SCRIPTS = 1000
"""The most scripts of one search for the highest id: ten million keys in some seconds.

In a Redis with more keys, ids go on from the seconds since 1970.
"""
BEGIN = b"0"
"""The cursor with which a scan begins, and which it returns at its end."""


class RedisIds:
    """The counter of ids. Every method may raise StoreUnavailable."""

    def __init__(self, redis: Redis, prefix: str, common: str | None = None) -> None:
        """Take what the keys start with, and those of what spans owners if that is another."""
        self._redis = redis
        self._prefix = prefix
        self._keys = {"next_id": next_id_key(common or prefix)}

    async def next(self) -> int:
        """Return the next id, in one round trip; in more if the counter is missing."""
        taken = await self._count_up()
        if taken == 0:
            await self.mend(0)
            taken = await self._count_up()
        return taken

    async def _count_up(self) -> int:
        return as_int((await self._redis.run(NEXT_ID, self._keys))[0])

    async def last(self) -> int:
        """Return the id that was given out last; 0 if none was."""
        return int(await self._redis.get("GET", [self._keys["next_id"]]) or b"0")

    async def mend(self, least: int) -> None:
        """Raise a counter that was lost or set back above `least` and above all ids in use.

        Several requests may raise it at once: it only ever goes up.
        """
        highest, is_certain = await self._highest()
        await self._redis.run(
            RAISE_ID,
            self._keys,
            conversation_id=max(least, highest),
            is_highest="1" if is_certain else "",
        )

    async def _highest(self) -> tuple[int, bool]:
        """Return the highest id found on all nodes, and whether all keys were looked at."""
        found = [await self._highest_on(node) for node in (await self._redis.nodes()).values()]
        return max(highest for highest, _ in found), all(is_certain for _, is_certain in found)

    async def _highest_on(self, node: Redis) -> tuple[int, bool]:
        cursor, highest, pattern = BEGIN, 0, f"{self._prefix}:{{*}}:[0-9]*"
        for _ in range(MAX_SCRIPTS):
            reply = await node.run(HIGHEST_ID, {}, begin=cursor, pattern=pattern)
            cursor, found = map(as_bytes, reply)
            highest = max(highest, int(found))
            if cursor == BEGIN:
                return highest, True
        return highest, False
