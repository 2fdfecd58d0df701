"""Scans Redis for what does not expire by itself, and removes it."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable

from chat.redis.account import NOBODY, Account, account_of
from chat.redis.connection import Redis, as_bytes, as_int
from chat.redis.keys import cleanup_key, conversation_keys, conversations_key
from chat.redis.scripts import CLEAN_INDEX, CLEAN_LIST
from chat.usecases.clean_up import Cleaned

SCAN_COUNT = 200
BEGIN = "0"
"""The cursor with which a scan begins, and which it returns at its end."""
PLACE_S = 86_400
"""How long Redis keeps where a clean-up ended; later, the next one starts from the beginning."""
OPEN = re.compile(r"\{anyone:[0-9]+\}")
"""The owner of a conversation that belongs to anyone who knows its id."""
INDEX = re.compile(r"([0-9]+):index")
"""The end of the key of a conversation's index."""

CleanOwner = Callable[[str], Awaitable[Cleaned]]


class RedisCleaner:
    """The steps of a clean-up through Redis, and the `Places` port, over one connection.

    Errors: every method may raise StoreUnavailable.
    """

    def __init__(
        self,
        redis: Redis,
        prefix: str,
        clean_owner: CleanOwner | None,
        common: str | None = None,
    ) -> None:
        """Take what removes an owner's old data; None if data never grow too old.

        `common` is what the keys of what spans owners start with, if that is not `prefix`.
        """
        self._redis = redis
        self._prefix = prefix
        self._place_key = cleanup_key(common or prefix)
        self._clean_owner = clean_owner
        self._key = re.compile(re.escape(prefix) + r":(?P<owner>\{[^}]+\}):(?P<rest>[0-9a-z:]+)")

    async def load(self) -> str:
        return (await self._redis.get("GET", [self._place_key])).decode()

    async def save(self, place: str) -> None:
        if place:
            await self._redis.execute("SET", [self._place_key, place, "EX", PLACE_S])
        else:
            await self._redis.execute("DEL", [self._place_key])

    async def steps(self, place: str) -> AsyncIterator[tuple[Cleaned, str]]:
        """Clean the keys of each part of a scan, which may return a key twice.

        Places are the scan's cursors, each behind its node's name if there are several nodes.
        """
        begun, _, cursor = place.rpartition(" ")
        nodes = [one for one in (await self._redis.nodes()).items() if one[0] >= begun]
        for number, (name, node) in enumerate(nodes, 1):
            behind = f"{nodes[number][0]} {BEGIN}" if number < len(nodes) else ""
            async for cleaned, reached in self._scan(node, cursor if name == begun else ""):
                yield cleaned, f"{name} {reached}".strip() if reached else behind

    async def _scan(self, node: Redis, begin: str) -> AsyncIterator[tuple[Cleaned, str]]:
        """Clean the keys of one node; yield the scan's cursors with it, '' at its end."""
        cursor = begin or BEGIN
        pattern = f"{self._prefix}:{{*}}:*"
        while True:
            reply = await node.execute("SCAN", [cursor, "MATCH", pattern, "COUNT", SCAN_COUNT])
            cursor, *keys = (as_bytes(value).decode() for value in reply)
            is_last = cursor == BEGIN
            cleaned = [await self._clean(key) for key in keys]
            yield sum(cleaned, Cleaned()), "" if is_last else cursor
            if is_last:
                return

    async def _clean(self, key: str) -> Cleaned:
        match = self._key.fullmatch(key)
        if match is None:
            return Cleaned()
        owner, rest = match["owner"], match["rest"]
        if rest.startswith("conversations:"):  # of a namespace; they count in the owner's list
            await self._clean_list(owner, key)
            return Cleaned()
        if rest == "conversations":
            return await self._clean_list(owner, key) + await self._clean_old(owner)
        if rest == "memories" and not await self._has_list(owner):
            return await self._clean_old(owner)
        if rest.isdigit() and OPEN.fullmatch(owner):
            return await self._clean_old(owner)
        found = INDEX.fullmatch(rest)
        return await self._clean_index(owner, int(found[1])) if found else Cleaned()

    async def _has_list(self, owner: str) -> bool:
        """Whether the owner has a list: then the scan meets the list, too, and cleans the owner."""
        key = conversations_key(self._prefix, owner)
        return as_int((await self._redis.execute("EXISTS", [key]))[0]) > 0

    async def _clean_list(self, owner: str, key: str) -> Cleaned:
        keys, account = account_of(Account(self._prefix, owner), owner)
        reply = await self._redis.run(
            CLEAN_LIST,
            {"conversations": key, **keys},
            beginning=f"{self._prefix}:{owner}:",
            account=account,
        )
        return Cleaned(listed=as_int(reply[0]))

    async def _clean_index(self, owner: str, conversation_id: int) -> Cleaned:
        keys = conversation_keys(self._prefix, owner, conversation_id)
        named, account = account_of(Account(self._prefix, owner), owner)
        if OPEN.fullmatch(owner):
            named, account = {}, NOBODY
        reply = await self._redis.run(
            CLEAN_INDEX, keys | named, conversation_id=conversation_id, account=account
        )
        return Cleaned(postings=as_int(reply[0]))

    async def _clean_old(self, owner: str) -> Cleaned:
        return await self._clean_owner(owner) if self._clean_owner else Cleaned()
