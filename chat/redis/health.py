"""Checks whether Redis takes writes, and keeps the health of another part in it for a moment."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

from chat.core.errors import StoreUnavailable
from chat.redis.connection import Begun, Redis, Share
from chat.redis.failures import NodeAway, Refused
from chat.redis.keys import health_key, probe_key
from chat.usecases.check_health import HEALTHY, Health

WRITTEN_MS = 5000
"""How long the key is kept that is written to try Redis."""
PATIENCE_S = 2.0
"""How long a primary of a cluster is waited for: a probe of Kubernetes waits for five seconds."""
KEPT_S = 60
"""How long a part's health is kept: a model may charge each answer, and anybody may ask for it."""


async def tried_once(
    redis: Redis, prefix: str, ask: Callable[[], Awaitable[Health]], *, at: float, max_age_s: float
) -> Health:
    """Return the health that was found less than `max_age_s` ago; if there is none, ask.

    Units: `at` is the time now, in seconds since 1970.
    Errors: StoreUnavailable before the part is asked.
    """
    key = health_key(prefix)
    kept = (await redis.get("GET", [key])).decode()
    found_at, _, found = kept.partition(" ")
    if found and abs(at - float(found_at)) < max_age_s:
        state, note = found.split(" ", 1)
        return Health(state, note)
    health = await ask()
    with suppress(StoreUnavailable):
        await redis.execute("SET", [key, f"{at} {health.state} {health.note}", "EX", KEPT_S])
    return health


async def probe_store(redis: Redis, prefix: str) -> Health:
    """Write to Redis: if it is full, read-only or cannot save, it still answers but takes no turn.

    Every primary of a cluster is asked, all at once if the host can do that; each is waited for
    only for a short time then.
    """

    async def write(share: Share) -> StoreUnavailable | None:
        key = probe_key(prefix, share.tag)
        try:
            await Redis(share.way).execute("SET", [key, "1", "PX", WRITTEN_MS])
        except StoreUnavailable as error:
            return error
        return None

    try:
        shares = await redis.shares()
    except StoreUnavailable as error:
        return Health(error.code, str(error))
    if len(shares) == 1:
        failure = await write(shares[0])
        return Health(failure.code, str(failure)) if failure else Health(HEALTHY)
    begun = [redis.begin(partial(write, share)) for share in shares]
    return _joined(shares, [await _written(one) for one in begun])


async def _written(begun: Begun[StoreUnavailable | None]) -> StoreUnavailable | None:
    try:
        return await begun.result_within(PATIENCE_S)
    except NodeAway as error:
        return error


def _joined(shares: Sequence[Share], failures: Sequence[StoreUnavailable | None]) -> Health:
    """Return the health of a cluster: without the addresses of its nodes, since anybody may ask.

    It is partial if a node is away and another one takes writes. Where a node refuses the chat, it
    is not: what is wrong then was set, and a change of settings that does that has to fail.
    """
    failed = [(share, error) for share, error in zip(shares, failures, strict=True) if error]
    if not failed:
        return Health(HEALTHY)
    reasons = [f"that of the slots {share.slots}: {_reason(error)}" for share, error in failed]
    note = f"{len(failed)} of {len(shares)} primaries take no writes; {'; '.join(reasons)}"
    is_refused = any(isinstance(error, Refused) for _, error in failed)
    is_partial = len(failed) < len(shares) and not is_refused
    return Health(StoreUnavailable.code, note, is_partial=is_partial)


def _reason(error: StoreUnavailable) -> str:
    is_away = isinstance(error, NodeAway) or "does not answer" in str(error)
    return "it does not answer" if is_away else str(error)
