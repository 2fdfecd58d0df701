"""Opens connections to the servers that guests ask, and keeps idle ones to use them again.

Source: hyper-util's legacy client, which sends Spin's requests.
"""

import asyncio
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11
import httpx

from host.abi.values import Case

IDLE_S = 90.0
"""How long an idle connection is kept. Source: hyper-util."""
READ_BYTES = 64 * 1024
MAX_HEAD_BYTES = 400 * 1024
"""The most bytes of a response's head. Source: hyper's largest buffer."""
PORTS = {"http": 80, "https": 443}


class NoConnection(Exception):
    """No connection could be made; `code` says why."""

    def __init__(self, code: Case) -> None:
        super().__init__(code.name)
        self.code = code


@dataclass(frozen=True)
class Origin:
    """The server of a connection; `authority` is its host and port as in the request's URL."""

    is_secure: bool
    authority: str
    host: str
    port: int


def parse_origin(url: str) -> Origin:
    """Return the origin of a URL.

    Errors: ValueError for a text that is not a URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(url)
    authority = parts.netloc.rpartition("@")[2]
    port = PORTS[parts.scheme] if parts.port is None else parts.port
    return Origin(parts.scheme == "https", authority, parts.hostname, port)


class Connection:
    """One HTTP/1.1 connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self.used_at_s = 0.0

    async def send(self, event: h11.Event) -> None:
        """Send a head, a part of a body, or its end.

        Errors: OSError, h11.ProtocolError.
        """
        self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()

    async def receive(self) -> h11.Event:
        """Wait for the next event of the response.

        Errors: OSError, h11.ProtocolError.
        """
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._reader.read(READ_BYTES))
        assert not isinstance(event, type)  # not PAUSED: requests are sent one at a time
        return event

    def renew(self) -> bool:
        """Prepare for another request; return whether both sides have finished the last one."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def is_quiet(self) -> bool:
        """Whether the server sent nothing while the connection was idle, not even its end."""
        try:
            async with asyncio.timeout(0):
                await self._reader.read(1)
        except TimeoutError:
            return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        """Close the connection at once, even if something is still to be sent."""
        self._writer.transport.abort()


class Pool:
    """The idle connections; all methods run in one event loop."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[Connection]] = {}
        # The trusted certificates are those of httpx, not those of the machine
        self._tls = httpx.create_ssl_context(trust_env=False)

    async def take(self, origin: Origin) -> Connection | None:
        """Return the connection that was used last; None if there is none."""
        waiting = self._idle.get(origin, [])
        while waiting:
            connection = waiting.pop()
            if await connection.is_quiet():
                return connection
            connection.close()
        return None

    async def open(self, origin: Origin) -> Connection:
        """Open a new connection.

        Errors: NoConnection.
        """
        tls = self._tls if origin.is_secure else None
        try:
            reader, writer = await asyncio.open_connection(origin.host, origin.port, ssl=tls)
        except OSError as error:
            raise NoConnection(connect_error_code(error)) from error
        return Connection(reader, writer)

    def give_back(self, origin: Origin, connection: Connection) -> None:
        """Keep a connection for a while if it can be used again; otherwise close it."""
        if not connection.renew():
            connection.close()
            return
        connection.used_at_s = asyncio.get_running_loop().time()
        self._idle.setdefault(origin, []).append(connection)
        self._close_old(connection.used_at_s - IDLE_S)

    def _close_old(self, used_before_s: float) -> None:
        for origin, waiting in list(self._idle.items()):
            while waiting and waiting[0].used_at_s < used_before_s:
                waiting.pop(0).close()
            if not waiting:
                del self._idle[origin]

    def close(self) -> None:
        """Close all idle connections."""
        for waiting in self._idle.values():
            for connection in waiting:
                connection.close()
        self._idle.clear()


def connect_error_code(error: OSError) -> Case:
    """Return the WASI error code of a connection that could not be made."""
    if isinstance(error, socket.gaierror):
        return Case("DNS-error", {"rcode": "address not available", "info-code": 0})
    return Case("TLS-protocol-error" if isinstance(error, ssl.SSLError) else "connection-refused")
