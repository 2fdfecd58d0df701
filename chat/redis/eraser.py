"""Removes an owner from Redis: every key with the owner's tag, except the mark of the erasure."""

import re

from chat.core.portions import slices
from chat.redis.connection import Redis, as_bytes, as_int
from chat.redis.keys import account_keys, memory_keys, owner_pattern
from chat.usecases.durable_ports import Erased

SCAN_COUNT = 1000
LOOKS = 3
"""How often keys are removed at most: requests that run meanwhile may make new ones."""
CONVERSATION = re.compile(rb":[0-9]+")


class RedisEraser:
    """Erases an owner's keys, over one connection, in scans over all keys of every node."""

    def __init__(self, redis: Redis, *, prefix: str, owner: str) -> None:
        self._redis = redis
        self._pattern = owner_pattern(prefix, owner)
        self._begin = len(self._pattern) - 2
        self._memories = memory_keys(prefix, owner)["memories"]
        self._mark = account_keys(prefix, owner)["mark"].encode()

    async def erase(self) -> Erased:
        """Remove keys until a scan finds none, at most `LOOKS` times; an erasure may be repeated.

        Errors: StoreUnavailable.
        """
        memories = as_int((await self._redis.execute("HLEN", [self._memories]))[0])
        counts = {"conversations": 0, "memories": memories, "keys": 0}
        found = await self._find()
        for _ in range(LOOKS):
            if not found:
                break
            rests = [key[self._begin :] for key in found]
            counts["conversations"] += sum(bool(CONVERSATION.fullmatch(rest)) for rest in rests)
            counts["keys"] += await self._remove(found)
            found = await self._find()
        return Erased(counts, len(found))

    async def _find(self) -> list[bytes]:
        """Return every key of the owner once; a scan may return a key twice."""
        found: set[bytes] = set()
        for node in (await self._redis.nodes()).values():
            found |= await self._scan(node)
        return sorted(found - {self._mark})

    async def _scan(self, node: Redis) -> set[bytes]:
        found: set[bytes] = set()
        cursor = b"0"
        while True:
            reply = await node.execute(
                "SCAN", [cursor, "MATCH", self._pattern, "COUNT", SCAN_COUNT]
            )
            cursor, *keys = map(as_bytes, reply)
            found.update(keys)
            if cursor == b"0":
                return found

    async def _remove(self, keys: list[bytes]) -> int:
        removed = 0
        for batch in slices(keys, SCAN_COUNT):
            removed += as_int((await self._redis.execute("UNLINK", batch))[0])
        return removed
