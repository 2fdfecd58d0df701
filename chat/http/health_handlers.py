"""Reports whether the service works, and what keeps it from working."""

from chat.http.call import Call
from chat.http.render import render_health
from chat.http.response import Response
from chat.settings import parse_admin_token


async def check_health(call: Call) -> Response:
    """Answer `GET /healthz`; the model is asked for one token, which it may charge for."""
    probes = call.backend.make_probes(call)
    return render_health({name: await ask() for name, ask in probes.items()})


async def check_readiness(call: Call) -> Response:
    """Answer `GET /readyz`: settings and Redis, as most of the service works without the model."""
    parse_admin_token(call.outside.get_variable)
    return render_health({"redis": await call.backend.make_probes(call)["redis"]()})
