"""Reads and writes JSON: one strict reader for data from outside, and one writer.

Whatever the reader accepts, the writer can write and every other JSON reader can read. Both the
reader and the writer recurse into nested lists and objects, and too deep a recursion may end the
instance. So the depth is counted before anything is parsed.
Source: RFC 8259, sections 4, 6, 8.2 and 9.
"""

import json
import math
import re
from array import array
from itertools import accumulate
from typing import Any

MAX_DEPTH = 64
"""How deep lists and objects may be nested."""
MAX_OWN_DEPTH = 900
"""How deep what the stores hold may be nested; the interpreter ends the instance from 1,117 on.

Few windows have so many brackets at all, so that the depth is seldom counted.
"""
MAX_DIGITS = 308
"""The most digits of a whole number.

A whole number is kept digit for digit; with this many digits it is always a finite double, too.
"""
RULES = (
    f"JSON is UTF-8, with up to {MAX_DEPTH} lists and objects in each other, no key twice in an "
    f"object, no half of a surrogate pair, and numbers that are finite doubles; whole ones have up "
    f"to {MAX_DIGITS} digits, which are kept."
)
"""The rules of the strict reader, for callers who send JSON."""

BRACKETS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""Translates opening brackets to 1 and closing brackets to -1, as signed bytes."""
WITHOUT_MEANING = bytes(set(range(256)) - set(b'[]{}"'))
"""The bytes that do not matter for the depth once escaped quotation marks are removed."""
PARSE_ERRORS = (ValueError, KeyError, TypeError, AttributeError)
"""The errors that reading raises when a value does not have the expected shape."""
HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""The escape that half of a surrogate pair begins with; most texts with it have both halves."""


class NotJson(ValueError):
    """A text is not JSON, or breaks one of `RULES`.

    The message says what is wrong and never quotes the text. `field` names the field of the
    outermost object that breaks the rule, where that is known.
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
    if len(digits.removeprefix("-")) > MAX_DIGITS:
        raise NotJson(f"a whole number has more than {MAX_DIGITS} digits")
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
    if nests_deeper(data, MAX_DEPTH):
        raise NotJson(f"more than {MAX_DEPTH} lists and objects stand in each other")
    text = decoded(data)
    try:
        value = STRICT.decode(text)
    except json.JSONDecodeError as error:
        raise _none_from(error) from error
    check_halves(text, value)
    return value


def parse_own_json(data: bytes | str) -> Any:
    """Parse JSON that this component wrote, whose content was checked when it came in.

    Only checks that cost next to nothing are made again: each turn reads a window of hundreds of
    KB. This component writes nothing that nests deep, but somebody else may.
    Errors: NotJson.
    """
    text = decoded(data) if isinstance(data, bytes) else data
    if text.count("[") + text.count("{") > MAX_OWN_DEPTH and nests_deeper(
        text.encode(errors="surrogatepass"), MAX_OWN_DEPTH
    ):
        raise NotJson("lists and objects nest too deep")
    try:
        return OWN.decode(text)
    except json.JSONDecodeError as error:
        raise _none_from(error) from error


def parse_next(text: str, place: int) -> tuple[Any, int]:
    """Parse the value that begins at `place`; return the value, and the place behind it.

    The caller has checked the depth of `text` before.
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
    """Decode UTF-8; `json` would look for other encodings, whose codecs the guest does not have.

    Errors: NotJson.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise NotJson(f"byte {error.start} is not UTF-8") from error


def check_halves(text: str, value: Any) -> None:
    """Check that no text in `value`, which `text` was parsed to, has half of a surrogate pair.

    Errors: NotJson.
    """
    if not HALF.search(text) or _is_whole(value):
        return
    fields = value.items() if isinstance(value, dict) else ()
    field = next((name for name, of in fields if _is_whole(name) and not _is_whole(of)), None)
    raise NotJson("a text has half of a surrogate pair", field)


def _is_whole(value: Any) -> bool:
    """Whether every text in a value is free of halves of surrogate pairs."""
    try:
        render_json_text(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def nests_deeper(data: bytes, most: int) -> bool:
    """Whether more than `most` lists and objects are nested in each other.

    If `data` is not JSON, the answer holds up to the place where a reader finds that out.
    """
    brackets_count = data.count(b"[") + data.count(b"{")
    return brackets_count > most and _deepest(_steps(data), 0) > most


def first_deep_line(data: bytes, most: int) -> int:
    """Return the number of the first line that nests deeper than `most`; 0 if none does."""
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
    """Return 1 for each opening bracket and -1 for each closing one, outside of strings."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = data.translate(BRACKETS, WITHOUT_MEANING).split(b'"')[::2]
    return array("b", b"".join(outside))


def render_json_text(value: Any) -> str:
    """Render JSON; characters beyond ASCII are not escaped.

    Errors: ValueError for NaN and infinity.
    """
    return WRITER.encode(value)


def render_compact(value: Any) -> str:
    """Render JSON without spaces, as the stores keep it."""
    return COMPACT.encode(value)
