"""Talks to the master that sentinels name."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from chat.redis.connection import Begun, Outcome, Value, Way
from chat.redis.failures import BROKEN, NodeAway, RedisError, Refused
from chat.redis.nodes import Nodes, Pauses, is_passing
from chat.redis.slots import authority

DEMOTED = ("ReadOnly", "READONLY")
"""What a server says that is a replica by now: others know the new master."""
PARTS = 2
"""A sentinel names a master by host and port."""


@dataclass
class Master:
    """What is known of the master: its `name`, the `sentinels` that know it, and its address."""

    name: str
    sentinels: Sequence[str]
    node: str | None = None


class SentinelConnection(Way):
    """A way to the master, for one request; `sentinels` connect to those who know it."""

    def __init__(self, nodes: Nodes, sentinels: Nodes, master: Master) -> None:
        self._nodes = nodes
        self._sentinels = sentinels
        self._master = master

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        """Ask the master; wait a little while there is none.

        Errors: RedisError, NodeAway, StoreUnavailable.
        """
        pauses = Pauses(self._nodes)
        while True:
            try:
                connection = await self._nodes.connect(await self._find())
                return await connection.execute(command, arguments)
            except RedisError as error:
                is_demoted = any(said in str(error) for said in DEMOTED)
                if is_demoted or BROKEN in str(error):
                    self._forget()
                passes = is_demoted or is_passing(str(error))
                if not (passes and await pauses.take()):
                    raise
            except NodeAway:
                self._forget()
                if not await pauses.take():
                    raise

    async def nodes(self) -> Mapping[str, Way]:
        return {"": self}

    def begin(self, act: Callable[[], Awaitable[Outcome]]) -> Begun[Outcome]:
        return self._nodes.begin(act)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Way]:
        async with self._nodes.alone() as nodes:
            yield SentinelConnection(nodes, self._sentinels, self._master)

    def _forget(self) -> None:
        """Ask for the master again, the next time."""
        if self._master.node is not None:
            self._nodes.drop(self._master.node)
        self._master.node = None

    async def _find(self) -> str:
        """Return where the master is; ask one sentinel after the other if that is not known.

        Errors: NodeAway if none of them knows; StoreUnavailable.
        """
        if self._master.node is not None:
            return self._master.node
        for sentinel in self._master.sentinels:
            found = await self._asked(sentinel)
            if found is not None:
                self._master.node = found
                return found
        raise NodeAway(NO_MASTER)

    async def _asked(self, sentinel: str) -> str | None:
        name = self._master.name.encode()
        try:
            connection = await self._sentinels.connect(sentinel)
            reply = await connection.execute("SENTINEL", [b"get-master-addr-by-name", name])
        except RedisError as error:
            self._sentinels.drop(sentinel)
            if "NOAUTH" in str(error):
                raise Refused(NO_LOGIN) from error
            return None
        except NodeAway:
            return None
        if len(reply) != PARTS:
            return None
        host, port = (part if isinstance(part, bytes) else b"" for part in reply)
        return authority(host.decode(), int(port))


NO_MASTER = "the conversation store has no master that a sentinel of `redis_address` knows"
NO_LOGIN = "a sentinel refuses the login: see `redis_sentinel_password`"
