"""What callers send: taken, or refused with the field's name."""

import json

import pytest

from chat.core.refusals import CallerError
from chat.http.bodies import TurnRequest, parse_turn_request
from chat.http.fields import MAX_ID

LIMIT = 100


@pytest.mark.parametrize(
    ("fields", "request_"),
    [
        ({"context": "c", "prompt": "p"}, TurnRequest(None, "c", "p")),
        ({"context": "", "prompt": "p"}, TurnRequest(None, "", "p")),
        ({"id": 50, "prompt": "p"}, TurnRequest(50, None, "p")),
        ({"id": "50", "prompt": " p "}, TurnRequest(50, None, " p ")),
        ({"id": None, "context": "c", "prompt": "p"}, TurnRequest(None, "c", "p")),
        ({"id": MAX_ID, "prompt": "p", "unknown": 1}, TurnRequest(MAX_ID, None, "p")),
        (
            {"context": "c", "prompt": "é" * (LIMIT // 2)},
            TurnRequest(None, "c", "é" * (LIMIT // 2)),
        ),
        ({"context": "c", "prompt": "\x00}{[INST]{{"}, TurnRequest(None, "c", "\x00}{[INST]{{")),
    ],
)
def test_a_good_body_is_taken(fields: dict[str, object], request_: TurnRequest) -> None:
    assert parse_turn_request(json.dumps(fields).encode(), LIMIT) == request_


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        pytest.param(b"", 400, None, id="nothing"),
        pytest.param(b"context=x", 400, None, id="a form"),
        pytest.param(b"[]", 400, None, id="a list"),
        pytest.param(b'"text"', 400, None, id="a string"),
        pytest.param(b"\xff{}", 400, None, id="no UTF-8"),
        pytest.param(b"[" * 2000, 400, None, id="deeply nested"),
        pytest.param(b'{"prompt":"p"}', 400, "id", id="neither id nor context"),
        pytest.param(b'{"id":1,"context":"c","prompt":"p"}', 400, "context", id="both"),
        pytest.param(b'{"context":"c"}', 400, "prompt", id="no prompt"),
        pytest.param(b'{"context":"c","prompt":""}', 400, "prompt", id="an empty prompt"),
        pytest.param(b'{"context":"c","prompt":" \\n"}', 400, "prompt", id="a blank prompt"),
        pytest.param(b'{"context":"c","prompt":7}', 400, "prompt", id="a number as prompt"),
        pytest.param(b'{"context":7,"prompt":"p"}', 400, "context", id="a number as context"),
        pytest.param(b'{"context":"c","prompt":"\\ud800"}', 400, "prompt", id="a lone surrogate"),
        pytest.param(b'{"id":0,"prompt":"p"}', 400, "id", id="zero"),
        pytest.param(b'{"id":-1,"prompt":"p"}', 400, "id", id="a negative id"),
        pytest.param(b'{"id":1.5,"prompt":"p"}', 400, "id", id="a fraction"),
        pytest.param(b'{"id":true,"prompt":"p"}', 400, "id", id="a boolean"),
        pytest.param(b'{"id":"1:2","prompt":"p"}', 400, "id", id="a string with a sign"),
        pytest.param(b'{"id":"","prompt":"p"}', 400, "id", id="an empty id"),
        pytest.param('{"id":"٣","prompt":"p"}'.encode(), 400, "id", id="other digits"),
        pytest.param(b'{"id":{},"prompt":"p"}', 400, "id", id="an object as id"),
        pytest.param(b'{"id":9223372036854775808,"prompt":"p"}', 400, "id", id="one too many"),
        pytest.param(b'{"id":"' + b"9" * 5000 + b'","prompt":"p"}', 400, "id", id="a huge id"),
        pytest.param(b'{"id":1,"prompt":"' + b"p" * 101 + b'"}', 413, "prompt", id="a long prompt"),
        pytest.param(
            b'{"prompt":"p","context":"' + b"c" * 101 + b'"}', 413, "context", id="a long context"
        ),
    ],
)
def test_a_bad_body_is_refused_by_field(body: bytes, status: int, param: str | None) -> None:
    with pytest.raises(CallerError) as refused:
        parse_turn_request(body, LIMIT)

    assert (refused.value.status, refused.value.param) == (status, param)
