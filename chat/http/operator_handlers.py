"""What operators ask for: statistics and clean-ups."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from chat.core.counters import Counted, Times
from chat.core.errors import StoreUnavailable
from chat.http.call import Call
from chat.http.health_handlers import find_health
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
        "redis": {"keys": stats.redis.keys, "memory_bytes": stats.redis.bytes},
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
    """Answer `GET /metrics`, also without Redis; Chroma's records are not counted for it."""
    health = await find_health(call, is_scrape=True)
    stats = None
    with suppress(StoreUnavailable):
        stats = await (await call.backend.connect_operator(call)).stats.read(call.now())
    return Response(200, render_metrics(health, stats).encode(), {"content-type": MEDIA})


async def clean_up(call: Call) -> Response:
    """Answer `POST /admin/cleanup`."""
    stores, timer = await call.backend.connect_operator(call), call.outside.timer
    ends = timer() + CLEAN_UP_S
    removed, is_complete = await clean(stores.steps, stores.places, lambda: timer() > ends)
    if is_complete:
        await stores.stats.note_cleaned(call.now())
    return render_json(200, {"removed": asdict(removed), "is_complete": is_complete})
