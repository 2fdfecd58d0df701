"""The values of facts: listed words, and invented words in two halves that have none in common."""

import enum
import random
import string
import zlib

from models import vocabulary as words

ONE_IN_TEST = 8
"""One invented value in this many belongs to `Split.TEST`."""


class Split(enum.Enum):
    """Which invented values a dialogue may use."""

    TRAIN = "train"
    TEST = "test"


def invented_word(rng: random.Random, split: Split) -> str:
    """Invent a pronounceable word of `split`; no word is in both halves."""
    while True:
        word = "".join(
            rng.choice(words.ONSETS) + rng.choice(words.VOWELS) + rng.choice(words.CODAS)
            for _ in range(rng.choice((1, 2, 2, 2, 3)))
        )
        is_test = zlib.crc32(word.encode()) % ONE_IN_TEST == 0
        if 2 <= len(word) <= 11 and is_test == (split is Split.TEST):
            return word


def pick_name(rng: random.Random, split: Split) -> str:
    """Pick a listed or invented name; for `Split.TEST` it is always invented."""
    invented = invented_word(rng, split).capitalize()
    if split is Split.TEST:
        return invented
    known = rng.choice(words.FIRST_NAMES)
    accented = rng.choice(words.ACCENTED_NAMES)
    full = f"{rng.choice((known, invented))} {invented_word(rng, split).capitalize()}"
    return rng.choices((known, invented, accented, full, invented.lower()), (40, 48, 3, 5, 4))[0]


def _number(rng: random.Random) -> str:
    return "".join(rng.choice(string.digits) for _ in range(rng.choice((1, 2, 3, 4, 4, 5, 6))))


def _date(rng: random.Random) -> str:
    return f"{rng.choice(words.MONTHS)} {rng.randint(1, 31)}"


LISTED_VALUES = {
    "city": words.CITIES,
    "color": words.COLORS,
    "food": words.FOODS,
    "animal": words.ANIMALS,
    "job": words.JOBS,
    "hobby": words.HOBBIES,
    "thing": words.THINGS,
}


def pick_value(rng: random.Random, kind: str, split: Split) -> str:
    """Pick a value of `kind`: a listed one, or an invented word."""
    if kind == "name":
        return pick_name(rng, split)
    if kind == "number":
        return _number(rng)
    if kind == "age":
        return str(rng.randint(3, 99))
    if kind == "date":
        return _date(rng)
    invented = invented_word(rng, split)
    if kind == "city":
        invented = invented.capitalize()
    return rng.choice(LISTED_VALUES[kind]) if rng.random() < 2 / 3 else invented
