"""Measures a turn over one Redis server, over a cluster, and with a replica that is waited for."""

import concurrent.futures
import pathlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from bench.alone.turns import CONTEXT, PROMPT, answer, measure_ms
from bench.tables import SPREAD, describe, header, row
from tests.clusters import Node, RunningCluster, free_bus_port, run_cluster
from tests.running import (
    BUILD,
    NO_COOKIES,
    NO_TLS,
    RunningHost,
    as_flags,
    remote_config,
    run_host,
    run_model_endpoint,
)

TURNS, OWNERS, CLIENTS, ROUNDS, TAKES_S = 120, 12, 8, 3, 4.0
ROUND_TRIPS = ("evalsha", "eval", "wait", "cluster", "asking")
"""The commands that the chat sends in a turn, none of which a script calls."""
OK = 200
HEAD = f"""
### One Redis server, and a cluster

The build for Preview {BUILD.removeprefix("p")}: turns of {OWNERS} owners beside one server, and
beside a cluster of three primaries and three replicas, all on this machine; the model answers at
once. What a turn opens and sends to Redis, where Preview 3 sends two commands beside two others;
the time of a turn, one after the other, in ms: {SPREAD};
and turns a second of {CLIENTS} clients: the median of {ROUNDS} rounds of {TAKES_S:.0f} s, the rows
in turn.
"""


@dataclass
class Row:
    """One way to keep turns, served, and what was measured of it."""

    name: str
    host: RunningHost
    servers: Sequence[Node]
    rates: list[float]


def bench_servers(folder: pathlib.Path) -> None:
    """Print the table."""
    with run_model_endpoint() as endpoint, run_cluster(folder / "cluster") as cluster:
        endpoint.answer = answer
        one = Node(free_bus_port(), folder / "one", ["--save", "", "--appendonly", "no"])
        one.start()
        flags = ["--runtime-config-file", remote_config(folder, endpoint.url)]
        flags += as_flags(["rate_per_owner_per_minute=10000000"])
        try:
            measure(folder, flags, one, cluster)
        finally:
            one.stop()


def measure(folder: pathlib.Path, flags: Sequence[str], one: Node, cluster: RunningCluster) -> None:
    """Serve the chat in each way, and print a row for each."""
    waiting = ["redis_wait_replicas=1", "redis_wait_ms=5000"]
    ways = [
        ("one server", [one], [f"redis_address={one.address}"]),
        ("a cluster", cluster.nodes[:3], cluster.variables()),
        ("a cluster, and a replica has it", cluster.nodes[:3], [*cluster.variables(), *waiting]),
    ]
    with (
        run_host(folder / "0", *flags, *as_flags(ways[0][2])) as first,
        run_host(folder / "1", *flags, *as_flags(ways[1][2])) as second,
        run_host(folder / "2", *flags, *as_flags(ways[2][2])) as third,
    ):
        hosts = (first, second, third)
        rows = [Row(n, h, servers, []) for (n, servers, _), h in zip(ways, hosts, strict=True)]
        for _ in range(ROUNDS):
            for each in rows:
                each.rates.append(turns_a_second(each.host))
        print(HEAD, end="")
        header("", "connections", "round trips", "a turn, ms", f"{CLIENTS} clients, turns/s")
        for each in rows:
            print_row(each)


def print_row(each: Row) -> None:
    """Measure turns one after the other, and print all that was measured."""
    turns = [begin(each.host) for _ in range(OWNERS)]
    before = sent_to(each.servers)
    taken_ms = [ms for turn in turns for ms in measure_ms(turn, TURNS // OWNERS)]
    opened, asked = (a - b for a, b in zip(sent_to(each.servers), before, strict=True))
    rate = sorted(each.rates)[len(each.rates) // 2]
    row(
        each.name, f"{opened / TURNS:.2f}", f"{asked / TURNS:.2f}", describe(taken_ms),
        f"{rate:.0f} ({min(each.rates):.0f} to {max(each.rates):.0f})",
    )  # fmt: skip


def begin(host: RunningHost) -> Callable[[], None]:
    """Begin a conversation of a new owner; return what takes a turn in it."""
    client = httpx.Client(
        base_url=host.url, timeout=60, trust_env=False, cookies=NO_COOKIES, verify=NO_TLS
    )
    token = client.post("/session").json()["token"]
    client.headers["authorization"] = f"Bearer {token}"
    begun = client.post("/", json={"context": CONTEXT, "prompt": PROMPT}).json()["id"]

    def turn() -> None:
        assert client.post("/", json={"id": begun, "prompt": PROMPT}).status_code == OK

    return turn


def turns_a_second(host: RunningHost) -> float:
    """Let clients take turns at once, each in a conversation of its own."""
    turns = [begin(host) for _ in range(CLIENTS)]
    begun = time.perf_counter()

    def take(turn: Callable[[], None]) -> int:
        count = 0
        while time.perf_counter() - begun < TAKES_S:
            turn()
            count += 1
        return count

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as threads:
        return sum(threads.map(take, turns)) / (time.perf_counter() - begun)


def sent_to(servers: Sequence[Node]) -> tuple[int, int]:
    """Return how many connections servers got, and how many round trips of the chat."""
    opened = asked = 0
    for server in servers:
        stats = dict(line.split(":", 1) for line in server.info("stats").split() if ":" in line)
        opened += int(stats["total_connections_received"]) - 1
        for line in server.info("commandstats").split():
            name, _, told = line.removeprefix("cmdstat_").partition(":calls=")
            if name in ROUND_TRIPS:
                asked += int(told.partition(",")[0])
    return opened, asked
