"""Starts a Redis Cluster, or a master with replicas and sentinels, of the wheel's redis-server."""

import contextlib
import pathlib
import random
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

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
USER = "chat"


@dataclass(frozen=True)
class Guard:
    """What guards every server: TLS at a port of its own, and passwords.

    `front` puts TLS before a port, and returns its own. The chat has a user of its own.
    """

    front: Callable[[int], int]
    password: str
    sentinel_password: str

    @property
    def options(self) -> list[str]:
        """The options of a server: its default user is that of its replicas."""
        own = [USER, "on", f">{self.password}", "~*", "&*", "+@all"]
        password = self.password[::-1]
        return ["--requirepass", password, "--masterauth", password, "--user", *own]


@dataclass
class Node:
    """One redis-server, and a connection to it.

    `front` is the port by which others know it, if that is not its own.
    """

    port: int
    folder: pathlib.Path
    arguments: Sequence[str]
    front: int = 0
    password: str = ""
    process: Child | None = None

    @property
    def known_port(self) -> int:
        return self.front or self.port

    @property
    def name(self) -> str:
        return authority(HOST, self.known_port)

    @property
    def address(self) -> str:
        """Where the chat finds it."""
        return f"{'rediss' if self.front else 'redis'}://{self.name}"

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
        login = f":{quote(self.password, safe='')}@" if self.password else ""
        connection = Connection(parse_address(f"redis://{login}{HOST}:{self.port}"))
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


def make_node(folder: pathlib.Path, options: Sequence[str], guard: Guard | None) -> Node:
    """Return a server that was not started yet."""
    port = free_bus_port()
    if guard is None:
        return Node(port, folder, options)
    front, password = guard.front(port), guard.password[::-1]
    return Node(port, folder, [*options, *guard.options], front, password)


def logins(guard: Guard | None) -> list[str]:
    """Return the settings by which the chat is let in."""
    if guard is None:
        return []
    return [
        f"redis_username={USER}", f"redis_password={guard.password}",
        f"redis_sentinel_password={guard.sentinel_password}",
    ]  # fmt: skip


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
    guard: Guard | None = None
    nodes: list[Node] = field(default_factory=list)

    def start(self) -> None:
        options = [
            "--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS),
            "--cluster-replica-validity-factor", "0", "--repl-diskless-sync", "yes",
            "--repl-diskless-sync-delay", "0", "--save", "", "--appendonly", "no",
        ]  # fmt: skip
        for number in range(2 * PRIMARIES):
            node = make_node(self.folder / f"node{number}", options, self.guard)
            if node.front:
                announced = ["--cluster-announce-port", str(node.front)]
                bus = ["--cluster-announce-bus-port", str(node.port + BUS)]
                node.arguments = [*node.arguments, *announced, *bus]
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
            f"redis_other_addresses={','.join(others)}", *logins(self.guard),
        ]  # fmt: skip

    def move(self, slot: int, target: Node) -> None:
        """Move a slot with its keys to another primary, as an operator's tool does."""
        source = self.primary_of(slot)
        source_id, target_id = (as_bytes(n.call("CLUSTER", "MYID")[0]) for n in (source, target))
        target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        while keys := source.call("CLUSTER", "GETKEYSINSLOT", slot, 100):
            named = [as_bytes(key) for key in keys]
            login = ["AUTH", target.password] if target.password else []
            source.call("MIGRATE", HOST, target.port, "", 0, 5000, *login, "KEYS", *named)
        for node in (target, source, *self.running_primaries()):
            node.call("CLUSTER", "SETSLOT", slot, "NODE", target_id)


def as_bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value


@contextlib.contextmanager
def run_cluster(folder: pathlib.Path, guard: Guard | None = None) -> Iterator[RunningCluster]:
    cluster = RunningCluster(folder, guard)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@dataclass
class RunningSentinels:
    """A master with a replica, and three sentinels that watch them."""

    folder: pathlib.Path
    guard: Guard | None = None
    servers: list[Node] = field(default_factory=list)
    sentinels: list[Node] = field(default_factory=list)

    def start(self) -> None:
        options = [
            "--save", "", "--appendonly", "no", "--repl-diskless-sync", "yes",
            "--repl-diskless-sync-delay", "0",
        ]  # fmt: skip
        master, replica = self.servers = [
            make_node(self.folder / name, options, self.guard) for name in ("master", "replica")
        ]
        for server in self.servers:
            announced = ["--replica-announce-port", str(server.known_port)]
            server.arguments = [*server.arguments, *announced]
        master.start()
        self.follow(replica, master)
        for number in range(3):
            sentinel = self._make_sentinel(self.folder / f"sentinel{number}", master)
            sentinel.start()
            self.sentinels.append(sentinel)
        await_true(self._know_each_other, "the sentinels do not know each other")

    def follow(self, replica: Node, master: Node) -> None:
        """Start a server as a replica."""
        replica.arguments = [*replica.arguments, "--replicaof", HOST, str(master.known_port)]
        replica.start()
        await_true(lambda: "link_status:up" in replica.info("replication"), "no replica")

    def _make_sentinel(self, folder: pathlib.Path, master: Node) -> Node:
        folder.mkdir(parents=True)
        config = folder / "sentinel.conf"
        lines = [
            f"sentinel monitor mymaster {HOST} {master.known_port} 2",
            "sentinel down-after-milliseconds mymaster 1500",
            "sentinel failover-timeout mymaster 6000",
        ]
        sentinel = Node(free_bus_port(), folder, [str(config), "--sentinel"])
        if self.guard is not None:
            sentinel.front = self.guard.front(sentinel.port)
            sentinel.password = self.guard.sentinel_password
            lines.append(f'sentinel auth-pass mymaster "{master.password}"')
            lines.append(f'requirepass "{sentinel.password}"')
        config.write_text("\n".join(lines) + "\n")
        return sentinel

    def _know_each_other(self) -> bool:
        return all("slaves=1,sentinels=3" in one.info("sentinel") for one in self.sentinels)

    def stop(self) -> None:
        for node in (*self.sentinels, *self.servers):
            node.kill()

    def variables(self) -> list[str]:
        first, *others = (node.address for node in self.sentinels)
        return [
            "redis_mode=sentinel", f"redis_address={first}", f"redis_nodes={HOST}",
            f"redis_other_addresses={','.join(others)}", *logins(self.guard),
        ]  # fmt: skip


@contextlib.contextmanager
def run_sentinels(folder: pathlib.Path, guard: Guard | None = None) -> Iterator[RunningSentinels]:
    running = RunningSentinels(folder, guard)
    try:
        running.start()
        yield running
    finally:
        running.stop()
