"""Redis' answers, commands to Redis, and manifests are handled in linear time."""

import contextlib
import io
from collections.abc import Callable

import pytest

from host.app.expressions import ExpressionError, parse_template
from host.interfaces.resp import RedisError, describe_error, encode_command, read_reply
from tests.hostile import slow_texts

pytestmark = pytest.mark.long


def read(reply: str) -> None:
    with contextlib.suppress(RedisError):
        read_reply(io.BytesIO(reply.encode()))


def parse(template: str) -> None:
    with contextlib.suppress(ExpressionError):
        parse_template(template)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda text: read(f"+{text}\r\n"), id="a status"),
        pytest.param(lambda text: read(f"-{text}\r\n"), id="an error"),
        pytest.param(lambda text: read(f"${len(text.encode())}\r\n{text}\r\n"), id="a string"),
        pytest.param(read, id="no reply"),
        pytest.param(
            lambda text: parse(text.replace("<", "{{a}}").replace("[", "{{")), id="a template"
        ),
        pytest.param(describe_error, id="an error's text"),
        pytest.param(lambda text: encode_command([text.encode()] * 3), id="long arguments"),
        pytest.param(lambda text: encode_command([c.encode() for c in text]), id="many arguments"),
    ],
)
def test_no_text_takes_more_than_linear_time(act: Callable[[str], object]) -> None:
    assert slow_texts(act) == []
