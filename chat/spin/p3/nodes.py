"""The instance's ways to Redis: to one server, to a cluster, or to the master of sentinels.

The map of a cluster's slots, the master's address and a connection to each server outlive requests.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from chat.core.addresses import RedisAddress
from chat.http.patience import NS_PER_S
from chat.redis.cluster import ClusterConnection
from chat.redis.connection import Begun, Outcome, Way
from chat.redis.nodes import Nodes
from chat.redis.sentinel import Master, SentinelConnection
from chat.redis.slots import SlotMap
from chat.spin.answers import Moment
from chat.spin.p3.redis import InstanceRedis, Started
from chat.spin.p3.waiting import moment_in, now, rest
from chat.spin.redis_nodes import NODE_DENIED, NodeTimes


class Servers:
    """The instance's connections to servers."""

    def __init__(self, address: RedisAddress, url_of: Callable[[str], str]) -> None:
        self._timeout_s = address.timeout_s
        self._url_of = url_of
        self._known: dict[str, InstanceRedis] = {}

    def find(self, node: str) -> InstanceRedis:
        """Return the connection to a server, which may be closed."""
        if node not in self._known:
            self._known[node] = InstanceRedis(self._url_of(node), self._timeout_s, NODE_DENIED)
        return self._known[node]


class SharedNodes(Nodes):
    """The servers of the instance, for one request."""

    def __init__(self, servers: Servers, times: NodeTimes) -> None:
        self._servers = servers
        self._times = times

    async def connect(self, node: str) -> Way:
        return self._servers.find(node)

    def drop(self, node: str) -> None:
        """Do nothing: the instance's connection is opened anew by itself."""

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Nodes]:
        async with AsyncExitStack() as closing:
            yield OwnNodes(self._servers, self._times, closing)

    def begin(self, act: Callable[[], Awaitable[Outcome]]) -> Begun[Outcome]:
        return Started(act)

    async def rest(self, seconds: float) -> None:
        await rest(int(seconds * NS_PER_S))

    def last_moment(self) -> Moment:
        return self._times.last_moment()

    def now(self) -> Moment:
        return now()


class OwnNodes(SharedNodes):
    """Connections that no other request uses, until `closing` closes."""

    def __init__(self, servers: Servers, times: NodeTimes, closing: AsyncExitStack) -> None:
        super().__init__(servers, times)
        self._closing = closing
        self._own: dict[str, Way] = {}

    async def connect(self, node: str) -> Way:
        if node not in self._own:
            alone = self._servers.find(node).alone()
            self._own[node] = await self._closing.enter_async_context(alone)
        return self._own[node]

    def drop(self, node: str) -> None:
        self._own.pop(node, None)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Nodes]:
        yield self


class InstanceCluster:
    """A cluster, as the instance knows it."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._servers = Servers(address, address.url_of)
        self._slots = SlotMap(address.nodes)

    def open(self) -> Way:
        """Return a way to it for one request."""
        nodes = SharedNodes(self._servers, NodeTimes(self._address, moment_in))
        return ClusterConnection(nodes, self._slots, learns=True)


class InstanceMaster:
    """The master of sentinels, as the instance knows it."""

    def __init__(self, address: RedisAddress) -> None:
        self._address = address
        self._servers = Servers(address, address.url_of)
        self._sentinels = Servers(address, address.sentinel_url_of)
        self._master = Master(address.master_name, address.nodes)

    def open(self) -> Way:
        """Return a way to it for one request."""
        times = NodeTimes(self._address, moment_in)
        nodes, sentinels = (SharedNodes(one, times) for one in (self._servers, self._sentinels))
        return SentinelConnection(nodes, sentinels, self._master)
