"""Measures how many turns a second each system runs, by the number of clients."""

import concurrent.futures
import contextlib
import pathlib
import random
import time

from bench.clients import LightClient, Running
from bench.plots import plot_lines
from bench.systems import PROMPT_WORDS, SYSTEMS, make_talk, run_model, run_redis
from bench.tables import SPREAD, describe, header, row
from tests.chat.talk import english

CONCURRENCY = (1, 8, 64)
TAKES_S = 6.0
WORKERS = 4
PAST_TURNS = 10
PROMPTS = 64
HEAD = f"""
## Turns a second

{WORKERS} worker processes each; every client in a conversation of its own, of {PAST_TURNS} turns
and those that it takes in {TAKES_S:.0f} s. Turns a second, then the ratio to the first row at the
same concurrency; below, ms of a turn, the model's included: {SPREAD}.
"""


def compare_throughput(folder: pathlib.Path, rng: random.Random, pictures: pathlib.Path) -> None:
    """Print how many turns a second each system runs, with each client in its own conversation."""
    results: dict[str, list[tuple[float, list[float]]]] = {}
    for number, system in enumerate(SYSTEMS):
        place = folder / str(number)
        with (
            run_redis(place / "redis") as redis,
            run_model(place / "model") as model_url,
            system.run(place / "system", redis, model_url, WORKERS) as one,
        ):
            results[system.name] = [measure_throughput(one, count, rng) for count in CONCURRENCY]
    print(HEAD, end="")
    header("clients at once", *map(str, CONCURRENCY), *(f"ratio at {n}" for n in CONCURRENCY))
    first = results[SYSTEMS[0].name]
    for name, cells in results.items():
        ratios = [f"{mine[0] / base[0]:.2f}" for mine, base in zip(cells, first, strict=True)]
        row(name, *(f"{rate:.0f}" for rate, _ in cells), *ratios)
    header("clients at once", *map(str, CONCURRENCY))
    for name, cells in results.items():
        row(name, *(describe(taken) for _, taken in cells))
    lines = {name: [rate for rate, _ in cells] for name, cells in results.items()}
    plot_lines(
        pictures / "throughput.png", CONCURRENCY, lines, ("clients at once", "turns a second")
    )


def measure_throughput(one: Running, count: int, rng: random.Random) -> tuple[float, list[float]]:
    """Let clients take turns for a while; return the turns a second, and each turn's time in ms."""
    kept = [one.add(make_talk(rng, PAST_TURNS)) for _ in range(count)]
    prompts = [english(rng, PROMPT_WORDS) for _ in range(PROMPTS)]
    ends = time.perf_counter() + TAKES_S

    def talk(conversation: str) -> list[float]:
        taken: list[float] = []
        with contextlib.closing(LightClient(one.url)) as client:
            while (begun := time.perf_counter()) < ends:
                one.take_turn(prompts[len(taken) % PROMPTS], conversation, client)
                taken.append((time.perf_counter() - begun) * 1000)
        return taken

    begun = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(count) as threads:
        taken = [ms for times in threads.map(talk, kept) for ms in times]
    return len(taken) / (time.perf_counter() - begun), taken
