"""Says which of the parts that a turn needs answer."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from chat.errors import ChatError, StoreUnavailable
from chat.keys import health_key, probe_key
from chat.messages import Completion
from chat.redis import Redis

OK = "ok"
KEPT_MS = 5000
"""How long the model's answer holds: it may charge for each, and anybody may ask. The key that
tries whether Redis takes writes is kept as long."""
SLOW_FROM_TOKENS = 1024
"""Spin's own engine reads these in 1.5 s, with two million weights on two cores; 3,000 in 11 s."""
SLOW_ENGINE = (
    "Spin's own engine reads the whole context anew in each turn, and may hold up every other "
    f"request meanwhile: a `context_length` of {SLOW_FROM_TOKENS} or less is advised"
)


@dataclass(frozen=True)
class Health:
    """How a part is: `ok` or the code of what went wrong, and what an operator should know."""

    state: str
    note: str = ""


def tried(ask: Callable[[], str]) -> Health:
    """Ask a part, which returns its note or raises what went wrong."""
    try:
        return Health(OK, ask())
    except ChatError as error:
        return Health(error.code, str(error))


def tried_once(redis: Redis, prefix: str, ask: Callable[[], str]) -> Health:
    """Do the same, or return what it was a moment ago; where Redis is away it is always asked."""
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


def note_on(completion: Completion, context_length: int) -> str:
    """Return what an operator should know of the engine that gave `completion`."""
    is_slow = completion.has_prompt and context_length > SLOW_FROM_TOKENS
    return SLOW_ENGINE if is_slow else ""
