"""Which JSON is accepted, and which is refused and why; accepted JSON can be written again."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.core.json_text import (
    MAX_DEPTH,
    MAX_DIGITS,
    NotJson,
    first_deep_line,
    nests_deeper,
    parse_json,
    parse_own_json,
    render_compact,
    render_json_text,
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**MAX_DIGITS) + 1, 10**MAX_DIGITS - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)


@given(VALUES)
def test_what_is_written_is_read_as_it_was(value: Any) -> None:
    for text in (render_json_text(value), render_compact(value), json.dumps(value)):
        assert parse_json(text) == value
        assert parse_json(text.encode()) == value
        assert parse_own_json(text) == value


@given(st.text(alphabet='[]{}"\\u a1:,n'))
def test_whatever_is_taken_can_be_written(text: str) -> None:
    try:
        value = parse_json(text)
    except NotJson:
        return
    assert parse_json(render_json_text(value).encode()) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "from character 0", id="nothing"),
        pytest.param('{"a":1}{', "from character 7", id="more behind it"),
        pytest.param("\ufeff{}", "from character 0", id="a byte order mark"),
        pytest.param("NaN", "NaN is no number", id="not a number"),
        pytest.param('{"a":-Infinity}', "-Infinity is no number", id="an infinity"),
        pytest.param('{"a":1e999}', "larger than any double", id="beyond a double"),
        pytest.param("[-1.0E+400]", "larger than any double", id="below one"),
        pytest.param("9" * (MAX_DIGITS + 1), "308 digits", id="one digit more"),
        pytest.param("-" + "9" * 100_000, "308 digits", id="many digits"),
        pytest.param('{"a":1,"b":{"c":1,"c":1}}', "twice", id="a key twice"),
        pytest.param('{"a":1,"\\u0061":1}', "twice", id="a key twice, once escaped"),
        pytest.param('"\\ud800"', "half of a surrogate", id="a first half"),
        pytest.param('["\\uDC00"]', "half of a surrogate", id="a second half"),
        pytest.param('{"\\ud83d":1}', "half of a surrogate", id="half a key"),
        pytest.param('"\\ude00\\ud83d"', "half of a surrogate", id="halves the wrong way round"),
        pytest.param("[" * (MAX_DEPTH + 1), "more than 64", id="a list too deep"),
        pytest.param('{"a":' * (MAX_DEPTH + 1), "more than 64", id="an object too deep"),
        pytest.param("[" * 1_000_000, "more than 64", id="far too deep"),
        pytest.param('["[[",[' + "[" * MAX_DEPTH, "more than 64", id="behind a string"),
        pytest.param('["\\\\",[' + "[" * MAX_DEPTH, "more than 64", id="behind a backslash"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(NotJson, match=reason):
        parse_json(text)


def test_bytes_that_are_no_utf_8_are_refused() -> None:
    with pytest.raises(NotJson, match="byte 1 is not UTF-8"):
        parse_json(b'"\xff"')


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param('"\\ud83d\\ude00"', "\U0001f600", id="both halves"),
        pytest.param('"\\\\ud800"', "\\ud800", id="a backslash, and text"),
        pytest.param("-0.0", -0.0, id="a negative zero"),
        pytest.param("1e308", 1e308, id="nearly the largest"),
        pytest.param("1e-999", 0.0, id="nearly nothing"),
        pytest.param("-" + "9" * MAX_DIGITS, -(10**MAX_DIGITS) + 1, id="all digits"),
        pytest.param(' {"a" : [ ] }\r\n', {"a": []}, id="with space"),
        pytest.param('"' + "[" * 1000 + '"', "[" * 1000, id="brackets in a string"),
        pytest.param('"\\"' + "[" * 1000 + '\\\\"', '"' + "[" * 1000 + "\\", id="behind quotes"),
        pytest.param("[" + "[]," * 1000 + "{}]", [[]] * 1000 + [{}], id="beside each other"),
    ],
)
def test_what_keeps_the_rules_is_taken(text: str, value: Any) -> None:
    assert parse_json(text) == value


def test_the_deepest_is_taken() -> None:
    text = '{"a":[' * (MAX_DEPTH // 2) + "]}" * (MAX_DEPTH // 2)

    assert render_compact(parse_json(text)) == text


@given(VALUES, st.integers(0, 6))
def test_the_depth_is_that_of_the_value(value: Any, most: int) -> None:
    def depth(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else value
        if not isinstance(value, dict | list):
            return 0
        return 1 + max(map(depth, inner), default=0)

    data = json.dumps(value, ensure_ascii=False).encode()

    assert nests_deeper(data, most) == (depth(value) > most)


def test_the_line_that_is_too_deep_is_named() -> None:
    lines = [b'{"a":"[["}', b'{"a":', b"[[1]]}", b'{"b":[[[2]]]}', b"[[[[[[]]]]]]"]

    assert first_deep_line(b"\n".join(lines), 3) == 4
    assert first_deep_line(b"\n".join(lines), 2) == 3
    assert first_deep_line(b"\n".join(lines), 6) == 0


@pytest.mark.parametrize(
    "part", ["[", "{}", '"', '\\"', "\\\\", "[]", '"["', "\\ud83d", "\n", "é[", '"\\u005c"']
)
def test_the_time_to_look_is_linear(part: str) -> None:
    def taken_s(times: int) -> float:
        data = (part * times).encode()
        begun = time.process_time()
        nests_deeper(data, MAX_DEPTH)
        first_deep_line(data, MAX_DEPTH)
        return time.process_time() - begun

    short_s, long_s = (min(taken_s(n) for _ in range(3)) for n in (10_000, 640_000))

    assert long_s < 200 * short_s + 0.1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1, -float("inf")]])
def test_what_is_no_number_is_not_written(value: Any) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        render_json_text(value)
