"""Checks whether Redis takes writes, and keeps the health of another part in it for a moment."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from chat.core.errors import StoreUnavailable
from chat.redis.connection import Redis
from chat.redis.keys import health_key, probe_key
from chat.usecases.check_health import Health, tried

KEPT_MS = 5000
"""How long the model's health is kept: anybody may ask for it, and a model may charge each answer.

The key that is written to try Redis is kept as long.
"""


async def tried_once(redis: Redis, prefix: str, ask: Callable[[], Awaitable[str]]) -> Health:
    """Return the health that was kept a moment ago; if none was kept, ask as `tried` does.

    If Redis is away, the part is always asked.
    """
    key = health_key(prefix)
    with suppress(StoreUnavailable):
        kept = (await redis.get("GET", [key])).decode()
        if kept:
            return Health(*kept.split(" ", 1))
    health = await tried(ask)
    with suppress(StoreUnavailable):
        await redis.execute("SET", [key, f"{health.state} {health.note}", "PX", KEPT_MS])
    return health


async def probe_store(redis: Redis, prefix: str) -> None:
    """Write to Redis: if it is full, read-only or cannot save, it still answers but takes no turn.

    Errors: StoreUnavailable.
    """
    await redis.execute("SET", [probe_key(prefix), "1", "PX", KEPT_MS])
