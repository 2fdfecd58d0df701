"""Starts a Redis Cluster, or a master with replicas and sentinels, of the wheel's redis-server."""

import contextlib
import pathlib
import random
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from chat.redis.slots import SLOTS, Range, authority, parse_slots
from host.abi.values import Err
from host.interfaces.redis import flatten
from host.interfaces.resp import Connection, RedisError, ServerError, parse_address
from host.services.child import Child
from host.services.embedded import find_redis, redis_answers

HOST = "127.0.0.1"
BUS = 10_000
"""How much higher than its port the port is by which a node talks to the others."""
PRIMARIES = 3
NODE_TIMEOUT_MS = 2000
"""After how long a node counts as failed."""
SETTLED_S = 60.0


@dataclass
class Node:
    """One redis-server, and a connection to it."""

    port: int
    folder: pathlib.Path
    arguments: Sequence[str]
    process: Child | None = None

    @property
    def name(self) -> str:
        return authority(HOST, self.port)

    @property
    def address(self) -> str:
        return f"redis://{self.name}"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [
            str(find_redis()), *self.arguments, "--bind", HOST, "--port", str(self.port),
            "--daemonize", "no", "--dir", str(self.folder.resolve()),
        ]  # fmt: skip
        log = self.folder / "redis.log"
        self.process = Child("redis", command, log, lambda: redis_answers(HOST, self.port))

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None

    def call(self, *arguments: str | bytes | int) -> list[bytes | int | str | None]:
        """Run a command; return its reply as one flat list."""
        connection = Connection(parse_address(self.address))
        encoded = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
        try:
            reply = connection.call(encoded)
        finally:
            connection.close()
        assert not isinstance(reply, ServerError), reply.text
        flat = flatten(reply)
        assert not isinstance(flat, Err)
        return [case.value for case in flat]

    def info(self, section: str) -> str:
        (text,) = self.call("INFO", section)
        assert isinstance(text, bytes)
        return text.decode()


def free_bus_port() -> int:
    """Find a port that is free, as is that of its bus."""
    while True:
        port = random.randint(20_000, 30_000)
        with contextlib.suppress(OSError), socket.socket() as one, socket.socket() as bus:
            one.bind((HOST, port))
            bus.bind((HOST, port + BUS))
            return port


def await_true(claim: Callable[[], bool], what: str) -> None:
    """Wait until a claim is true."""
    deadline = time.monotonic() + SETTLED_S
    while True:
        with contextlib.suppress(RedisError, OSError, AssertionError):
            if claim():
                return
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


