"""Counts new credentials, and puts together the erasure of an owner from all stores."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial

from chat.core.errors import ChatError, StoreUnavailable
from chat.core.owners import address_tag
from chat.http.credentials import Caller
from chat.redis.account import Account, begin_erasure, count_credential, end_erasure
from chat.redis.connection import Redis
from chat.redis.eraser import RedisEraser
from chat.settings import Settings
from chat.spin.host import Host
from chat.usecases.durable_ports import Erased
from chat.wiring.models import Means, make_collection
from chat.wiring.requests import RequestStores
from chat.wiring.turn_stores import common_of
from chat.wiring.whole import Who

MARKED_S = 3600
"""How much longer than a turn may take Redis remembers that an owner was erased."""


async def count_session(host: Host, settings: Settings, caller: Caller) -> None:
    """Count a new credential: a client's address may make so many a minute.

    Errors: LimitExceeded, StoreUnavailable.
    """
    most = settings.limits.credentials
    if most:
        async with host.open_redis(settings.redis) as connection:
            tag = address_tag(caller.address)
            await count_credential(Redis(connection), common_of(settings), tag, most)


@asynccontextmanager
async def erasure(settings: Settings, who: Who, owner: str, means: Means) -> AsyncIterator[bool]:
    """Let nothing of an owner be stored while the owner is erased; yield whether Redis knows that.

    It yields False if Redis is away. The request counts as a turn of `who`.
    Errors: LimitExceeded if `who` has no turn left.
    """
    account, is_marked = Account(settings.key_prefix, owner), False
    open_redis = partial(means.host.open_redis, settings.redis)
    with suppress(StoreUnavailable):
        async with open_redis() as connection:
            redis = Redis(connection)
            await RequestStores(redis, settings, who, means).turns.admit(None)
            longest_s = settings.turn_timeout_s + MARKED_S
            await begin_erasure(redis, account, who.fencing, longest_s)
            is_marked = True
    try:
        yield is_marked
    finally:
        with suppress(ChatError):
            async with open_redis() as connection:
                await end_erasure(Redis(connection), account, who.fencing)


def make_erasers(
    host: Host, settings: Settings, owner: str, *, is_marked: bool
) -> Mapping[str, Callable[[], Awaitable[Erased]]]:
    """Return the functions that remove an owner from each store, by the store's name.

    `is_marked` is whether Redis refuses to store for the owner; otherwise Redis counts as away.
    """

    async def erase_redis() -> Erased:
        if not is_marked:
            raise StoreUnavailable("the conversation store is not available")
        async with host.open_redis(settings.redis) as connection:
            redis = Redis(connection)
            return await RedisEraser(redis, prefix=settings.key_prefix, owner=owner).erase()

    erasers: dict[str, Callable[[], Awaitable[Erased]]] = {"redis": erase_redis}
    if settings.chroma is not None:
        erasers["chroma"] = make_collection(host, settings, settings.chroma, owner).erase
    return erasers
