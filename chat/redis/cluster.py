"""Talks to a Redis Cluster: finds the node of each key, and follows it where it goes."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

from chat.core.errors import StoreUnavailable
from chat.redis.connection import Begun, Outcome, Share, Value, Way
from chat.redis.failures import BROKEN, NodeAway, RedisError
from chat.redis.nodes import Nodes, Pauses, is_passing
from chat.redis.slots import (
    Range,
    Redirection,
    SlotMap,
    describe_slots,
    key_of,
    parse_redirection,
    parse_slots,
    slot_of,
    tag_in,
)

MAX_HOPS = 5
"""How many redirections are followed without a pause: two nodes may disagree for a moment."""

LEARN_S = 1.0
"""How long a node may take to say which nodes have slots, where an answer has to be quick."""


class ClusterConnection(Way):
    """A way to a cluster, for one request; a command without a key goes where the last one went.

    Where slots are is kept in `slots`. If `learns`, all of them are asked for when one was
    elsewhere: that pays where the map outlives the request.
    """

    def __init__(self, nodes: Nodes, slots: SlotMap, *, learns: bool) -> None:
        self._nodes = nodes
        self._slots = slots
        self._learns = learns
        self._last: Way | None = None

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        """Ask the node of the first key; wait a little while a slot has no node to ask.

        Errors: RedisError, NodeAway, StoreUnavailable.
        """
        key = key_of(command, arguments) if command != "WAIT" else None
        if key is None and self._last is not None:
            return await self._last.execute(command, arguments)
        slot, pauses, hops = slot_of(key or b""), Pauses(self._nodes), 0
        node, is_once = self._slots.node_of(slot), False
        while True:
            try:
                return await self._ask(node, command, arguments, is_once=is_once)
            except RedisError as error:
                found = parse_redirection(str(error), node)
                if found is not None:
                    await self._follow(slot, found)
                elif not is_passing(str(error)):
                    self._drop_broken(node, error)
                    raise
                hops += 1
                may_ask = (found is not None and hops < MAX_HOPS) or await pauses.take()
                if not may_ask:
                    raise
                node, is_once = found or Redirection(self._slots.node_of(slot), is_once=False)
            except NodeAway:
                self._nodes.drop(node)
                if not await pauses.take():
                    raise
                node, is_once = self._next_behind(node), False

    async def nodes(self) -> Mapping[str, Way]:
        """Ask any node which nodes have slots, and connect to each of them."""
        await self._learn_of_any(self._learn)
        named = sorted({one.node for one in self._slots.ranges})
        return {name: await self._nodes.connect(name) for name in named}

    async def shares(self) -> Sequence[Share]:
        """Ask any node, each for a short time only, which nodes have slots."""

        async def learn(node: str) -> None:
            await self._nodes.begin(partial(self._learn, node)).result_within(LEARN_S)

        await self._learn_of_any(learn)
        ranges: dict[str, list[Range]] = {}
        for one in self._slots.ranges:
            ranges.setdefault(one.node, []).append(one)
        return [
            Share(NodeOfCluster(self, self._nodes, name), tag_in(of_node), describe_slots(of_node))
            for name, of_node in ranges.items()
        ]

    def begin(self, act: Callable[[], Awaitable[Outcome]]) -> Begun[Outcome]:
        return self._nodes.begin(act)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Way]:
        async with self._nodes.alone() as nodes:
            yield ClusterConnection(nodes, self._slots, learns=self._learns)

    async def _ask(
        self, node: str, command: str, arguments: Sequence[bytes], *, is_once: bool
    ) -> list[Value]:
        """Ask a node; for a slot that is being moved there it has to be told so just before.

        Nobody else may ask on that connection in between.
        """
        if not is_once:
            self._last = await self._nodes.connect(node)
            return await self._last.execute(command, arguments)
        async with self._nodes.alone() as nodes:
            self._last = own = await nodes.connect(node)
            await own.execute("ASKING", [])
            return await own.execute(command, arguments)

    async def _follow(self, slot: int, found: Redirection) -> None:
        if found.is_once:
            return
        if self._learns:
            with suppress(StoreUnavailable):
                await self._learn(found.node)
        self._slots.move(slot, found.node)

    async def _learn_of_any(self, learn: Callable[[str], Awaitable[None]]) -> None:
        """Learn the map of the first node that knows it.

        Errors: NodeAway, StoreUnavailable.
        """
        away: StoreUnavailable = NodeAway()
        for node in self._slots.nodes():
            try:
                await learn(node)
            except NodeAway as error:
                away = error
                continue
            return
        raise away

    async def _learn(self, node: str) -> None:
        """Ask a node for the map.

        Errors: NodeAway, StoreUnavailable.
        """
        connection = await self._nodes.connect(node)
        try:
            reply = await connection.execute("CLUSTER", [b"SLOTS"])
        except RedisError as error:
            self._drop_broken(node, error)
            raise NodeAway from error
        self._slots.learn(parse_slots(reply, node))

    def _next_behind(self, node: str) -> str:
        """Return another node than one that is away: it knows who has its slots by now."""
        known = self._slots.nodes()
        place = known.index(node) + 1 if node in known else 0
        return known[place % len(known)]

    def _drop_broken(self, node: str, error: RedisError) -> None:
        if BROKEN in str(error):
            self._nodes.drop(node)


class NodeOfCluster(Way):
    """A way to one node, connected to when it is asked; nobody waits for another one instead."""

    def __init__(self, cluster: ClusterConnection, nodes: Nodes, name: str) -> None:
        self._cluster = cluster
        self._nodes = nodes
        self._name = name

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        """Ask the node; follow it, if the slot is being moved.

        Errors: RedisError, NodeAway, StoreUnavailable.
        """
        connection = await self._nodes.connect(self._name)
        try:
            return await connection.execute(command, arguments)
        except RedisError as error:
            if parse_redirection(str(error), self._name) is not None:
                return await self._cluster.execute(command, arguments)
            if BROKEN in str(error):
                self._nodes.drop(self._name)
            raise
