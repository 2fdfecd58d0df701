"""Measures how long one turn takes beside the model, by the number of turns before it."""

import math
import pathlib
import random
import statistics
import time
from collections.abc import Mapping, Sequence

import httpx

from bench.clients import Failed, Running
from bench.plots import plot_lines
from bench.systems import NOT_RUN, PROMPT_WORDS, make_talk
from bench.tables import SPREAD, describe, header, ratio, row
from tests.chat.talk import english

PAST_TURNS = (1, 10, 100, 1_000, 10_000)
SAMPLES = {1: 60, 10: 60, 100: 60, 1_000: 30, 10_000: 30}
LEAST_SAMPLES = 3
WARM_UP = 3
MODEL_SAMPLES = 15
CELL_S = 30.0
SLOW_MS = 4000.0
HEAD = f"""
## One turn as the history grows

Milliseconds beside the model, whose own time for bodies of the same size in the same wire format is
taken off: {SPREAD}. One request after the other, of all systems in
turn, so that a busy moment of the machine hits all; up to {max(SAMPLES.values())} samples or
{CELL_S:.0f} s a cell. Not tried: where the cell before took over {SLOW_MS / 1000:.0f} s a turn.
Ours shows the model a full window from about 40 turns on, and looks besides for earlier turns that
belong to the prompt.
"""

Cell = list[float] | str
"""The times of turns in ms, or the reason why there are none."""


def compare_histories(
    running: Sequence[Running], model: httpx.Client, rng: random.Random, pictures: pathlib.Path
) -> None:
    """Print how long a turn takes beside the model, by the number of turns before it."""
    times: dict[str, list[Cell]] = {one.name: [] for one in running}
    for past in PAST_TURNS:
        racers = [Racer(one, rng, past) for one in running if not is_out(times[one.name])]
        cells = {racer.one.name: racer.cell for racer in race(racers, model, rng, past)}
        for name, kept in times.items():
            kept.append(cells.get(name, "not tried"))
    medians = {
        name: [statistics.median(cell) if isinstance(cell, list) else math.nan for cell in cells]
        for name, cells in times.items()
    }
    print_times(times, medians)
    labels = ("turns before", "ms of one turn beside the model")
    plot_lines(pictures / "history.png", PAST_TURNS, medians, labels)


def print_times(
    times: Mapping[str, Sequence[Cell]], medians: Mapping[str, Sequence[float]]
) -> None:
    """Print the table of times, and that of their ratios."""
    print(HEAD, end="")
    header("past turns", *(f"{past:,}" for past in PAST_TURNS))
    for name, cells in times.items():
        row(name, *(cell if isinstance(cell, str) else describe(cell) for cell in cells))
    for name, reason in NOT_RUN.items():
        row(name, *[reason] * len(PAST_TURNS))
    print("\nRatios to the first row, and of a row's cells to each other:")
    header(
        "past turns",
        *(f"{past:,}" for past in PAST_TURNS),
        f"{PAST_TURNS[-1]:,} to {PAST_TURNS[0]:,}",
        f"{PAST_TURNS[-1]:,} to {PAST_TURNS[2]:,}",
    )
    first = next(iter(medians.values()))
    for name, mine in medians.items():
        ratios = [ratio(cell, base) for cell, base in zip(mine, first, strict=True)]
        row(name, *ratios, ratio(mine[-1], mine[0]), ratio(mine[-1], mine[2]))


def is_out(cells: Sequence[Cell]) -> bool:
    """Whether a system need not be tried with longer histories."""
    if not cells:
        return False
    last = cells[-1]
    return isinstance(last, str) or statistics.median(last) > SLOW_MS


class Racer:
    """A system with conversations of one length, and the times of its turns."""

    def __init__(self, one: Running, rng: random.Random, past: int) -> None:
        self.one = one
        self.cell: Cell = []
        self._sizes: list[int] = []
        talk, count = make_talk(rng, past), SAMPLES[past] + WARM_UP
        try:
            if past < SAMPLES[past]:  # its turns would make one conversation much longer
                self._kept = [one.add(talk) for _ in range(count)]
            else:
                self._kept = [one.add(talk)] * count
        except (Failed, ValueError):
            self.cell = "fails"

    def take_turn(self, number: int, prompt: str, model: httpx.Client) -> None:
        """Take a turn, if it can; the times of the first turns, to warm up, are not kept."""
        if isinstance(self.cell, str):
            return
        begun = time.perf_counter()
        try:
            self.one.take_turn(prompt, self._kept[number])
        except (Failed, ValueError):
            self.cell = "fails"
            return
        taken_ms = (time.perf_counter() - begun) * 1000
        self._sizes.append(int(model.get("/seen").json()["bytes"]))
        if number >= WARM_UP:
            self.cell.append(taken_ms)

    def without_model(self, model: httpx.Client) -> "Racer":
        """Return the same times less the model's own time."""
        if isinstance(self.cell, list):
            own_ms = model_ms(model, self.one.model_path, round(statistics.mean(self._sizes)))
            self.cell = [max(0.0, one_ms - own_ms) for one_ms in self.cell]
        return self


def race(
    racers: Sequence[Racer], model: httpx.Client, rng: random.Random, past: int
) -> list[Racer]:
    """Let all systems take turns, one after the other, until each has used up its time."""
    spent_s = dict.fromkeys(racers, 0.0)
    for number in range(SAMPLES[past] + WARM_UP):
        for racer in racers:
            if spent_s[racer] > CELL_S and number >= WARM_UP + LEAST_SAMPLES:
                continue
            begun = time.monotonic()
            racer.take_turn(number, english(rng, PROMPT_WORDS), model)
            spent_s[racer] += time.monotonic() - begun
    return [racer.without_model(model) for racer in racers]


def model_ms(model: httpx.Client, path: str, size: int) -> float:
    """Return the time of the model itself for bodies of a size, in the format of the path."""
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