@dataclass
class RunningCluster:
    """Three primaries, and a replica of each."""

    folder: pathlib.Path
    nodes: list[Node] = field(default_factory=list)

    def start(self) -> None:
        options = [
            "--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS),
            "--cluster-replica-validity-factor", "0", "--repl-diskless-sync", "yes",
            "--repl-diskless-sync-delay", "0", "--save", "", "--appendonly", "no",
        ]  # fmt: skip
        for number in range(2 * PRIMARIES):
            node = Node(free_bus_port(), self.folder / f"node{number}", options)
            node.start()
            self.nodes.append(node)
        self._meet()
        for number, node in enumerate(self.nodes[PRIMARIES:]):
            (master,) = self.nodes[number].call("CLUSTER", "MYID")
            assert isinstance(master, bytes)
            node.call("CLUSTER", "REPLICATE", master)
        await_true(self.is_whole, "the cluster is not whole")

    def _meet(self) -> None:
        bounds = [round(number * SLOTS / PRIMARIES) for number in range(PRIMARIES + 1)]
        for number, node in enumerate(self.nodes):
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            if number < PRIMARIES:
                node.call("CLUSTER", "ADDSLOTS", *range(bounds[number], bounds[number + 1]))
        for node in self.nodes[1:]:
            self.nodes[0].call("CLUSTER", "MEET", HOST, node.port)
        await_true(self._knows_all, "the nodes do not know each other")

    def _knows_all(self) -> bool:
        known = f"cluster_known_nodes:{len(self.nodes)}\r\n".encode()
        return all(known in as_bytes(node.call("CLUSTER", "INFO")[0]) for node in self.nodes)

    def is_whole(self) -> bool:
        """Whether every node that runs finds the cluster whole, and every replica is up to date."""
        running = [node for node in self.nodes if node.process]
        return all(
            b"cluster_state:ok" in as_bytes(node.call("CLUSTER", "INFO")[0])
            and ("role:master" in (info := node.info("replication")) or "link_status:up" in info)
            for node in running
        )

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()

    @property
    def primaries(self) -> list[str]:
        """The nodes that had the slots at first, in their order."""
        return [node.name for node in self.nodes[:PRIMARIES]]

    def flush(self) -> None:
        """Empty it."""
        for node in self.running_primaries():
            node.call("FLUSHALL")

    def running_primaries(self) -> list[Node]:
        return [
            node
            for node in self.nodes
            if node.process and "role:master" in node.info("replication")
        ]

    def ranges(self) -> list[Range]:
        node = next(node for node in self.nodes if node.process)
        return parse_slots(node.call("CLUSTER", "SLOTS"), node.name)

    def primary_of(self, slot: int) -> Node:
        name = next(one.node for one in self.ranges() if one.first <= slot <= one.last)
        return next(node for node in self.nodes if node.name == name)

    def has_new(self, killed: Node) -> bool:
        """Whether other nodes have all slots of one that was killed."""
        return all(one.node != killed.name for one in self.ranges())

    def variables(self) -> list[str]:
        """Return the settings with which the chat uses it."""
        first, *others = (node.address for node in self.nodes[:PRIMARIES])
        return [
            "redis_mode=cluster", f"redis_address={first}", f"redis_nodes={HOST}",
            f"redis_other_addresses={','.join(others)}",
        ]  # fmt: skip

    def move(self, slot: int, target: Node) -> None:
        """Move a slot with its keys to another primary, as an operator's tool does."""
        source = self.primary_of(slot)
        source_id, target_id = (as_bytes(n.call("CLUSTER", "MYID")[0]) for n in (source, target))
        target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        while keys := source.call("CLUSTER", "GETKEYSINSLOT", slot, 100):
            named = [as_bytes(key) for key in keys]
            source.call("MIGRATE", HOST, target.port, "", 0, 5000, "KEYS", *named)
        for node in (target, source, *self.running_primaries()):
            node.call("CLUSTER", "SETSLOT", slot, "NODE", target_id)


def as_bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


@contextlib.contextmanager
def run_cluster(folder: pathlib.Path) -> Iterator[RunningCluster]:
    cluster = RunningCluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@dataclass
class RunningSentinels:
    """A master with a replica, and three sentinels that watch them."""

    folder: pathlib.Path
    servers: list[Node] = field(default_factory=list)
    sentinels: list[Node] = field(default_factory=list)

    def start(self) -> None:
        plain = ["--save", "", "--appendonly", "no", "--repl-diskless-sync", "yes"]
        quick = ["--repl-diskless-sync-delay", "0"]
        master = Node(free_bus_port(), self.folder / "master", [*plain, *quick])
        replica = Node(
            free_bus_port(), self.folder / "replica",
            [*plain, *quick, "--replicaof", HOST, str(master.port)],
        )  # fmt: skip
        self.servers = [master, replica]
        for server in self.servers:
            server.start()
        await_true(lambda: "link_status:up" in replica.info("replication"), "no replica")
        for number in range(3):
            folder = self.folder / f"sentinel{number}"
            folder.mkdir(parents=True)
            config = folder / "sentinel.conf"
            config.write_text(
                f"sentinel monitor mymaster {HOST} {master.port} 2\n"
                "sentinel down-after-milliseconds mymaster 1500\n"
                "sentinel failover-timeout mymaster 6000\n"
            )
            sentinel = Node(free_bus_port(), folder, [str(config), "--sentinel"])
            sentinel.start()
            self.sentinels.append(sentinel)
        await_true(self._know_each_other, "the sentinels do not know each other")

    def _know_each_other(self) -> bool:
        return all("slaves=1,sentinels=3" in one.info("sentinel") for one in self.sentinels)

    def stop(self) -> None:
        for node in (*self.sentinels, *self.servers):
            node.kill()

    def variables(self) -> list[str]:
        first, *others = (node.address for node in self.sentinels)
        return [
            "redis_mode=sentinel", f"redis_address={first}", f"redis_nodes={HOST}",
            f"redis_other_addresses={','.join(others)}",
        ]  # fmt: skip


@contextlib.contextmanager
def run_sentinels(folder: pathlib.Path) -> Iterator[RunningSentinels]:
    running = RunningSentinels(folder)
    try:
        running.start()
        yield running
    finally:
        running.stop()
