"""What operators ask for: statistics and clean-ups."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chat.core.counters import Counted, Times
from chat.http.call import Call
from chat.http.prometheus import MEDIA, render_metrics
from chat.http.response import Response, render_json
from chat.usecases.clean_up import clean_up as clean

CLEAN_UP_S = 20.0
"""How long one clean-up may take; the next one goes on where it ended."""


async def show_stats(call: Call) -> Response:
    """Answer `GET /admin/stats`; counting the records in Chroma takes a request for each owner."""
    stores = await call.backend.connect_operator(call)
    stats = await stores.stats.read(call.now())
    fields = {
        "since": stats.since,
        "total": counted_fields(stats.total),
        "today": counted_fields(stats.today),
        "active_owners": {"today": stats.active_today, "last_7_days": stats.active_week},
        "redis": {"keys": stats.redis_keys, "memory_bytes": stats.redis_bytes},
        "chroma": await stores.count_records() if stores.count_records else None,
    }
    return render_json(200, fields)


def counted_fields(counted: Counted) -> Mapping[str, Any]:
    """Return the fields of what was counted; errors are counted by their code."""
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
    """Return the fields of a histogram of times."""
    return {"average_ms": times.average_ms, "p95_ms": times.p95_ms}


async def show_metrics(call: Call) -> Response:
    """Answer `GET /metrics`; Chroma is not asked, because that would make each scrape slow."""
    stats = await (await call.backend.connect_operator(call)).stats.read(call.now())
    return Response(200, render_metrics(stats).encode(), {"content-type": MEDIA})


async def clean_up(call: Call) -> Response:
    """Answer `POST /admin/cleanup`."""
    stores, timer = await call.backend.connect_operator(call), call.outside.timer
    ends = timer() + CLEAN_UP_S
    removed, is_complete = await clean(stores.steps, stores.places, lambda: timer() > ends)
    return render_json(200, {"removed": asdict(removed), "is_complete": is_complete})
