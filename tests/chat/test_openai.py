"""The OpenAI wire format: what is asked, and what an answer is, as a whole and while it comes."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.context.markers import BREAK
from chat.core.errors import ChatError, ModelFailed, ModelTimeout, ModelUnavailable
from chat.core.messages import Completion, Message, Sampling
from chat.core.parameters import MAX_REFUSAL_BYTES, USUAL
from chat.core.tool_calls import CallPart
from chat.llm.openai import OpenAiModel, render_request
from chat.usecases.parts import outcome
from tests.chat.cutting import cut_at

SAMPLING = Sampling(7, 0.5, 0.9, 40, 1.1, 64)
PROMPT = [Message("user", "Hello")]
Received = Sequence[int | bytes | ChatError]


class Endpoint:
    """An endpoint that answers with what it was given, and knows whether it was closed."""

    def __init__(self, received: Received) -> None:
        self._received = received
        self.is_closed = False
        self.given = 0

    async def post(self, body: bytes) -> tuple[int, bytes]:
        raise AssertionError(body)

    async def stream(self, body: bytes) -> AsyncGenerator[int | bytes, None]:
        assert json.loads(body)["stream"] is True
        try:
            for one in self._received:
                if isinstance(one, ChatError):
                    raise one
                self.given += 1
                yield one
        finally:
            self.is_closed = True


def make_word() -> str:
    return "w"


async def complete(*received: int | bytes | ChatError) -> Completion:
    model = OpenAiModel(Endpoint(received), "m", make_word)
    return await outcome(model.complete(PROMPT, SAMPLING))


async def parts_of(*received: int | bytes | ChatError) -> list[str | CallPart | Completion]:
    model = OpenAiModel(Endpoint(received), "m", make_word)
    return [part async for part in model.complete(PROMPT, SAMPLING)]


def answer(content: object, **usage: object) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}], "usage": usage}).encode()


def event(**fields: object) -> bytes:
    return b"data: " + json.dumps(fields, ensure_ascii=False).encode() + b"\n\n"


def delta(content: object, reason: object = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": reason}
    return event(choices=[choice], usage=None)


USED = event(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 4})
DONE = b"data: [DONE]\n\n"


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
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_a_marker_in_a_message_is_broken_up() -> None:
    body = render_request("m", [Message("user", "<|im_start|>system")], SAMPLING).decode()

    assert "<|im_start|>" not in body
    assert body.replace(BREAK, "").count("<|im_start|>system") == 1


# an endpoint that does not stream


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
        (b" \r\n" + answer("Hi."), Completion("Hi.", 0, 0)),
    ],
)
async def test_one_object_is_a_completion(body: bytes, completion: Completion) -> None:
    assert await complete(200, body) == completion
    assert await complete(b"", 200, body[:3], b"", body[3:]) == completion


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
        pytest.param(200, b'{"a":' + b"[" * 100_000, ModelFailed, id="deeply nested within"),
    ],
)
async def test_what_is_no_answer_is_an_error_that_quotes_nothing(
    status: int, body: bytes, error: type[ChatError]
) -> None:
    with pytest.raises(error) as failed:
        await complete(status, body)

    assert "sk-1" not in str(failed.value)


@pytest.mark.parametrize("status", [401, 403])
async def test_an_endpoint_that_refuses_the_key_names_the_setting_and_says_no_more(
    status: int,
) -> None:
    with pytest.raises(ModelFailed) as failed:
        await complete(status, b'{"error":{"message":"bad key sk-1"}}')

    assert str(failed.value) == f"the model's endpoint refuses the key ({status}): see `model_key`"


# an endpoint that streams


WHOLE = [
    event(choices=[{"delta": {"role": "assistant", "content": ""}}]),
    b": a comment\r\n\r\n",
    delta("Grüß"),
    delta(" dich,\n\nAda "),
    event(choices=[{"delta": {"reasoning_content": "hm"}}]),
    delta("😀"),
    b"event: ping\nretry: 7\n\n",
    delta(None, "length"),
    USED,
    DONE,
]
SAID = "Grüß dich,\n\nAda 😀"
COMPLETED = Completion(SAID, 3, 4, finish_reason="length")


async def test_each_read_that_brings_text_is_a_part_and_the_last_is_the_completion() -> None:
    parts = await parts_of(200, *WHOLE)

    assert [part for part in parts if part] == ["Grüß", " dich,\n\nAda", " 😀", COMPLETED]


@given(st.lists(st.integers(0, len(b"".join(WHOLE))), max_size=12))
async def test_an_answer_is_the_same_however_it_is_cut(places: list[int]) -> None:
    *parts, completion = await parts_of(200, *cut_at(b"".join(WHOLE), places))

    assert completion == COMPLETED
    assert "".join(str(part) for part in parts) == SAID


@pytest.mark.parametrize(
    ("received", "completion"),
    [
        pytest.param([delta("Hi."), DONE], Completion("Hi.", 0, 0), id="no usage, no reason"),
        pytest.param(
            [delta("Hi.", "stop")], Completion("Hi.", 0, 0, finish_reason="stop"), id="no end"
        ),
        pytest.param(
            [delta("Hi.", "stop"), b"data: [DONE]"],
            Completion("Hi.", 0, 0, finish_reason="stop"),
            id="no empty line behind the end",
        ),
        pytest.param(
            [delta("Hi.", "stop"), ModelUnavailable("broken")],
            Completion("Hi.", 0, 0, finish_reason="stop"),
            id="a connection that breaks behind the reply",
        ),
        pytest.param(
            [delta(" "), delta("Hi."), delta(" \n"), DONE], Completion("Hi.", 0, 0), id="spaces"
        ),
        pytest.param([DONE, delta("more")], Completion("", 0, 0), id="text behind the end"),
        pytest.param(
            [event(choices=[], prompt_filter_results=[]), delta("Hi."), DONE],
            Completion("Hi.", 0, 0),
            id="a first chunk without a choice",
        ),
        pytest.param(
            [delta([{"type": "thinking"}]), delta("Hi."), DONE], Completion("Hi.", 0, 0), id="parts"
        ),
    ],
)
async def test_what_real_endpoints_send_is_a_completion(
    received: Received, completion: Completion
) -> None:
    assert await complete(200, *received) == completion


@pytest.mark.parametrize(
    ("received", "error"),
    [
        pytest.param([delta("Hi.")], ModelFailed, id="an end without an end"),
        pytest.param([delta("Hi."), ModelUnavailable("x")], ModelUnavailable, id="broken off"),
        pytest.param([delta("Hi.", "stop"), ModelTimeout("x")], ModelTimeout, id="over time"),
        pytest.param([delta("Hi."), b"data: {\n\n", DONE], ModelFailed, id="no JSON"),
        pytest.param([b'data: "\xff"\n\n', DONE], ModelFailed, id="no UTF-8"),
        pytest.param([b"data: 7\n\n", DONE], ModelFailed, id="a number"),
        pytest.param(
            [delta("Hi."), event(error={"message": "sk-1"})], ModelFailed, id="an error within"
        ),
        pytest.param(
            [delta("Hi."), b'event: error\ndata: {"error": "sk-1"}\n\n'],
            ModelFailed,
            id="an error that is a text",
        ),
        pytest.param(
            [delta("Hi."), event(error={"code": 503, "message": "sk-1"})],
            ModelUnavailable,
            id="an error with a status",
        ),
        pytest.param(
            [event(choices=[], usage={"prompt_tokens": 2**32}), DONE], ModelFailed, id="too many"
        ),
    ],
)
async def test_an_answer_that_goes_wrong_is_an_error_that_quotes_nothing(
    received: Received, error: type[ChatError]
) -> None:
    with pytest.raises(error) as failed:
        await complete(200, *received)

    assert "sk-1" not in str(failed.value)


@pytest.mark.parametrize("cut", range(1, 10))
async def test_an_end_marker_of_a_template_is_never_shown(cut: int) -> None:
    marked = "Hi. <|im_end|>"
    at = len(marked) - cut
    more = [delta(marked[:at]), delta(marked[at:] + "\n<|im_start|>user"), delta("And?"), DONE]
    endpoint = Endpoint([200, *more])

    *parts, completion = [
        part async for part in OpenAiModel(endpoint, "m", make_word).complete(PROMPT, SAMPLING)
    ]

    assert "".join(map(str, parts)) == "Hi."
    assert completion == Completion("Hi.", 0, 0, is_whole=False)
    assert endpoint.is_closed
    assert endpoint.given == 3, "what comes behind the marker is not waited for"


@pytest.mark.parametrize("text", ["<s>old</s> [INST]", "a <|im_", "x <b>y</b> <", "User: hi"])
async def test_what_only_looks_like_a_marker_is_shown(text: str) -> None:
    assert (await complete(200, delta(text), DONE)).text == text


async def test_silence_is_an_empty_part_and_ends_an_answer_that_is_done() -> None:
    endpoint = Endpoint([b"", 200, b"", delta("Hi."), b"", DONE, b"", b"", b""])

    parts = [
        part async for part in OpenAiModel(endpoint, "m", make_word).complete(PROMPT, SAMPLING)
    ]

    assert [part for part in parts if part] == ["Hi.", Completion("Hi.", 0, 0)]
    assert parts[:2] == ["", ""]
    assert endpoint.given == 7


async def test_who_wants_no_more_closes_the_answer() -> None:
    endpoint = Endpoint([200, delta("Hi."), delta(" And"), DONE])

    async with aclosing(OpenAiModel(endpoint, "m", make_word).complete(PROMPT, SAMPLING)) as parts:
        assert await anext(parts) == "Hi."

    assert endpoint.is_closed
    assert endpoint.given == 2


# an endpoint that does not take all parameters


class Choosy:
    """An endpoint that refuses some parameters, in words of its own."""

    def __init__(self, refusals: Mapping[str, str], status: int = 400) -> None:
        self._refusals = refusals
        self._status = status
        self.asked: list[set[str]] = []

    async def post(self, body: bytes) -> tuple[int, bytes]:
        raise AssertionError(body)

    async def stream(self, body: bytes) -> AsyncGenerator[int | bytes, None]:
        fields = json.loads(body)
        self.asked.append(set(fields) - {"model", "messages", "stream"})
        refused = next((name for name in self._refusals if name in fields), None)
        yield self._status if refused else 200
        said = self._refusals[refused].encode() if refused else delta("Hi.") + DONE
        yield said[:7]
        yield b""
        yield said[7:MAX_REFUSAL_BYTES]
        yield said[MAX_REFUSAL_BYTES:]


def refusal(message: str, name: str, code: str) -> str:
    """Return a refusal as OpenAI's API has it."""
    error = {"message": message, "type": "invalid_request_error", "param": name, "code": code}
    return json.dumps({"error": error})


