"""Listens on an address, and serves an ASGI application there."""

import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from host.app.allowed_hosts import MAX_PORT
from host.errors import HostError
from host.server.door import DEFAULT_LIMITS, Limits, door, raise_open_files

SHUTDOWN_TIMEOUT_S = 5
KEEP_ALIVE_S = 5
"""How long a connection may be idle, by default."""


def listen(address: str) -> socket.socket:
    """Open the listening socket.

    Errors: HostError for an address that is malformed or taken.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > MAX_PORT:
        raise HostError(f"--listen {address}: must be HOST:PORT")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only for sockets whose protocol is given as TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
    except OSError as error:
        listener.close()
        raise HostError(f"--listen {address}: {error.strerror or error}") from error
    listener.listen(2048)
    return listener


def origin_of(listener: socket.socket) -> str:
    """Return the URL at which a listening socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """A uvicorn server that calls `announce` once it serves."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._announce()


def run_server(
    app: Any,
    listener: socket.socket,
    announce: Callable[[], None],
    *,
    limits: Limits = DEFAULT_LIMITS,
    keep_alive_s: int = KEEP_ALIVE_S,
) -> None:
    """Serve an ASGI application until a signal comes; `announce` is called once it is served."""
    raise_open_files()
    settings = uvicorn.Config(
        app, http=door(limits), loop="asyncio", lifespan="off", log_level="critical",
        access_log=False, server_header=False, proxy_headers=False,
        timeout_keep_alive=keep_alive_s, timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )  # fmt: skip
    _Server(settings, announce).run(sockets=[listener])
