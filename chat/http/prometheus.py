"""Renders the statistics for Prometheus.

Source: Prometheus' exposition formats, text format 0.0.4.
"""

import itertools
from collections.abc import Iterator

from chat.core.counters import BOUNDS_MS, PLAIN, Stats, Times
from chat.usecases.stopwatch import MS_PER_S

MEDIA = "text/plain; version=0.0.4; charset=utf-8"


def render_metrics(stats: Stats) -> str:
    """Render the statistics; times are in seconds, as is the custom for Prometheus."""
    return "".join(f"{line}\n" for line in _lines(stats))


def _lines(stats: Stats) -> Iterator[str]:
    total = stats.total
    for name, help_text in PLAIN.items():
        yield from _head(f"chat_{name}_total", "counter", help_text)
        yield f"chat_{name}_total {total.numbers[name]}"
    yield from _head("chat_errors_total", "counter", "Requests that were refused or failed.")
    for (action, code), count in sorted(total.errors.items()):
        yield f'chat_errors_total{{action="{action}",code="{code}"}} {count}'
    yield from _times("chat_model_seconds", "How long the model took.", total.model_time)
    yield from _times("chat_turn_seconds", "How long a turn took.", total.turn_time)
    yield from _head("chat_active_owners", "gauge", "Owners that took a turn, about.")
    yield f'chat_active_owners{{days="1"}} {stats.active_today}'
    yield f'chat_active_owners{{days="7"}} {stats.active_week}'
    yield from _head("chat_redis_keys", "gauge", "Keys of the Redis database.")
    yield f"chat_redis_keys {stats.redis_keys}"
    yield from _head("chat_redis_memory_bytes", "gauge", "Memory that the Redis server uses.")
    yield f"chat_redis_memory_bytes {stats.redis_bytes}"


def _head(name: str, kind: str, help_text: str) -> Iterator[str]:
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} {kind}"


def _times(name: str, help_text: str, times: Times) -> Iterator[str]:
    yield from _head(name, "histogram", help_text)
    bounds = [f"{bound / MS_PER_S:g}" for bound in BOUNDS_MS]
    for bound, count in zip([*bounds, "+Inf"], itertools.accumulate(times.counts), strict=True):
        yield f'{name}_bucket{{le="{bound}"}} {count}'
    yield f"{name}_sum {times.sum_ms / MS_PER_S}"
    yield f"{name}_count {times.count}"
