"""Measures when the first part of a reply comes, and the last, beside the model's own streaming."""

import asyncio
import json
import pathlib
import statistics
import time
from collections.abc import Sequence

import httpx

from bench.clients import CONTEXT, Running
from bench.compare.footprints import memory_mb
from bench.speaking_model import PART, PARTS, PAUSE_S, THINKS_S
from bench.systems import MODEL_PATH, System, run_model, run_redis
from bench.tables import header, row

AT_ONCE = (1, 8, 64)
ROUNDS = 3
LOOKS_S = 0.1
SPEAKING = "bench.speaking_model:app"
DELTA = "event: delta"
HEAD = f"""
## Streaming

A model that thinks {THINKS_S} s, and then says {PARTS} parts, one each {PAUSE_S * 1000:.0f} ms; one
process each. When the first part has come and when the end has, in ms from the request on, for
streams at once: the medians of all streams of {ROUNDS} rounds. First the model asked directly.
Memory: the most that was resident (PSS) in the rounds of {max(AT_ONCE)} streams.
"""

Times = tuple[float, float]
"""When the first part and the end have come, in ms."""


def compare_streams(folder: pathlib.Path, systems: Sequence[System]) -> None:
    """Print when parts come, for some and for many at once."""
    print(HEAD, end="")
    firsts, ends = ([f"{what}, {n}" for n in AT_ONCE] for what in ("first", "end"))
    header("", *firsts, *ends, "memory, MB")
    turn = json.dumps({"context": CONTEXT, "prompt": "Tell me a story."})
    asked = json.dumps({"model": "m", "messages": [], "stream": True})
    with run_model(folder / "model", SPEAKING) as url:
        print_row("the model itself", [medians(url, MODEL_PATH, asked, PART, n) for n in AT_ONCE])
        for number, system in enumerate(systems):
            place = folder / str(number)
            with (
                run_redis(place / "redis") as redis,
                system.run(place / "system", redis, url, 1) as one,
            ):
                print_row(system.name, *measure(one, turn))


def measure(one: Running, turn: str) -> tuple[list[Times], float]:
    """Return the medians for each count of streams, and the most memory, in MB."""
    medians(one.url, one.stream_path, turn, DELTA, 1)  # the first one prepares things
    few = [medians(one.url, one.stream_path, turn, DELTA, n) for n in AT_ONCE[:-1]]
    many, most = asyncio.run(watch(one, turn, AT_ONCE[-1]))
    return [*few, many], most


def print_row(name: str, taken: Sequence[Times], memory: float | None = None) -> None:
    """Print the first parts, the ends and the memory."""
    cells = [f"{times[place]:.0f}" for place in range(2) for times in taken]
    row(name, *cells, "" if memory is None else f"{memory:.0f}")


async def watch(one: Running, turn: str, count: int) -> tuple[Times, float]:
    """Return the medians of `count` streams at once, and the most memory meanwhile, in MB."""
    work = asyncio.to_thread(medians, one.url, one.stream_path, turn, DELTA, count)
    task, most = asyncio.ensure_future(work), 0.0
    while not task.done():
        most = max(most, memory_mb(one.pid))
        await asyncio.sleep(LOOKS_S)
    return task.result(), most


def medians(url: str, path: str, body: str, mark: str, count: int) -> Times:
    """Return the median times of some rounds of `count` streams."""
    rounds = [asyncio.run(listen_at_once(url, path, body, mark, count)) for _ in range(ROUNDS)]
    firsts, ends = zip(*(times for one in rounds for times in one), strict=True)
    return statistics.median(firsts), statistics.median(ends)


async def listen_at_once(url: str, path: str, body: str, mark: str, count: int) -> list[Times]:
    """Read `count` streams at once."""
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(
        base_url=url, limits=limits, timeout=60, trust_env=False
    ) as client:
        return list(await asyncio.gather(*(listen(client, path, body, mark) for _ in range(count))))


async def listen(client: httpx.AsyncClient, path: str, body: str, mark: str) -> Times:
    """Read one stream; return when a line with `mark` came first, and when all had come.

    Errors: RuntimeError for a stream without such a line.
    """
    begun, first = time.perf_counter(), 0.0
    headers = {"accept": "text/event-stream", "content-type": "application/json"}
    async with client.stream("POST", path, content=body, headers=headers) as response:
        async for line in response.aiter_lines():
            if not first and mark in line:
                first = time.perf_counter()
    if not first:
        raise RuntimeError(f"{path} has no part: {response.status_code}")
    return (first - begun) * 1000, (time.perf_counter() - begun) * 1000
