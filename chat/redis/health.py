"""Checks whether Redis takes writes, and keeps the health of another part in it for a moment."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from chat.core.errors import StoreUnavailable
from chat.redis.connection import Redis
from chat.redis.keys import health_key, probe_key
from chat.usecases.check_health import Health

WRITTEN_MS = 5000
"""How long the key is kept that is written to try Redis."""
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
        return Health(*found.split(" ", 1))
    health = await ask()
    with suppress(StoreUnavailable):
        await redis.execute("SET", [key, f"{at} {health.state} {health.note}", "EX", KEPT_S])
    return health


async def probe_store(redis: Redis, prefix: str) -> None:
    """Write to Redis: if it is full, read-only or cannot save, it still answers but takes no turn.

    Errors: StoreUnavailable.
    """
    await redis.execute("SET", [probe_key(prefix), "1", "PX", WRITTEN_MS])
