"""Measures what each system takes before a turn and while turns run: start, size, memory."""

import concurrent.futures
import contextlib
import pathlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import httpx

from bench.clients import Running
from bench.systems import SYSTEMS
from bench.tables import describe_few, header, row
from tests.running import RunningRedis

STARTS = 5
IN_FLIGHT = 16
HELD_S = 0.5
HEAD = f"""
## Size, start and memory

One process each. First: until it answers for the first time on a machine, where a component is
compiled to machine code; what runs natively was compiled when it was installed. Start: the same
afterwards, the median of {STARTS} (least to most). Memory: what is resident, shared pages counted
once (PSS), idle after a few turns; and by how much it grows for each of {IN_FLIGHT} turns that wait
for a slow model at once, or has grown when they are over, if that is more.
"""


@dataclass(frozen=True)
class Starts:
    """How long a system took until its first answer, in s."""

    first_s: float
    later_s: Sequence[float]


def measure_starts(
    folder: pathlib.Path, redis: RunningRedis, model_url: str
) -> Mapping[str, Starts]:
    """Start each system, the first time with nothing compiled."""
    found = {}
    for number, system in enumerate(SYSTEMS):
        system.forget_compiled()
        taken = []
        for turn in range(1 + STARTS):
            with system.run(folder / f"start{number}.{turn}", redis, model_url, 1) as one:
                one.take_turn("Hello.")
                taken.append(one.start_s)
        found[system.name] = Starts(taken[0], taken[1:])
    return found


def compare_footprints(
    running: Sequence[Running], starts: Mapping[str, Starts], model: httpx.Client
) -> None:
    """Print what each system takes."""
    print(HEAD, end="")
    header("", "size, MB", "first, s", "start, s", "idle, MB", "ratio", "a turn, MB", "ratio")
    for one in running:
        for _ in range(5):
            one.take_turn("Hello.")
    idle = {one.name: memory_mb(one.pid) for one in running}
    busy = {one.name: busy_mb(one, model) for one in running}
    first = running[0].name
    for one in running:
        started = starts[one.name]
        row(
            one.name, f"{size_mb(one.path):.0f}", f"{started.first_s:.1f}",
            describe_few(started.later_s),
            f"{idle[one.name]:.0f}", f"{idle[one.name] / idle[first]:.2f}",
            f"{busy[one.name]:.2f}", f"{busy[one.name] / busy[first]:.2f}",
        )  # fmt: skip


def busy_mb(one: Running, model: httpx.Client) -> float:
    """Return by how much memory grows for each turn in flight."""
    before = memory_mb(one.pid)
    model.get("/hold", params={"s": HELD_S})
    with concurrent.futures.ThreadPoolExecutor(IN_FLIGHT) as threads:
        ends = time.monotonic() + HELD_S * 0.9  # while the first of them still waits
        turns = [threads.submit(one.take_turn, "Hello.") for _ in range(IN_FLIGHT)]
        most = before
        while time.monotonic() < ends:
            most = max(most, memory_mb(one.pid))
        model.get("/hold", params={"s": 0})
        for turn in turns:
            turn.result()
    return (max(most, memory_mb(one.pid)) - before) / IN_FLIGHT


def size_mb(path: pathlib.Path) -> float:
    """Return the size of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


def memory_mb(pid: int) -> float:
    """Return the memory of a process and its children; pages that they share count once.

    So do those that all instances of a component share: RSS has them once for each instance.
    """
    total = 0
    for process in [pid, *children_of(pid)]:
        with contextlib.suppress(OSError):
            lines = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def children_of(pid: int) -> list[int]:
    """Return the ids of a process's children, and of their children."""
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *children_of(child)]
    return found
