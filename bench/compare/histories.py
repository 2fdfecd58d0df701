"""How long one turn takes beside the model, by the turns before it."""

import math
import pathlib
import random
import statistics
import time
from collections.abc import Sequence

import httpx

from bench.plots import plot_lines
from bench.systems import PROMPT_WORDS, Failed, Running, make_talk
from bench.tables import SPREAD, describe, header, ratio, row
from tests.chat.talk import english

PAST_TURNS = (1, 10, 100, 1_000, 10_000)
SAMPLES = {1: 40, 10: 40, 100: 40, 1_000: 24, 10_000: 24}
WARM_UP = 3
MODEL_SAMPLES = 15
CELL_S = 40.0
SLOW_MS = 4000.0
HEAD = f"""
## One turn as the history grows

Milliseconds beside the model, whose own time for bodies of the same size in the same wire format is
taken off: {SPREAD}. One request after the other; up to
{max(SAMPLES.values())} samples or {CELL_S:.0f} s a cell. Not tried: where the cell before took over
{SLOW_MS / 1000:.0f} s a turn. Ours shows the model a full window from about 40 turns on, and looks
for earlier turns that belong to the prompt besides.
"""


def compare_histories(
    running: Sequence[Running], model: httpx.Client, rng: random.Random, pictures: pathlib.Path
) -> None:
    """Print how long a turn takes beside the model, by the turns before it."""
    times = {one.name: measure_histories(one, model, rng) for one in running}
    medians = {
        name: [statistics.median(cell) if isinstance(cell, list) else math.nan for cell in cells]
        for name, cells in times.items()
    }
    print(HEAD, end="")
    header("past turns", *(f"{past:,}" for past in PAST_TURNS))
    for name, cells in times.items():
        row(name, *(cell if isinstance(cell, str) else describe(cell) for cell in cells))
    print("\nRatios to the first row, and of a row's cells to each other:")
    header(
        "past turns",
        *(f"{past:,}" for past in PAST_TURNS),
        f"{PAST_TURNS[-1]:,} to {PAST_TURNS[0]:,}",
        f"{PAST_TURNS[-1]:,} to {PAST_TURNS[2]:,}",
    )
    first = medians[running[0].name]
    for name, mine in medians.items():
        ratios = [ratio(cell, base) for cell, base in zip(mine, first, strict=True)]
        row(name, *ratios, ratio(mine[-1], mine[0]), ratio(mine[-1], mine[2]))
    labels = ("turns before", "ms of one turn beside the model")
    plot_lines(pictures / "history.png", PAST_TURNS, medians, labels)


def measure_histories(
    one: Running, model: httpx.Client, rng: random.Random
) -> list[list[float] | str]:
    """Time turns by how many there were before, or say why that cannot be."""
    cells: list[list[float] | str] = []
    for past in PAST_TURNS:
        slow = cells and (isinstance(cells[-1], str) or statistics.median(cells[-1]) > SLOW_MS)
        if slow:
            cells.append("not tried")
            continue
        try:
            cells.append(measure_history(one, model, rng, past))
        except (Failed, ValueError):
            cells.append("fails")
    return cells


def measure_history(
    one: Running, model: httpx.Client, rng: random.Random, past: int
) -> list[float]:
    """Time turns with so many before them, the model's own time taken off; in ms."""
    talk = make_talk(rng, past)
    if past < SAMPLES[past]:  # turns would make it longer
        kept = [one.add(talk) for _ in range(SAMPLES[past] + WARM_UP)]
    else:
        kept = [one.add(talk)] * (SAMPLES[past] + WARM_UP)
    model.get("/seen")
    taken: list[float] = []
    ends = time.monotonic() + CELL_S
    for conversation in kept:
        if time.monotonic() > ends and len(taken) > WARM_UP + 1:
            break
        prompt = english(rng, PROMPT_WORDS)
        begun = time.perf_counter()
        one.take_turn(prompt, conversation)
        taken.append((time.perf_counter() - begun) * 1000)
    own_ms = model_ms(model, one.model_path, int(model.get("/seen").json()["bytes"]))
    return [max(0.0, one_ms - own_ms) for one_ms in taken[WARM_UP:]]


def model_ms(model: httpx.Client, path: str, size: int) -> float:
    """Time the model itself for bodies of a size, in the format that belongs to the path."""
    text = "x" * max(1, size - 60)
    body = {"model": "instant", "messages": [{"role": "user", "content": text}], "prompt": text}
    del body["messages" if path == "/infer" else "prompt"]
    taken = []
    for _ in range(WARM_UP + MODEL_SAMPLES):
        begun = time.perf_counter()
        model.post(path, json=body)
        taken.append((time.perf_counter() - begun) * 1000)
    model.get("/seen")
    return statistics.median(taken[WARM_UP:])
