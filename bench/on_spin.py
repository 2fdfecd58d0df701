"""Measures this chat on a `spin`, beside a conversation as one value, and native servers."""

import contextlib
import pathlib
import random
import statistics
import subprocess

from bench.alone.servers import bench_servers
from bench.clients import Running
from bench.compare.footprints import memory_mb
from bench.compare.streams import compare_streams
from bench.compare.throughput import PAST_TURNS, TAKES_S, measure_throughput
from bench.systems import ON_SPIN, STREAMING_ON_SPIN, build_one_value, run_model, run_redis
from bench.tables import SPREAD, describe, header, row
from tests.running import SPIN

CONCURRENCY = (1, 8, 64)
ROUNDS = 3
HEAD = f"""
## On Spin

Each component is served by a `spin up` of its own, each native server by uvicorn, beside the same
Redis and a model that answers at once and repeats the prompt. Every client is in a conversation of
its own, of {PAST_TURNS} turns and those that it takes; {ROUNDS} rounds of {TAKES_S:.0f} s each, the
systems in turn.

Turns a second, the median of the rounds, then the ratio to the first row; below, ms of a turn, the
model's included: {SPREAD}. Memory is what a server's processes have resident, shared pages counted
once (PSS): after the first turn, and after all of it.
"""

Cell = tuple[list[float], list[float]]
"""The turns a second of each round, and the time of each turn in ms."""


def measure_on_spin(folder: pathlib.Path) -> None:
    """Print the tables."""
    build_one_value()
    rng = random.Random(1)
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(run_redis(folder / "redis"))
        model_url = stack.enter_context(run_model(folder / "model"))
        running = [
            stack.enter_context(system.run(folder / str(number), redis, model_url, 1))
            for number, system in enumerate(ON_SPIN)
        ]
        for one in running:
            one.take_turn("Hello.")
        idle = {one.name: memory_mb(one.pid) for one in running}
        cells = measure_rounds(running, rng)
        used = {one.name: memory_mb(one.pid) for one in running}
    print_tables(cells)
    header("", "after the first turn, MB", "after all, MB")
    for name, before in idle.items():
        row(name, f"{before:.0f}", f"{used[name]:.0f}")
    compare_streams(folder / "streams", STREAMING_ON_SPIN)
    bench_servers(folder / "servers")


def measure_rounds(running: list[Running], rng: random.Random) -> dict[str, list[Cell]]:
    """Let clients take turns at each of the components, round by round."""
    cells: dict[str, list[Cell]] = {one.name: [([], []) for _ in CONCURRENCY] for one in running}
    for place, count in enumerate(CONCURRENCY):
        for _ in range(ROUNDS):
            for one in running:
                rate, taken_ms = measure_throughput(one, count, rng)
                cells[one.name][place][0].append(rate)
                cells[one.name][place][1].extend(taken_ms)
    return cells


def print_tables(cells: dict[str, list[Cell]]) -> None:
    """Print the turns a second, and how long a turn takes."""
    print(HEAD, end="")
    rates = {name: [statistics.median(of) for of, _ in row_] for name, row_ in cells.items()}
    first = next(iter(rates.values()))
    header("clients at once", *map(str, CONCURRENCY), *(f"ratio at {n}" for n in CONCURRENCY))
    for name, mine in rates.items():
        ratios = [f"{rate / base:.2f}" for rate, base in zip(mine, first, strict=True)]
        row(name, *(f"{rate:.0f}" for rate in mine), *ratios)
    header("clients at once", *map(str, CONCURRENCY))
    for name, row_ in cells.items():
        row(name, *(describe(taken) for _, taken in row_))


def spin_version() -> str:
    """Return what `spin --version` prints."""
    done = subprocess.run([SPIN, "--version"], capture_output=True, check=True, text=True)
    return done.stdout.strip()
