"""Renders the statistics, and which parts answer, for Prometheus.

Each replica shows the same counters: they are in Redis, and all replicas add to them.
Source: Prometheus' exposition formats, text format 0.0.4.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping

from chat.core.counters import BOUNDS_MS, PLAIN, Times
from chat.core.errors import FAULTS
from chat.core.stats import RedisState, Stats
from chat.usecases.check_health import HEALTHY, Health
from chat.usecases.stopwatch import MS_PER_S

MEDIA = "text/plain; version=0.0.4; charset=utf-8"


def render_metrics(health: Mapping[str, Health], stats: Stats | None) -> str:
    """Render the metrics; times are in seconds, as is the custom for Prometheus.

    `stats` is None where Redis is away.
    """
    lines = [*_up(health), *(_counted(stats) if stats else ())]
    return "".join(f"{line}\n" for line in lines)


def _up(health: Mapping[str, Health]) -> Iterator[str]:
    yield from _head("chat_up", "gauge", "Whether a part that a turn needs answers.")
    for part, found in health.items():
        yield f'chat_up{{part="{part}"}} {int(found.state == HEALTHY)}'


def _counted(stats: Stats) -> Iterator[str]:
    total = stats.total
    for name, help_text in PLAIN.items():
        yield from _one(f"chat_{name}_total", "counter", help_text, total.numbers[name])
    yield from _head("chat_errors_total", "counter", "Requests that were refused or failed.")
    for (action, code), count in sorted(total.errors.items()):
        fault = "server" if code in FAULTS else "caller"
        yield f'chat_errors_total{{action="{action}",code="{code}",fault="{fault}"}} {count}'
    yield from _routes(stats)
    model, turn = [("", total.model_time)], [("", total.turn_time)]
    yield from _times("chat_model_seconds", "How long the model took for a turn.", model)
    yield from _times("chat_turn_seconds", "How long a turn took.", turn)
    yield from _head("chat_active_owners", "gauge", "Owners that took a turn, about.")
    yield f'chat_active_owners{{days="1"}} {stats.active_today}'
    yield f'chat_active_owners{{days="7"}} {stats.active_week}'
    for name, help_text, at in (
        ("since", "When the first thing was counted.", stats.since),
        ("cleaned", "When the last clean-up was complete.", stats.cleaned_at),
    ):
        if at is not None:
            yield from _one(f"chat_{name}_timestamp_seconds", "gauge", help_text, at)
    yield from _redis(stats.redis)


def _routes(stats: Stats) -> Iterator[str]:
    yield from _head("chat_requests_total", "counter", "Requests by route and status.")
    times = []
    for served in stats.served:
        labels = f'method="{served.method}",route="{served.route}"'
        times.append((labels, served.times))
        for status, count in served.statuses.items():
            yield f'chat_requests_total{{{labels},status="{status}"}} {count}'
    yield from _times("chat_request_seconds", "How long a request took.", times)


def _redis(state: RedisState) -> Iterator[str]:
    for name, kind, help_text, value in (
        ("keys", "gauge", "Keys of the Redis database.", state.keys),
        ("memory_bytes", "gauge", "Memory that the Redis server uses.", state.bytes),
        ("max_memory_bytes", "gauge", "Memory that it may use; 0 is no limit.", state.max_bytes),
        ("clients", "gauge", "Connections to the Redis server.", state.clients),
        ("max_clients", "gauge", "Connections that it allows.", state.max_clients),
        ("cpu_seconds_total", "counter", "Time in which it ran commands.", state.cpu_s),
        ("evicted_keys_total", "counter", "Keys it threw away for room.", state.evicted_keys),
    ):
        yield from _one(f"chat_redis_{name}", kind, help_text, value)


def _head(name: str, kind: str, help_text: str) -> Iterator[str]:
    yield f"# HELP {name} {help_text}"
    yield f"# TYPE {name} {kind}"


def _one(name: str, kind: str, help_text: str, value: float) -> Iterator[str]:
    yield from _head(name, kind, help_text)
    yield f"{name} {value}"


def _times(name: str, help_text: str, rows: Iterable[tuple[str, Times]]) -> Iterator[str]:
    """Yield a histogram; each row has its labels, or '' for none."""
    yield from _head(name, "histogram", help_text)
    bounds = [f"{bound / MS_PER_S:g}" for bound in BOUNDS_MS]
    for labels, times in rows:
        before, alone = (f"{labels},", f"{{{labels}}}") if labels else ("", "")
        totals = itertools.accumulate(times.counts)
        for bound, count in zip([*bounds, "+Inf"], totals, strict=True):
            yield f'{name}_bucket{{{before}le="{bound}"}} {count}'
        yield f"{name}_sum{alone} {times.sum_ms / MS_PER_S}"
        yield f"{name}_count{alone} {times.count}"
