"""The adapter to Redis: connections for each request, whose calls block."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager

from spin_sdk import redis
from spin_sdk.wit.imports.redis import (
    Connection as SpinConnection,
)
from spin_sdk.wit.imports.redis import (
    Error_InvalidAddress,
    RedisParameter,
    RedisParameter_Binary,
    RedisResult_Nil,
)
from spin_sdk.wit.types import Err

from chat.core.addresses import RedisAddress
from chat.http.patience import NS_PER_S
from chat.redis.cluster import ClusterConnection
from chat.redis.connection import Begun, Outcome, Value, Way
from chat.redis.failures import RedisError, Refused, parse_away
from chat.redis.nodes import Nodes
from chat.redis.sentinel import Master, SentinelConnection
from chat.redis.slots import SlotMap
from chat.spin.answers import Moment
from chat.spin.p2.clock import moment_in, now, rest
from chat.spin.redis_nodes import ADDRESS_DENIED, NODE_DENIED, NodeTimes


class RedisConnection(Way):
    """One connection to Redis over Spin."""

    def __init__(self, connection: SpinConnection) -> None:
        self._connection = connection

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        """Run a command, and return its reply as one flat list.

        Errors: RedisError, with the host's text.
        """
        parameters: list[RedisParameter] = [
            RedisParameter_Binary(argument) for argument in arguments
        ]
        try:
            results = self._connection.execute(command, parameters)
        except Err as error:
            raise RedisError(str(getattr(error.value, "value", error.value))) from error
        return [None if isinstance(result, RedisResult_Nil) else result.value for result in results]


class RequestNodes(Nodes):
    """A connection to each server that the request needs, until `closing` closes."""

    def __init__(
        self, address: RedisAddress, url_of: Callable[[str], str], closing: ExitStack
    ) -> None:
        self._times = NodeTimes(address, moment_in)
        self._url_of = url_of
        self._closing = closing
        self._open: dict[str, RedisConnection] = {}

    async def connect(self, node: str) -> Way:
        if node not in self._open:
            opened = self._closing.enter_context(_open(self._url_of(node), NODE_DENIED))
            self._open[node] = RedisConnection(opened)
        return self._open[node]

    def drop(self, node: str) -> None:
        self._open.pop(node, None)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Nodes]:
        yield self

    def begin(self, act: Callable[[], Awaitable[Outcome]]) -> Begun[Outcome]:
        return Begun(act)

    async def rest(self, seconds: float) -> None:
        rest(int(seconds * NS_PER_S))

    def last_moment(self) -> Moment:
        return self._times.last_moment()

    def now(self) -> Moment:
        return now()


@asynccontextmanager
async def open_redis(address: RedisAddress) -> AsyncIterator[Way]:
    """Connect to Redis while the block runs; to a cluster or a master once it is asked.

    Errors: StoreUnavailable, never with the address, which contains the password.
    """
    if address.mode == "single":
        with _open(address.url, ADDRESS_DENIED) as connection:
            yield RedisConnection(connection)
        return
    with ExitStack() as closing:
        nodes = RequestNodes(address, address.url_of, closing)
        if address.mode == "cluster":
            yield ClusterConnection(nodes, SlotMap(address.nodes), learns=False)
        else:
            sentinels = RequestNodes(address, address.sentinel_url_of, closing)
            yield SentinelConnection(nodes, sentinels, Master(address.master_name, address.nodes))


def _open(url: str, denied: str) -> SpinConnection:
    """Connect; `denied` is said if the host does not allow that.

    Errors: NodeAway, StoreUnavailable.
    """
    try:
        return redis.open(url)
    except Err as error:
        if isinstance(error.value, Error_InvalidAddress):
            raise Refused(denied) from error
        raise parse_away(str(getattr(error.value, "value", ""))) from error
