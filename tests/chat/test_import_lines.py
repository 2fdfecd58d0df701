"""An export that was cut off is refused as not whole, wherever that was."""

import json

import pytest

from chat.core.refusals import InvalidRequest
from chat.http.export_lines import parse_export

LINES = [
    {"type": "export", "version": 1, "exported_at": 5.5, "settings": {}},
    {
        "type": "conversation", "id": 7, "title": None, "context": "Você é um chef. 你好",
        "created_at": 1.5, "active_at": 2.5, "turns": 1, "pinned": False,
    },
    {
        "type": "turn", "conversation_id": 7, "number": 1, "at": 2.5,
        "messages": [{"role": "user", "content": "👋 }\n{"}, {"role": "assistant", "content": "é"}],
    },
    {"type": "end", "conversations": 1, "turns": 1, "memories": 0},
]  # fmt: skip
WHOLE = "\n".join(json.dumps(line, ensure_ascii=False) for line in LINES).encode()


def test_a_whole_file_is_taken() -> None:
    ((head, turns),) = parse_export(WHOLE + b"\n", 1000, 9.0).conversations

    assert (head.id, len(turns)) == (7, 1)


def test_a_file_that_was_cut_anywhere_is_refused_as_not_whole() -> None:
    for end in range(len(WHOLE)):
        with pytest.raises(InvalidRequest, match="not whole"):
            parse_export(WHOLE[:end], 1000, 9.0)


@pytest.mark.parametrize("wrong", [b"{", b"{\xff}", b'"\xc3'])
def test_a_wrong_line_in_the_middle_is_named(wrong: bytes) -> None:
    lines = WHOLE.split(b"\n")
    body = b"\n".join([*lines[:2], wrong, *lines[2:]])

    with pytest.raises(InvalidRequest, match="^line 3 must be JSON in UTF-8: "):
        parse_export(body, 1000, 9.0)


@pytest.mark.parametrize(
    ("place", "changed", "param"),
    [
        pytest.param(0, {"version": True}, "line 1: version", id="a version that is true"),
        pytest.param(0, {"version": 1.5}, "line 1: version", id="another version"),
        pytest.param(1, {"turns": 10**9 + 1}, "line 2: turns", id="more turns than can be"),
        pytest.param(1, {"turns": 10**15}, "line 2: turns", id="far more"),
        pytest.param(1, {"turns": True}, "line 2: turns", id="turns that are true"),
        pytest.param(3, {"turns": True}, "line 4: turns", id="a count that is true"),
    ],
)
def test_a_number_that_cannot_be_is_refused(
    place: int, changed: dict[str, object], param: str
) -> None:
    lines = [dict(line) for line in LINES]
    lines[place] |= changed

    with pytest.raises(InvalidRequest) as refused:
        parse_export("\n".join(map(json.dumps, lines)).encode(), 1000, 9.0)

    assert refused.value.param == param


def test_a_conversation_may_have_as_many_turns_as_can_be() -> None:
    lines = [dict(line) for line in LINES]
    lines[1] |= {"turns": 10**9}

    parse_export("\n".join(map(json.dumps, lines)).encode(), 1000, 9.0)
