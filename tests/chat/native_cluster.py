"""A way to a real cluster without a guest, which notes what it asks."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from chat.redis.connection import Begun, Outcome, Value, Way
from chat.redis.failures import NodeAway, RedisError
from chat.redis.nodes import Nodes
from host.abi.values import Err
from host.interfaces.redis import flatten
from host.interfaces.resp import Connection, parse_address
from host.interfaces.resp import RedisError as NoConnection

NS_PER_S = 1_000_000_000


class NativeWay(Way):
    """A connection to one node."""

    def __init__(self, node: str, asked: list[tuple[str, str]]) -> None:
        try:
            self._connection = Connection(parse_address(f"redis://{node}"))
        except NoConnection as error:
            raise NodeAway from error
        self._node = node
        self._asked = asked

    def close(self) -> None:
        self._connection.close()

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        await asyncio.sleep(0)
        first = arguments[0].decode(errors="replace") if arguments else ""
        self._asked.append((command, first))
        try:
            reply = flatten(self._connection.call([command.encode(), *arguments]))
        except NoConnection as error:
            raise RedisError(str(error)) from error
        if isinstance(reply, Err):
            raise RedisError(reply.value.value)
        return [case.value for case in reply]


class StartedTask(Begun[Outcome]):
    """What was asked beside something else, and is under way."""

    def __init__(self, act: Callable[[], Awaitable[Outcome]]) -> None:
        async def acted() -> Outcome:
            return await act()

        self._task = asyncio.create_task(acted())

    async def result(self) -> Outcome:
        return await self._task

    async def result_within(self, seconds: float) -> Outcome:
        await asyncio.wait({self._task}, timeout=seconds)
        if not self._task.done():
            raise NodeAway
        return self._task.result()

    async def is_done(self) -> bool:
        await asyncio.wait({self._task})
        return self._task.exception() is None


class NativeNodes(Nodes):
    """Connections to nodes; `asked` are the commands that they got, each with its first argument.

    If `begins`, what is asked beside something else is asked at once; otherwise behind it.
    """

    def __init__(self, *, begins: bool = True, patience_s: float = 10.0) -> None:
        self.asked: list[tuple[str, str]] = []
        self._begins = begins
        self._patience_ns = int(patience_s * NS_PER_S)
        self._open: dict[str, NativeWay] = {}

    async def connect(self, node: str) -> Way:
        if node not in self._open:
            self._open[node] = NativeWay(node, self.asked)
        return self._open[node]

    def drop(self, node: str) -> None:
        if node in self._open:
            self._open.pop(node).close()

    def close(self) -> None:
        for node in list(self._open):
            self.drop(node)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Nodes]:
        own = NativeNodes(begins=self._begins)
        own.asked = self.asked
        try:
            yield own
        finally:
            own.close()

    def begin(self, act: Callable[[], Awaitable[Outcome]]) -> Begun[Outcome]:
        return StartedTask(act) if self._begins else Begun(act)

    async def rest(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def last_moment(self) -> int:
        return self.now() + self._patience_ns

    def now(self) -> int:
        return time.monotonic_ns()
