"""The stores' connections without a guest: they answer as the host would."""

from collections.abc import Sequence

import httpx

from chat.core.errors import MemoryUnavailable
from chat.redis.connection import Value
from chat.redis.failures import RedisError
from host.abi.values import Err
from host.interfaces.redis import flatten
from host.interfaces.resp import Connection
from tests.running import NO_TLS


class NativeConnection:
    """The `Connection` port over the host's own client."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.calls: list[str] = []

    async def execute(self, command: str, arguments: Sequence[bytes | int]) -> list[Value]:
        return self.call(command, arguments)

    def call(self, command: str, arguments: Sequence[bytes | int]) -> list[Value]:
        """Run a command; all else in this thread waits for its reply."""
        self.calls.append(command)
        encoded = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
        flat = flatten(self._connection.call([command.encode(), *encoded]))
        if isinstance(flat, Err):
            raise RedisError(flat.value.value)
        return [case.value for case in flat]


class NativeHttp:
    """The collection's `Http` port over httpx; `calls` keeps what was asked."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=60, verify=NO_TLS)
        self.calls: list[str] = []

    async def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        self.calls.append(f"{method} {path.rpartition('/')[2]}")
        try:
            answer = self._client.request(method, path, content=body)
        except httpx.HTTPError as error:
            raise MemoryUnavailable from error
        return answer.status_code, answer.content

    def close(self) -> None:
        self._client.close()
