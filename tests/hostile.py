"""Texts that make careless code slow, and a measure of whether code takes linear time on them."""

import time
from collections.abc import Callable, Iterator

UNITS = {
    "newlines": "\n", "spaces": " ", "tabs": "\t", "carriage returns": "\r", "form feeds": "\f",
    "line separators": "\u2028", "next lines": "\x85", "nulls": "\0", "joiners": "\u2060",
    "quotes": '"', "apostrophes": "'", "backslashes": "\\", "backticks": "`", "commas": ",",
    "parentheses": "(", "brackets": "[", "closing brackets": "]", "braces": "{", "less": "<",
    "greater": ">", "pipes": "<|", "square pipes": "<|[|", "slashes": "/", "tags": "</",
    "full-width pipes": "＜｜", "instructions": "[INST", "turns": "<|im_start", "ends": "</s",
    "extras": "<extra_id_1", "long pipes": "<|" + "a" * 59, "markers": "</s>[INST]<|im_end|>",
    "speakers": "User", "speaker lines": "\nUser", "speakers and spaces": "User ",
    "whole speakers": "\nUser:", "speakers and lines": "User\n",
    "a word": "a", "another word": "th", "a long word": "x" * 61, "capitals": "A", "digits": "1",
    "sentences": "a.", "exclamations": "a!", "full stops": ".", "colons": ":", "semicolons": ";",
    "percent signs": "%", "escapes": "%2", "underlines": "_", "stars": "*", "hyphens": "-",
    "plurals": "sses", "pairs": "=1&", "paths": "../", "tildes": "~",
    "CJK": "漢", "Hangul": "한", "Thai": "ก", "Arabic": "ض", "final sigmas": "Σ'",
    "alternating scripts": "aж漢", "marks": "\u0301\u0316", "marked letters": "a\u0301\u0316",
    "emoji": "👩\u200d", "full-width letters": "Ａ", "mathematical letters": "𝐈",
}  # fmt: skip
"""The texts that a hostile text repeats."""
SHORT_CHARACTERS = 500
TIMES_LONGER = 64
MAX_TIMES_SLOWER = 100
RUNS = 5
MOST_RUNS = 25
"""How often a long text is tried before it counts as slow: a busy machine slows many runs down."""
NOISE_S = 0.02
"""A time up to this is too short to be measured well, and counts as linear."""
FAR_TOO_SLOW = 10


def texts(characters: int) -> Iterator[tuple[str, str]]:
    """Yield hostile texts of a length: one unit repeated, and with others between or behind."""
    for name, unit in UNITS.items():
        half = unit * (characters // len(unit) // 2)
        yield name, half + half
        yield f"{name} around a speaker", f"{half}User{half}x"


def slow_texts(act: Callable[[str], object]) -> list[str]:
    """Return the names of the hostile texts on which `act` takes more than linear time."""
    short = dict(texts(SHORT_CHARACTERS))
    long = texts(SHORT_CHARACTERS * TIMES_LONGER)
    return [name for name, text in long if not is_linear(act, short[name], text)]


def is_linear(act: Callable[[str], object], short: str, long: str) -> bool:
    """Whether `act` takes linear time, by the shortest of several runs."""
    runs = times_s(act, long, MOST_RUNS)
    first_s = next(runs)
    if first_s <= NOISE_S:
        return True
    max_s = MAX_TIMES_SLOWER * min(times_s(act, short, RUNS)) + NOISE_S
    return first_s <= FAR_TOO_SLOW * max_s and any(time_s <= max_s for time_s in runs)


def times_s(act: Callable[[str], object], text: str, runs: int) -> Iterator[float]:
    """Yield the CPU time of some runs, as other programs may use the machine, too.

    Each run has a text of its own, as results may be cached.
    """
    for number in range(runs):
        own = text[number:]
        begun = time.thread_time()
        act(own)
        yield time.thread_time() - begun
