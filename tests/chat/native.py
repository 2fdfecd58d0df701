"""The stores' connection without a guest: what the host would answer it."""

from collections.abc import Sequence

from chat.redis import RedisError, Value
from host.redis import flatten
from host.resp import Connection
from host.values import Err


class NativeConnection:
    """The `Connection` port over the host's own client."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.calls: list[str] = []

    def execute(self, command: str, arguments: Sequence[bytes | int]) -> list[Value]:
        self.calls.append(command)
        encoded = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
        flat = flatten(self._connection.call([command.encode(), *encoded]))
        if isinstance(flat, Err):
            raise RedisError(flat.value.value)
        return [case.value for case in flat]
