"""What operators are shown: all that was counted, and how Redis is."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from chat.core.counters import Counted
from chat.core.served import Served


@dataclass(frozen=True)
class RedisState:
    """How full and how busy the Redis server is, or all servers of a cluster together.

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


def sum_states(states: Sequence[RedisState]) -> RedisState:
    """Return how servers are together; without a limit on one of them there is none."""
    total = RedisState(**{
        one.name: sum(getattr(state, one.name) for state in states) for one in fields(RedisState)
    })  # fmt: skip
    return total if all(state.max_bytes for state in states) else replace(total, max_bytes=0)


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