REASONING = {
    "max_tokens": refusal(
        "Unsupported parameter: 'max_tokens' is not supported with this model. "
        "Use 'max_completion_tokens' instead.", "max_tokens", "unsupported_parameter",
    ),
    "temperature": refusal(
        "Unsupported value: 'temperature' does not support 0.5 with this model. "
        "Only the default (1) value is supported.", "temperature", "unsupported_value",
    ),
    "top_p": refusal(
        "Unsupported parameter: 'top_p' is not supported with this model.", "top_p",
        "unsupported_parameter",
    ),
}  # fmt: skip
NO_OPTIONS = json.dumps(
    {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "input": {}}]}
)
NOT_BOTH = "`temperature` and `top_p` cannot both be specified for this model."


@pytest.mark.parametrize(
    ("refusals", "status", "last", "times"),
    [
        pytest.param(
            REASONING, 400, {"max_completion_tokens", "stream_options"}, 2, id="a reasoning model"
        ),
        pytest.param(
            {"stream_options": NO_OPTIONS}, 422, {"max_tokens", "temperature", "top_p"}, 2,
            id="no usage",
        ),
        pytest.param(
            {**REASONING, "stream_options": NO_OPTIONS}, 422, {"max_completion_tokens"}, 3,
            id="neither",
        ),
        pytest.param(
            {"top_p": refusal(NOT_BOTH, "", "")}, 400, {"max_tokens", "stream_options"}, 2,
            id="not both",
        ),
        pytest.param(
            {"stream_options": "Unknown parameter: 'stream_options'."}, 400,
            {"max_tokens", "temperature", "top_p"}, 2, id="in other words",
        ),
        pytest.param(
            {"stream_options": "Unrecognized request argument supplied: stream_options"}, 400,
            {"max_tokens", "temperature", "top_p"}, 2, id="in words of old",
        ),
    ],
)  # fmt: skip
async def test_an_endpoint_is_asked_again_without_the_parameters_that_it_refuses(
    refusals: Mapping[str, str], status: int, last: set[str], times: int
) -> None:
    endpoint = Choosy(refusals, status)

    completion = await outcome(OpenAiModel(endpoint, "m", make_word).complete(PROMPT, SAMPLING))

    assert completion == Completion("Hi.", 0, 0)
    assert endpoint.asked[-1] == last
    assert len(endpoint.asked) == times


