"""What operators are shown: all that was counted, and how Redis is."""

from collections.abc import Sequence
from dataclasses import dataclass

from chat.core.counters import Counted
from chat.core.served import Served


@dataclass(frozen=True)
class RedisState:
    """How full and how busy the Redis server is.

    Shapes: 0 for `max_bytes` is no limit; `cpu_s` is of the thread that runs commands, where Redis
            tells it; `evicted_keys` are those that Redis threw away because it was full.
    """

    keys: int
    bytes: int
    max_bytes: int
    clients: int
    max_clients: int
    cpu_s: float
    evicted_keys: int


@dataclass(frozen=True)
class Stats:
    """The statistics that operators are shown.

    Units: `since` is seconds since 1970, None before anything was counted; so is `cleaned_at`, when
           the last clean-up that was complete ended.
    """

    since: float | None
    cleaned_at: float | None
    total: Counted
    today: Counted
    served: Sequence[Served]
    active_today: int
    active_week: int
    redis: RedisState
