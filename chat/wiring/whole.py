"""Makes what puts whole conversations into Redis, for the owner whom a request is for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chat.http.credentials import Caller
from chat.redis.account import Account
from chat.redis.brancher import RedisBrancher, Starting
from chat.redis.connection import Redis
from chat.redis.restorer import RedisRestorer
from chat.settings import Settings
from chat.usecases.durable_ports import DurableStore
from chat.usecases.memory_port import LongTermMemory
from chat.usecases.recovery import Recovery
from chat.usecases.stopwatch import MS_PER_S


@dataclass(frozen=True)
class Who:
    """Whom a request is for.

    `owner` will own what the request makes, None for anyone. `fencing` is a random value of the
    request.
    """

    caller: Caller
    owner: str | None
    fencing: str


@dataclass(frozen=True)
class Behind:
    """The durable parts behind Redis for one owner, which are in Chroma."""

    store: DurableStore
    memory: LongTermMemory
    recovery: Recovery


def make_restorer(
    redis: Redis, settings: Settings, who: Who, owner: str, account: Account | None
) -> RedisRestorer:
    """Return what puts whole conversations of an owner into Redis."""
    return RedisRestorer(
        redis,
        prefix=settings.key_prefix,
        fencing=who.fencing,
        owner=owner,
        part_ms=settings.turn_timeout_s * MS_PER_S,
        archive_turns=settings.archive_turns,
        account=account,
    )


def make_brancher(
    redis: Redis,
    settings: Settings,
    who: Who,
    owners: Callable[[int], Sequence[str]],
    account: Account | None,
    starting: Starting | None,
) -> RedisBrancher:
    """Return what makes branches in Redis of conversations of these owners."""
    return RedisBrancher(
        redis,
        prefix=settings.key_prefix,
        fencing=who.fencing,
        part_ms=settings.turn_timeout_s * MS_PER_S,
        rate_tag=who.caller.rate_tag,
        owners=owners,
        make_restorer=lambda owner: make_restorer(redis, settings, who, owner, account),
        account=account,
        starting=starting,
    )
