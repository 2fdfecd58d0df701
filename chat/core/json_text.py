"""Reads and writes JSON: one strict reader for what comes from outside, and one writer.

What the reader takes, the writer can write, and every other reader can read. Both call themselves
for what stands in each other, so that the depth is counted before: where it is too deep for them,
an instance may end.
Source: RFC 8259, sections 4, 6, 8.2 and 9.
"""

import json
import math
import re
from array import array
from itertools import accumulate
from typing import Any

MOST_DEPTH = 64
"""Lists and objects in each other."""
MOST_DIGITS = 308
"""Of a whole number, which is kept digit for digit: so many are always a finite double, too."""
RULES = (
    f"JSON is UTF-8, with up to {MOST_DEPTH} lists and objects in each other, no key twice in an "
    f"object, no half of a surrogate pair, and numbers that are finite doubles; whole ones have up "
    f"to {MOST_DIGITS} digits, which are kept."
)
"""The rules, for who sends it."""

BRACKETS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""Steps into a list or object, and out: 1 and -1, as signed bytes."""
WITHOUT_MEANING = bytes(set(range(256)) - set(b'[]{}"'))
"""What tells nothing of the depth, where no backslash stands before a quotation mark."""
PARSE_ERRORS = (ValueError, KeyError, TypeError, AttributeError)
"""What reading something else as what is expected raises."""
HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""What a half of a surrogate pair may begin with; most such texts have both halves."""


class NotJson(ValueError):
    """A text that is no JSON, or breaks a rule: it says which, and nothing of the text.

    `field` names the field of an object that breaks it, where that is known.
    """

    def __init__(self, problem: str, field: str | None = None) -> None:
        super().__init__(problem)
        self.field = field


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise NotJson("a key stands in an object twice")
    return fields


def _whole(digits: str) -> int:
    if len(digits.removeprefix("-")) > MOST_DIGITS:
        raise NotJson(f"a whole number has more than {MOST_DIGITS} digits")
    return int(digits)


def _double(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise NotJson("a number is larger than any double")
    return number


def _constant(name: str) -> float:
    raise NotJson(f"{name} is no number")


STRICT = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_double, parse_constant=_constant
)
OWN = json.JSONDecoder(parse_constant=_constant)
WRITER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False)
COMPACT = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
)


def parse_json(data: bytes | str) -> Any:
    """Parse JSON that somebody else wrote.

    Errors: NotJson.
    """
    data = data.encode() if isinstance(data, str) else data
    if nests_deeper(data, MOST_DEPTH):
        raise NotJson(f"more than {MOST_DEPTH} lists and objects stand in each other")
    text = decoded(data)
    try:
        value = STRICT.decode(text)
    except json.JSONDecodeError as error:
        raise _none_from(error) from error
    check_halves(text, value)
    return value


def parse_own_json(data: bytes | str) -> Any:
    """Parse JSON that this component wrote; all in it was strict when it came in.

    Nothing but what costs nothing is looked at again: a window has hundreds of KB, in each turn.
    Errors: NotJson.
    """
    try:
        return OWN.decode(decoded(data) if isinstance(data, bytes) else data)
    except json.JSONDecodeError as error:
        raise _none_from(error) from error
    except RecursionError as error:  # no value of ours: somebody else wrote it
        raise NotJson("lists and objects nest too deep") from error


def parse_next(text: str, place: int) -> tuple[Any, int]:
    """Parse the value that begins at a place; return it, and the place behind it.

    Whoever asks has looked at the depth.
    Errors: NotJson.
    """
    try:
        value, end = STRICT.raw_decode(text, place)
    except json.JSONDecodeError as error:
        raise _none_from(error) from error
    check_halves(text[place:end], value)
    return value, end


def _none_from(error: json.JSONDecodeError) -> NotJson:
    return NotJson(f"there is none from character {error.pos} on")


def decoded(data: bytes) -> str:
    """Decode; `json` itself looks for other encodings, which no guest has.

    Errors: NotJson.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise NotJson(f"byte {error.start} is not UTF-8") from error


def check_halves(text: str, value: Any) -> None:
    """Look for halves of surrogate pairs in what a text was parsed to.

    Errors: NotJson.
    """
    if not HALF.search(text) or _is_whole(value):
        return
    fields = value.items() if isinstance(value, dict) else ()
    field = next((name for name, of in fields if _is_whole(name) and not _is_whole(of)), None)
    raise NotJson("a text has half of a surrogate pair", field)


def _is_whole(value: Any) -> bool:
    """Whether no text in a value has half of a surrogate pair."""
    try:
        render_json_text(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def nests_deeper(data: bytes, most: int) -> bool:
    """Whether more than `most` lists and objects stand in each other.

    Of what is no JSON it is told up to where that shows, as far as a reader gets.
    """
    brackets_count = data.count(b"[") + data.count(b"{")
    return brackets_count > most and _deepest(_steps(data), 0) > most


def first_deep_line(data: bytes, most: int) -> int:
    """Return the number of the first line that nests deeper; 0 if none does."""
    if not nests_deeper(data, most):
        return 0
    depth = 0
    for number, line in enumerate(data.split(b"\n"), 1):
        steps = _steps(line)
        if _deepest(steps, depth) > most:
            return number
        depth += sum(steps)
    return 0


def _deepest(steps: "array[int]", begin: int) -> int:
    return max(accumulate(steps, initial=begin))


def _steps(data: bytes) -> "array[int]":
    """Return the steps into lists and objects and out of them: what stands between the strings."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = data.translate(BRACKETS, WITHOUT_MEANING).split(b'"')[::2]
    return array("b", b"".join(outside))


def render_json_text(value: Any) -> str:
    """Render JSON, text as it is and not escaped.

    Errors: ValueError for a number that is none.
    """
    return WRITER.encode(value)


def render_compact(value: Any) -> str:
    """Render JSON without spaces, as it is kept."""
    return COMPACT.encode(value)
