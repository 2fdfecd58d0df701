"""Puts the parts of an operator's request together."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from functools import partial

from chat.chroma.database import ChromaDatabase
from chat.core.errors import CorruptConversation
from chat.core.owners import anyone
from chat.core.refusals import UnknownConversation
from chat.http.credentials import Caller
from chat.http.stores import OperatorStores
from chat.redis.cleaner import OPEN, RedisCleaner
from chat.redis.connection import Redis
from chat.redis.conversations import RedisConversationStore
from chat.redis.counters import RedisStats
from chat.settings import Settings
from chat.spin.endpoints import SpinChroma
from chat.spin.host import Host
from chat.usecases.clean_up import Cleaned, clean_owner
from chat.wiring.models import Means, chroma_limit
from chat.wiring.requests import RequestStores
from chat.wiring.turn_stores import common_of
from chat.wiring.whole import Who

IN_CHROMA = "chroma "
"""How a clean-up's place begins once all of Redis is cleaned; an offset in Chroma follows."""


class OperatorRequest:
    """The parts of an operator's request, over one connection to Redis."""

    def __init__(self, redis: Redis, settings: Settings, fencing: str, means: Means) -> None:
        self._redis = redis
        self._settings = settings
        self._fencing = fencing
        self._means = means
        self._before = means.clock() - settings.retention_s
        self._chroma = make_chroma_database(means.host, settings)
        cleans = self._clean_owner if settings.retention_s else None
        self._cleaner = RedisCleaner(redis, settings.key_prefix, cleans, common_of(settings))

    def make(self) -> OperatorStores:
        """Return the stores that an operator's request needs."""
        stats = RedisStats(self._redis, common_of(self._settings))
        chroma = self._chroma
        count = partial(count_records, chroma) if chroma else None
        return OperatorStores(stats, count, self._steps, self._cleaner)

    async def _steps(self, place: str) -> AsyncIterator[tuple[Cleaned, str]]:
        """Clean Redis; then Chroma, if there is one and old data are to be removed."""
        chroma = self._chroma if self._settings.retention_s else None
        if not place.startswith(IN_CHROMA):
            behind = f"{IN_CHROMA}0" if chroma else ""
            async for cleaned, following in self._cleaner.steps(place):
                yield cleaned, following or behind
            place = behind
        if chroma:
            async for step in self._chroma_steps(chroma, int(place.removeprefix(IN_CHROMA))):
                yield step

    async def _chroma_steps(
        self, chroma: ChromaDatabase, offset: int
    ) -> AsyncIterator[tuple[Cleaned, str]]:
        while True:
            page, following = await chroma.page(offset)
            for owned in page:
                yield await self._clean_owner(owned.owner), f"{IN_CHROMA}{offset}"
            yield Cleaned(), f"{IN_CHROMA}{following}" if following else ""
            if not following:
                return
            offset = following

    async def _clean_owner(self, owner: str) -> Cleaned:
        if OPEN.fullmatch(owner):
            return await self._clean_open(int(owner.strip("{}").partition(":")[2]))
        caller = Caller(owner, "", is_secure=False)
        parts = RequestStores(
            self._redis, self._settings, Who(caller, owner, self._fencing), self._means
        )
        return await clean_owner(parts.conversations, parts.long_term, self._before)

    async def _clean_open(self, conversation_id: int) -> Cleaned:
        store = RedisConversationStore(
            self._redis,
            prefix=self._settings.key_prefix,
            fencing=self._fencing,
            owner=None,
            owners=lambda conversation_id: [anyone(conversation_id)],
        )
        with contextlib.suppress(UnknownConversation, CorruptConversation):
            summary = await store.summarise_head(conversation_id)
            if not summary.is_pinned and summary.active_at < self._before:
                await store.forget(conversation_id)
                return Cleaned(conversations=1)
        return Cleaned()


async def count_records(chroma: ChromaDatabase) -> Mapping[str, int]:
    """Return how many collections there are, and how many records all of them have."""
    counts = [await chroma.count(owned) async for owned in chroma.every()]
    return {"collections": len(counts), "records": sum(counts)}


def make_chroma_database(host: Host, settings: Settings) -> ChromaDatabase | None:
    """Return what lists the collections of all owners; None without Chroma."""
    address = settings.chroma
    if address is None:
        return None
    http = SpinChroma(host, address, chroma_limit(settings))
    return ChromaDatabase(http, address.tenant, address.database, settings.key_prefix)
