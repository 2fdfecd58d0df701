"""Looks into the Redis of a chat: one server, or whichever node of a cluster has a key."""

import fnmatch
from bisect import bisect_right
from collections.abc import Callable

from chat.redis.slots import slot_of
from host.interfaces.resp import Connection, Reply, parse_address
from tests.clusters import Node, RunningCluster
from tests.running import IN_CLUSTER, RunningRedis, prefix_of, the_cluster

COMMON = b"{all}:"
OWN = b"chat"
"""The prefix by which tests name keys."""
OF_MANY = {b"DEL", b"EXISTS"}
"""Commands whose arguments are all keys, and which count."""


def look(redis: RunningRedis) -> Connection:
    """Return a connection to what a chat has that was told this server's address."""
    if IN_CLUSTER:
        return ClusterView(the_cluster(), prefix_of(redis.address).encode())
    return Connection(parse_address(redis.address))


class ClusterView(Connection):
    """Shows a part of a cluster as if it were one server with nothing else in it.

    Keys are named as on one server: with the prefix `chat` in place of the chat's own, and without
    the tag that in a cluster leads to what spans owners. Commands have one key; a few have many.
    """

    def __init__(self, cluster: RunningCluster, prefix: bytes) -> None:
        self._cluster = cluster
        self._prefix = prefix
        self._ranges = cluster.ranges()
        self._open: dict[str, Connection] = {}

    def call(self, arguments: list[bytes]) -> Reply:
        command, *rest = arguments
        if command == b"KEYS":
            return list(self._keys(rest[0]))
        if command == b"FLUSHALL":
            return self._count(b"DEL", self._keys(b"*"))
        if command == b"TIME":
            return self._to(self._cluster.nodes[0]).call(arguments)
        if command in OF_MANY:
            return self._count(command, rest)
        return self._ask(rest[0], lambda key: [command, key, *rest[1:]])

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()

    def _keys(self, pattern: bytes) -> list[bytes]:
        """Return the keys that match: all but those of other servers that tests were told of."""
        found = []
        for node in self._cluster.running_primaries():
            keys = self._to(node).call([b"KEYS", b"*"])
            assert isinstance(keys, list)
            found += [key for key in keys if isinstance(key, bytes)]
        mine = [key for key in found if key.startswith(self._prefix) or not is_anothers(key)]
        return [name for name in map(self._shown, mine) if fnmatch.fnmatchcase(name, pattern)]

    def _count(self, command: bytes, keys: list[bytes]) -> int:
        counts = [self._ask(key, lambda named: [command, named]) for key in keys]
        return sum(count for count in counts if isinstance(count, int))

    def _ask(self, key: bytes, make: Callable[[bytes], list[bytes]]) -> Reply:
        named = self._named(key)
        place = bisect_right(self._ranges, slot_of(named), key=lambda one: one.first) - 1
        name = self._ranges[place].node
        node = next(node for node in self._cluster.nodes if node.name == name)
        return self._to(node).call(make(named))

    def _to(self, node: Node) -> Connection:
        if node.name not in self._open:
            self._open[node.name] = Connection(parse_address(node.address))
        return self._open[node.name]

    def _named(self, key: bytes) -> bytes:
        """Return the name of a key in the cluster."""
        prefix, colon, rest = key.partition(b":")
        tag = b"" if rest.startswith(b"{") else COMMON
        return (self._prefix if prefix == OWN else prefix) + colon + tag + rest

    def _shown(self, key: bytes) -> bytes:
        """Return the name by which tests know a key."""
        prefix, colon, rest = key.partition(b":")
        return (OWN if prefix == self._prefix else prefix) + colon + rest.removeprefix(COMMON)


def is_anothers(key: bytes) -> bool:
    """Whether a key has a prefix that stands for a server."""
    prefix = key.partition(b":")[0]
    return prefix[:1] == b"p" and prefix[1:].isdigit()
