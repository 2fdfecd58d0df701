"""Asks Redis how it is, and keeps in it for a moment how a part was."""

from collections.abc import Callable
from contextlib import suppress

from chat.core.errors import StoreUnavailable
from chat.redis.connection import Redis
from chat.redis.keys import health_key, probe_key
from chat.usecases.check_health import Health, tried

KEPT_MS = 5000
"""How long the model's answer holds: it may charge for each, and anybody may ask. The key that
tries whether Redis takes writes is kept as long."""


def tried_once(redis: Redis, prefix: str, ask: Callable[[], str]) -> Health:
    """Ask a part as `tried` does, or return what it was a moment ago.

    Where Redis is away the part is always asked.
    """
    key = health_key(prefix)
    with suppress(StoreUnavailable):
        kept = redis.get("GET", [key]).decode()
        if kept:
            return Health(*kept.split(" ", 1))
    health = tried(ask)
    with suppress(StoreUnavailable):
        redis.execute("SET", [key, f"{health.state} {health.note}", "PX", KEPT_MS])
    return health


def probe_store(redis: Redis, prefix: str) -> None:
    """Write to Redis: one that is full, read-only or cannot save answers, and takes no turn.

    Errors: StoreUnavailable.
    """
    redis.execute("SET", [probe_key(prefix), "1", "PX", KEPT_MS])