@pytest.mark.parametrize(
    ("refusals", "parameters", "times"),
    [
        pytest.param(
            {"max_tokens": "'max_tokens' is too large: 7. Unlike 'max_completion_tokens' ..."},
            USUAL, 1, id="a value",
        ),
        pytest.param({"top_p": "This model is not supported."}, USUAL, 1, id="no parameter"),
        pytest.param(
            {"max_completion_tokens": "Unknown field `max_completion_tokens`"},
            ("max_completion_tokens",), 1, id="the only limit",
        ),
        pytest.param(
            REASONING | {"max_completion_tokens": "Unknown field `max_completion_tokens`"},
            USUAL, 2, id="both limits",
        ),
        pytest.param(
            {"top_p": " " * MAX_REFUSAL_BYTES + REASONING["top_p"]}, USUAL, 1, id="said too late"
        ),
    ],
)  # fmt: skip
async def test_an_endpoint_that_refuses_anything_else_has_failed(
    refusals: Mapping[str, str], parameters: Sequence[str], times: int
) -> None:
    endpoint = Choosy(refusals)
    model = OpenAiModel(endpoint, "m", make_word, parameters=parameters)

    with pytest.raises(ModelFailed, match="the model's endpoint answered 400"):
        await outcome(model.complete(PROMPT, SAMPLING))

    assert len(endpoint.asked) == times


async def test_nothing_of_a_long_refusal_is_taken_for_an_answer() -> None:
    endpoint = Choosy({"top_p": REASONING["top_p"] + "x" * 2 * MAX_REFUSAL_BYTES})

    completion = await outcome(OpenAiModel(endpoint, "m", make_word).complete(PROMPT, SAMPLING))

    assert completion == Completion("Hi.", 0, 0)


async def test_other_errors_are_no_refusals_of_parameters() -> None:
    endpoint = Choosy(REASONING, 500)

    with pytest.raises(ModelFailed):
        await outcome(OpenAiModel(endpoint, "m", make_word).complete(PROMPT, SAMPLING))

    assert len(endpoint.asked) == 1


async def test_an_endpoint_is_sent_only_the_parameters_that_are_set() -> None:
    endpoint = Choosy({})
    model = OpenAiModel(endpoint, "m", make_word, parameters=("max_completion_tokens", "top_p"))

    await outcome(model.complete(PROMPT, SAMPLING))

    assert endpoint.asked == [{"max_completion_tokens", "top_p"}]
