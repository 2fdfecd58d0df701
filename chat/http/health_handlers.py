"""Reports whether the service works, and what keeps it from working."""

from chat.http.call import Call
from chat.http.render import render_health
from chat.http.response import Response
from chat.settings import parse_admin_token
from chat.usecases.check_health import HEALTHY, Health


async def check_health(call: Call) -> Response:
    """Answer `GET /healthz`; the model is asked for one token, which it may charge for."""
    return render_health(await find_health(call, is_scrape=False))


async def find_health(call: Call, *, is_scrape: bool) -> dict[str, Health]:
    """Return the health of each part; a scrape leaves those out that it may not ask now."""
    probes = call.backend.make_probes(call, is_scrape=is_scrape)
    asked = {name: await ask() for name, ask in probes.items()}
    return {name: health for name, health in asked.items() if health is not None}


async def check_readiness(call: Call) -> Response:
    """Answer `GET /readyz`: settings and Redis, as most of the service works without the model.

    A part of Redis is enough: all instances see the same servers, so another is of no more use.
    """
    parse_admin_token(call.outside.get_variable)
    health = await call.backend.make_probes(call, is_scrape=False)["redis"]()
    if health is not None and health.is_partial:
        health = Health(HEALTHY, health.note)
    return render_health({"redis": health} if health else {})
