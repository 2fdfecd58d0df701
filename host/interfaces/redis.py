"""`fermyon:spin/redis`: outbound Redis for one instance.

Every `open` is a new socket, which is closed when its handle is dropped or the request ends. Each
call is one round trip. Replies are flattened.

Source: spin `crates/factor-outbound-redis/src/host.rs`.
"""

import sys
from collections.abc import Callable

from host.abi.instance import Instance
from host.abi.values import Case, Err
from host.app.allowed_hosts import AllowedHostError, permits_url
from host.app.manifest import Component
from host.app.outbound import AllowedHosts
from host.app.variables import Resolver, Unresolved
from host.interfaces.resp import (
    Connection,
    InvalidAddress,
    RedisError,
    Reply,
    ServerError,
    Status,
    parse_address,
)

MAX_CONNECTIONS = 1024
"""How many open connections one instance may have."""
INVALID_ADDRESS = Err(Case("invalid-address"))


def other(text: str) -> Err:
    """Return the WIT error `other`, which nearly every failure becomes."""
    return Err(Case("other", text))


def flatten(reply: Reply) -> list[Case] | Err:
    """Return a reply as `execute` returns it: all values in one list, depth first.

    An error anywhere in the reply fails the whole call; an empty array is an empty list.
    """
    if isinstance(reply, ServerError):
        return other(reply.text)
    if isinstance(reply, list):
        flat: list[Case] = []
        for item in reply:
            part = flatten(item)
            if isinstance(part, Err):
                return part
            flat += part
        return flat
    return [_as_result(reply)]


def _as_result(reply: int | bytes | Status | None) -> Case:
    if reply is None:
        return Case("nil")
    if isinstance(reply, Status):
        return Case("status", reply.text)
    return Case("int64", reply) if isinstance(reply, int) else Case("binary", reply)


class RedisFactor:
    """`fermyon:spin/redis` for one instance, which reaches only its allowed outbound hosts."""

    def __init__(self, component: Component, resolver: Resolver, instance: Instance) -> None:
        self._allowed = AllowedHosts(component, resolver)
        self._instance = instance
        self._open = 0

    def connection_open(self, address: str) -> int | Err:
        try:
            is_allowed = permits_url(self._allowed.get(), address, "redis")
        except (Unresolved, AllowedHostError) as error:
            return other(str(error))
        if not is_allowed:
            print_hint(address)
            return INVALID_ADDRESS
        if self._open >= MAX_CONNECTIONS:
            return Err(Case("too-many-connections"))
        try:
            parsed = parse_address(address)
            with self._instance.waiting():
                connection = Connection(parsed)
        except InvalidAddress:
            return INVALID_ADDRESS
        except RedisError as error:
            return other(str(error))
        self._open += 1
        return self._instance.table.push(_Handle(connection, self._closed))

    def _closed(self) -> None:
        self._open -= 1

    def _call(self, connection: int, *arguments: bytes) -> Reply | Err:
        handle: _Handle = self._instance.table.get(connection)
        try:
            with self._instance.waiting():
                reply = handle.connection.call(list(arguments))
        except RedisError as error:
            return other(str(error))
        return other(reply.text) if isinstance(reply, ServerError) else reply

    def connection_execute(
        self, connection: int, command: str, arguments: list[Case]
    ) -> list[Case] | Err:
        """Send any command; `command` is one argument, even with a space in it."""
        encoded = [
            str(case.value).encode() if case.name == "int64" else case.value for case in arguments
        ]
        reply = self._call(connection, command.encode(), *encoded)
        return reply if isinstance(reply, Err) else flatten(reply)

    def connection_get(self, connection: int, key: str) -> bytes | Err | None:
        reply = self._call(connection, b"GET", key.encode())
        return reply if isinstance(reply, bytes | Err) else None

    def connection_set(self, connection: int, key: str, value: bytes) -> Err | None:
        return _error(self._call(connection, b"SET", key.encode(), value))

    def connection_incr(self, connection: int, key: str) -> int | Err:
        """Run INCRBY 1, as Spin does."""
        return _number(self._call(connection, b"INCRBY", key.encode(), b"1"))

    def connection_del(self, connection: int, keys: list[str]) -> int | Err:
        return _number(self._call(connection, b"DEL", *(key.encode() for key in keys)))

    def connection_sadd(self, connection: int, key: str, values: list[str]) -> int | Err:
        return _number(
            self._call(connection, b"SADD", key.encode(), *(value.encode() for value in values))
        )

    def connection_srem(self, connection: int, key: str, values: list[str]) -> int | Err:
        return _number(
            self._call(connection, b"SREM", key.encode(), *(value.encode() for value in values))
        )

    def connection_smembers(self, connection: int, key: str) -> list[str] | Err:
        """Run SMEMBERS; all members must be UTF-8."""
        reply = self._call(connection, b"SMEMBERS", key.encode())
        if isinstance(reply, Err):
            return reply
        try:
            return (
                [item.decode() for item in reply if isinstance(item, bytes)]
                if isinstance(reply, list)
                else []
            )
        except UnicodeDecodeError:
            return other("Cannot convert from UTF-8- TypeError")

    def connection_publish(self, connection: int, channel: str, payload: bytes) -> Err | None:
        return _error(self._call(connection, b"PUBLISH", channel.encode(), payload))


class _Handle:
    """A connection in the instance's table; it counts against the limit while it is there."""

    def __init__(self, connection: Connection, closed: Callable[[], None]) -> None:
        self.connection = connection
        self._closed = closed

    def close(self) -> None:
        self._closed()
        self.connection.close()


def _error(reply: Reply | Err) -> Err | None:
    return reply if isinstance(reply, Err) else None


def _number(reply: Reply | Err) -> int | Err:
    return (
        reply
        if isinstance(reply, int | Err)
        else other("Response type not convertible to numeric- TypeError")
    )


def print_hint(address: str) -> None:
    """Print the entry that is missing, never the credentials in the address."""
    scheme, separator, rest = address.rpartition("://")
    host = rest.rpartition("@")[2].partition("/")[0]
    origin = f"{scheme or 'redis'}://{host}" if separator else f"redis://{host}"
    print(
        f"A component tried to connect to '{origin}', which its manifest does not allow.\n"
        f"To allow it, add 'allowed_outbound_hosts = [\"{origin}\"]' to the component's section.",
        file=sys.stderr,
    )
