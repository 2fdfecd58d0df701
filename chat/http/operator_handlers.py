"""What operators ask for: what was counted, and to clean up."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chat.core.counters import Counted, Times
from chat.http.operations import Action
from chat.http.prometheus import MEDIA, render_metrics
from chat.http.render import Response, render_json
from chat.usecases.clean_up import Places, Steps, clean_up
from chat.usecases.ports import Clock, StatsStore

CLEAN_UP_S = 20.0
"""How long one clean-up may take; the next goes on where it ended."""


@dataclass(frozen=True)
class AskedByOperator:
    """The parts that answer an operator; `timer` only ever goes forward.

    `count_records` counts what is in the collections of all owners; None where there are none.
    """

    stats: StatsStore
    count_records: Callable[[], Mapping[str, int]] | None
    steps: Steps
    places: Places
    clock: Clock
    timer: Clock


def show_stats(asked: AskedByOperator) -> Response:
    """Answer `GET /admin/stats`; the records in Chroma take a request for each owner."""
    stats = asked.stats.read(asked.clock())
    fields = {
        "since": stats.since,
        "total": counted_fields(stats.total),
        "today": counted_fields(stats.today),
        "active_owners": {"today": stats.active_today, "last_7_days": stats.active_week},
        "redis": {"keys": stats.redis_keys, "memory_bytes": stats.redis_bytes},
        "chroma": asked.count_records() if asked.count_records else None,
    }
    return render_json(200, fields)


def counted_fields(counted: Counted) -> Mapping[str, Any]:
    """Lay out what was counted; errors by their code."""
    errors: dict[str, int] = {}
    for (_, code), count in counted.errors.items():
        errors[code] = errors.get(code, 0) + count
    return {
        **counted.numbers,
        "throttled": counted.throttled,
        "errors": errors,
        "error_rate": counted.error_rate,
        "model_time": times_fields(counted.model_time),
        "turn_time": times_fields(counted.turn_time),
    }


def times_fields(times: Times) -> Mapping[str, float | None]:
    """Lay out how long something took."""
    return {"average_ms": times.average_ms, "p95_ms": times.p95_ms}


def show_metrics(asked: AskedByOperator) -> Response:
    """Answer `GET /metrics`; Chroma is not asked, or each scrape would take as long as it has."""
    stats = asked.stats.read(asked.clock())
    return Response(200, render_metrics(stats).encode(), {"content-type": MEDIA})


def clean(asked: AskedByOperator) -> Response:
    """Answer `POST /admin/cleanup`."""
    ends = asked.timer() + CLEAN_UP_S
    removed, is_complete = clean_up(asked.steps, asked.places, lambda: asked.timer() > ends)
    return render_json(200, {"removed": asdict(removed), "is_complete": is_complete})


ADMIN_ACTIONS: Mapping[Action, Callable[[AskedByOperator], Response]] = {
    "show_stats": show_stats,
    "show_metrics": show_metrics,
    "clean_up": clean,
}
