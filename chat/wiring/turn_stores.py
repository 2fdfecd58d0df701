"""Makes the store of turns in Redis: over one server, or over a cluster."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from chat.core.limits import Limits
from chat.core.owners import address_tag
from chat.core.served import Tally
from chat.redis.commons import Commons, CommonSettings
from chat.redis.connection import Redis
from chat.redis.keys import common_prefix
from chat.redis.sharded_turns import ShardedTurnStore
from chat.redis.turn_settings import TurnStoreSettings
from chat.redis.turns import SPARE_MS, RedisTurnStore
from chat.settings import Settings
from chat.usecases.stopwatch import MS_PER_S
from chat.wiring.whole import Who

Owners = Callable[[int], Sequence[str]]
MAX_FOUND, MAX_FOUND_TO_RANK = 12, 50
"""The most evicted turns that a search returns, and the most if embeddings rank them again."""
TELL = -1
"""The limit of new owners with which a script only tells that an owner is new."""


def common_of(settings: Settings) -> str:
    """Return what the keys of what spans owners start with."""
    return common_prefix(settings.key_prefix, is_sharded=settings.is_sharded)


def turn_settings(
    settings: Settings, who: Who, owners: Owners, tally: Tally, limits: Limits
) -> TurnStoreSettings:
    """Return what a store of turns needs; a request locks for `turn_timeout_s` at most."""
    return TurnStoreSettings(
        prefix=settings.key_prefix,
        fencing=who.fencing,
        lock_ms=settings.turn_timeout_s * MS_PER_S,
        archive_turns=settings.archive_turns,
        limits=limits,
        rate_tag=who.caller.rate_tag,
        owners=owners,
        max_found=MAX_FOUND_TO_RANK if settings.is_hybrid else MAX_FOUND,
        max_memories=settings.long_term.most,
        tags=(settings.embedding_tag, settings.model_tag),
        tally=tally,
        replicas=settings.replicas,
        is_sharded=settings.is_sharded,
    )


def make_sharded_turns(
    redis: Redis, settings: Settings, who: Who, tally: Tally, hot: RedisTurnStore
) -> ShardedTurnStore:
    """Make a store of turns in a cluster of the one in the owner's slot."""
    commons = make_commons(redis, settings, who, tally)
    return ShardedTurnStore(redis, hot, commons, is_owned=who.caller.owner is not None)


def owned_limits(settings: Settings, who: Who) -> Limits:
    """Return the limits that a script on an owner's keys counts by itself, in a cluster."""
    is_new = who.owner != who.caller.owner
    return Limits(
        per_owner=settings.limits.per_owner if who.caller.owner else 0,
        of_all=0,
        credentials=TELL if settings.limits.credentials and not is_new else 0,
    )


def make_commons(redis: Redis, settings: Settings, who: Who, tally: Tally) -> Commons:
    """Return what counts in what spans owners, for one request."""
    limits = settings.limits
    wanted = CommonSettings(
        prefix=common_of(settings),
        fencing=who.fencing,
        limits=replace(limits, per_owner=0) if who.caller.owner else limits,
        address_tag=address_tag(who.caller.address),
        model_tag=settings.model_tag,
        is_new=who.owner is not None and who.owner != who.caller.owner,
        running_ms=settings.turn_timeout_s * MS_PER_S + SPARE_MS,
        tally=tally,
    )
    return Commons(redis, wanted)
