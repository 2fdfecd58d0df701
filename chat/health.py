"""Says which of the parts that a turn needs answer."""

from collections.abc import Callable

from chat.errors import ChatError, StoreUnavailable
from chat.keys import health_key
from chat.redis import Redis, as_bytes

OK = "ok"
KEPT_MS = 5000
"""How long the model's answer holds: it may charge for each, and anybody may ask."""


def tried(ask: Callable[[], object]) -> str:
    """Ask a part; give `ok`, or the code of what went wrong."""
    try:
        ask()
    except ChatError as error:
        return error.code
    return OK


def tried_once(redis: Redis, prefix: str, ask: Callable[[], object]) -> str:
    """Do the same, or give what it was a moment ago; where Redis is away it is always asked."""
    key = health_key(prefix)
    try:
        known = as_bytes(redis.execute("GET", [key])[0]).decode()
        if not known:
            known = tried(ask)
            redis.execute("SET", [key, known, "PX", KEPT_MS])
    except StoreUnavailable:
        return tried(ask)
    return known
