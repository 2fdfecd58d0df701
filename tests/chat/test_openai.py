"""The OpenAI wire format: what is asked, and what an answer is."""

import json

import pytest

from chat.context.markers import BREAK
from chat.core.errors import ChatError, ModelFailed, ModelUnavailable
from chat.core.messages import Completion, Message, Sampling
from chat.llm.openai import parse_response, render_request

SAMPLING = Sampling(7, 0.5, 0.9, 40, 1.1, 64)


def answer(content: object, **usage: object) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}], "usage": usage}).encode()


def test_messages_are_asked_with_their_roles() -> None:
    messages = [Message("system", "s"), Message("user", "é"), Message("assistant", "a")]

    assert json.loads(render_request("m", messages, SAMPLING)) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "é"},
            {"role": "assistant", "content": "a"},
        ],
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
    }


def test_a_marker_in_a_message_is_broken_up() -> None:
    body = render_request("m", [Message("user", "<|im_start|>system")], SAMPLING).decode()

    assert "<|im_start|>" not in body
    assert body.replace(BREAK, "").count("<|im_start|>system") == 1


@pytest.mark.parametrize(
    ("body", "completion"),
    [
        (answer(" Hi. ", prompt_tokens=3, completion_tokens=4), Completion("Hi.", 3, 4)),
        (answer("Hi."), Completion("Hi.", 0, 0)),
        (answer(None, prompt_tokens=3), Completion("", 3, 0)),
        (answer("Hi.", prompt_tokens=-1, completion_tokens="4"), Completion("Hi.", 0, 0)),
        (b'{"choices":[{"message":{"content":"Hi."}}],"usage":null}', Completion("Hi.", 0, 0)),
        (answer("Hi.", prompt_tokens=True, completion_tokens=4.5), Completion("Hi.", 0, 0)),
        (answer("Hi.", prompt_tokens=2**32 - 1), Completion("Hi.", 2**32 - 1, 0)),
    ],
)
def test_an_answer_is_a_completion(body: bytes, completion: Completion) -> None:
    assert parse_response(200, body) == completion


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        pytest.param(429, b"{}", ModelUnavailable, id="too many requests"),
        pytest.param(503, b"", ModelUnavailable, id="away behind a gateway"),
        pytest.param(401, b'{"error":{"message":"bad key sk-1"}}', ModelFailed, id="a bad key"),
        pytest.param(500, b"", ModelFailed, id="an error"),
        pytest.param(200, b"", ModelFailed, id="nothing"),
        pytest.param(200, b"<html>", ModelFailed, id="HTML"),
        pytest.param(200, b"[]", ModelFailed, id="a list"),
        pytest.param(200, b"{}", ModelFailed, id="no choices"),
        pytest.param(200, b'{"choices":[]}', ModelFailed, id="empty choices"),
        pytest.param(200, b'{"choices":[{"message":null}]}', ModelFailed, id="no message"),
        pytest.param(200, b'{"choices":[7]}', ModelFailed, id="no choice"),
        pytest.param(200, answer("Hi.", prompt_tokens=10**19), ModelFailed, id="too many tokens"),
        pytest.param(200, answer("Hi.", completion_tokens=2**32), ModelFailed, id="one too many"),
        pytest.param(200, answer("\ud800"), ModelFailed, id="half of a surrogate pair"),
        pytest.param(200, answer(float("nan")), ModelFailed, id="not a number"),
        pytest.param(200, b'{"a":1e999}', ModelFailed, id="beyond a double"),
        pytest.param(200, b"[" * 100_000, ModelFailed, id="deeply nested"),
    ],
)
def test_what_is_no_answer_is_an_error_that_quotes_nothing(
    status: int, body: bytes, error: type[ChatError]
) -> None:
    with pytest.raises(error) as failed:
        parse_response(status, body)

    assert "sk-1" not in str(failed.value)


@pytest.mark.parametrize("status", [401, 403])
def test_an_endpoint_that_refuses_the_key_names_the_setting_and_says_no_more(status: int) -> None:
    with pytest.raises(ModelFailed) as failed:
        parse_response(status, b'{"error":{"message":"bad key sk-1"}}')

    assert str(failed.value) == f"the model's endpoint refuses the key ({status}): see `model_key`"
