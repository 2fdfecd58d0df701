"""Models, embeddings and chat completions of OpenAI's API, through its unmodified client."""

import base64
import json
import struct
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.chat.native import NativeConnection
from tests.chat.native_host import ToldModel, ask, embed_at_once, make_service, make_service_over
from tests.chat.openai_client import OTHER_TOKEN, TOKEN, make_client
from tests.chat.test_openai import DONE, delta
from tests.chat.test_settings import DEFAULTS
from tests.chat.test_tool_calls import IN_PIECES, TWO

MODEL, EMBEDDER = DEFAULTS["model"], DEFAULTS["embedding_model"]
NOTHING = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": name, "strict": True, "parameters": NOTHING}}
    for name in ("add", "now")
]
REMEMBERING = {"long_term": "redis", "memory_min_chars": "5", "memory_max_distance": "2"}


async def reply(prompt: str) -> str:
    return f"You said {prompt}"


class Scripted(ToldModel):
    """A model whose endpoint sends what it was given; `asked` has the requests."""

    def __init__(self, *answers: Sequence[bytes]) -> None:
        super().__init__(reply, embed_at_once)
        self.answers = list(answers)
        self.asked: list[Any] = []

    async def stream(
        self, _: str, __: str, body: bytes | None
    ) -> AsyncGenerator[int | bytes, None]:
        self.asked.append(json.loads(body or b""))
        yield 200
        for chunk in self.answers.pop(0):
            yield chunk


def user(text: str) -> Any:
    return {"role": "user", "content": text}


def said(text: str) -> Any:
    return {"role": "assistant", "content": text}


FINE = [delta("Fi"), delta("ne.", "stop"), DONE]


@pytest.fixture
def client(connection: NativeConnection) -> AsyncOpenAI:
    return make_client(make_service(connection, reply))


def over(connection: NativeConnection, model: ToldModel, **changed: str) -> AsyncOpenAI:
    return make_client(make_service_over(connection, model, **changed))


# models and embeddings


async def test_the_models_are_those_that_the_operator_has_set(client: AsyncOpenAI) -> None:
    listed = [model.id async for model in client.models.list()]
    found = [(await client.models.retrieve(name)).id for name in listed]

    assert listed == found == [MODEL, EMBEDDER]
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.models.retrieve("gpt-5")
    assert unknown.value.code == "model_not_found"


async def test_a_model_with_a_slash_in_its_name_is_found(connection: NativeConnection) -> None:
    name = "meta-llama/Llama-3.2"
    client = make_client(make_service(connection, reply, model=name))

    assert (await client.models.retrieve(name)).id == name


async def test_texts_are_embedded_in_their_order(connection: NativeConnection) -> None:
    service = make_service(connection, reply)
    client = make_client(service)
    usual = make_client(service, is_strict=False)
    # The client asks for base64 unless it is told otherwise; its own types know numbers only.

    numbers = await client.embeddings.create(
        model=EMBEDDER, input=["a", "a b c"], encoding_format="float"
    )
    decoded = await usual.embeddings.create(model=EMBEDDER, input=["a", "a b c"])
    encoded = await usual.embeddings.create(model=EMBEDDER, input="a", encoding_format="base64")

    assert [one.index for one in numbers.data] == [0, 1]
    lengths = [sum(value * value for value in one.embedding) for one in numbers.data]
    assert lengths == pytest.approx([1.0, 1.0])
    assert numbers.data[0].embedding != numbers.data[1].embedding
    for one, other in zip(numbers.data, decoded.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-6)
    packed = base64.b64decode(str(encoded.data[0].embedding))
    assert struct.unpack("<2f", packed) == pytest.approx(numbers.data[0].embedding, abs=1e-6)
    assert numbers.usage.prompt_tokens == numbers.usage.total_tokens > 0


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        pytest.param({"dimensions": 2}, "dimensions", id="dimensions"),
        pytest.param({"encoding_format": "hex"}, "encoding_format", id="a format"),
        pytest.param({"input": [[1, 2]]}, "input", id="tokens"),
        pytest.param({"input": []}, "input", id="no text"),
        pytest.param({"input": ["a", " "]}, "input[1]", id="an empty text"),
        pytest.param({"input": ["a"] * 257}, "input", id="too many texts"),
        pytest.param({"extra_body": {"colour": 1}}, "colour", id="an unknown field"),
    ],
)
async def test_what_cannot_be_embedded_is_refused_by_name(
    client: AsyncOpenAI, asked: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.embeddings.create(**{"model": EMBEDDER, "input": "a", **asked})

    assert refused.value.param == param


# chat completions


async def test_a_conversation_that_the_client_keeps_goes_on(connection: NativeConnection) -> None:
    model = Scripted(FINE, FINE)
    client = over(connection, model)
    messages: list[Any] = [{"role": "developer", "content": "Be brief."}, user("Hello")]

    first = await client.chat.completions.create(model=MODEL, messages=messages)
    messages += [first.choices[0].message.to_dict(), user("And?")]
    second = await client.chat.completions.create(model=MODEL, messages=messages)

    assert second.choices[0].message.content == "Fine."
    assert second.choices[0].finish_reason == "stop"
    assert second.model == MODEL
    assert second.usage is not None
    assert second.usage.total_tokens == second.usage.prompt_tokens + 0
    assert model.asked[1]["messages"] == [
        {"role": "system", "content": "Be brief."},
        user("Hello"),
        said("Fine."),
        user("And?"),
    ]


async def test_a_reply_streams_and_counts_its_tokens_if_wanted(
    connection: NativeConnection,
) -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n'
    client = over(connection, Scripted([*FINE[:2], usage, DONE], FINE))

    stream = await client.chat.completions.create(
        model=MODEL,
        messages=[user("Hello")],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    plain = await client.chat.completions.create(model=MODEL, messages=[user("Hello")], stream=True)

    deltas = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert deltas == ["", "Fi", "ne.", None]
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (3, 4)
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert all([chunk.usage is None and chunk.choices async for chunk in plain])


async def test_tools_are_called_and_their_outputs_come_back_in_order(
    connection: NativeConnection,
) -> None:
    model = Scripted(IN_PIECES, IN_PIECES, FINE)
    client = over(connection, model)
    asked: dict[str, Any] = {"model": MODEL, "tools": TOOLS, "tool_choice": "auto"}

    plain = await client.chat.completions.create(messages=[user("Add.")], **asked)
    async with client.chat.completions.stream(messages=[user("Add.")], **asked) as stream:
        streamed = await stream.get_final_completion()
    called = plain.choices[0].message
    messages = [user("Add."), called.to_dict(), *(
        {"role": "tool", "tool_call_id": call.id, "content": f"is {call.id}"}
        for call in called.tool_calls or []
    )]  # fmt: skip
    last = await client.chat.completions.create(messages=messages, **asked)

    for message in (called, streamed.choices[0].message):
        calls = [call for call in message.tool_calls or [] if call.type == "function"]
        made = [(call.id, call.function.name, call.function.arguments) for call in calls]
        assert made == list(TWO)
    assert plain.choices[0].finish_reason == streamed.choices[0].finish_reason == "tool_calls"
    assert [one["role"] for one in model.asked[2]["messages"]] == [
        "user", "assistant", "tool", "tool",
    ]  # fmt: skip
    assert model.asked[2]["messages"][3]["content"] == "is a2"
    assert last.choices[0].message.content == "Fine."


async def test_parameters_of_one_call_are_passed_on(connection: NativeConnection) -> None:
    model = Scripted(FINE)
    wanted: dict[str, Any] = {
        "temperature": 0.2, "top_p": 0.5, "stop": ["x"], "seed": 7, "frequency_penalty": 0.1,
        "presence_penalty": 0.2, "logit_bias": {"5": 1}, "reasoning_effort": "low",
        "response_format": {"type": "json_object"},
    }  # fmt: skip

    await over(connection, model).chat.completions.create(
        model=MODEL, messages=[user("Hello")], max_completion_tokens=5, user="x", n=1, **wanted
    )

    assert {name: model.asked[0][name] for name in wanted} == wanted
    assert model.asked[0]["max_tokens"] == 5
    assert "user" not in model.asked[0]


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        pytest.param({"n": 2}, "n", id="several replies"),
        pytest.param({"logprobs": True}, "logprobs", id="logprobs"),
        pytest.param({"store": True}, "store", id="to store"),
        pytest.param({"audio": {"voice": "a", "format": "wav"}}, "audio", id="audio"),
        pytest.param({"functions": [{"name": "f"}]}, "functions", id="functions"),
        pytest.param({"temperature": 3}, "temperature", id="a temperature"),
        pytest.param({"max_tokens": 0}, "max_tokens", id="no tokens"),
        pytest.param({"tool_choice": "required"}, "tool_choice", id="a choice without tools"),
        pytest.param({"tools": [{"type": "custom"}]}, "tools[0]", id="a custom tool"),
        pytest.param({"messages": []}, "messages", id="no messages"),
        pytest.param({"messages": [{"role": "king"}]}, "messages[0].role", id="a role"),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content[0]",
            id="an image",
        ),
        pytest.param(
            {"messages": [{"role": "tool", "content": "3", "tool_call_id": "c1"}]},
            "messages[0].tool_call_id",
            id="an output without its call",
        ),
        pytest.param({"extra_body": {"colour": 1}}, "colour", id="an unknown parameter"),
    ],
)
async def test_what_is_not_done_is_refused_by_name(
    client: AsyncOpenAI, asked: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(
            **{"model": MODEL, "messages": [user("Hello")], **asked}
        )

    assert refused.value.param == param


async def test_a_call_without_its_output_is_refused(client: AsyncOpenAI) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    called: Any = {"role": "assistant", "content": None, "tool_calls": [call]}

    for messages in ([user("Add."), called], [user("Add."), called, user("Well?")]):
        with pytest.raises(openai.BadRequestError, match="must be followed"):
            await client.chat.completions.create(model=MODEL, messages=messages)


async def test_any_model_may_be_named_and_the_answer_says_which_one_replied(
    client: AsyncOpenAI,
) -> None:
    answer = await client.chat.completions.create(model="gpt-5", messages=[user("Hi")])

    assert answer.model == MODEL


async def test_no_other_model_embeds_and_no_other_credential_counts(
    connection: NativeConnection,
) -> None:
    service = make_service(connection, reply)

    with pytest.raises(openai.NotFoundError):
        await make_client(service).embeddings.create(model="ada", input="Hi")
    with pytest.raises(openai.AuthenticationError):
        await make_client(service, "sk-1").chat.completions.create(
            model=MODEL, messages=[user("Hi")]
        )


async def test_what_does_not_fit_leaves_the_oldest_turns_first(
    connection: NativeConnection,
) -> None:
    model = Scripted(FINE)
    client = over(connection, model, context_length="600", max_reply_tokens="100")
    turns = [one for n in range(40) for one in (user(f"Question {n}?"), said(f"Answer {n}."))]

    answer = await client.chat.completions.create(model=MODEL, messages=[*turns, user("Last?")])

    shown = [one["content"] for one in model.asked[0]["messages"]]
    assert shown[-1] == "Last?"
    assert shown == [one["content"] for one in [*turns, user("Last?")]][-len(shown) :]
    assert shown[0].startswith("Question")
    receipt: Any = answer.model_extra and answer.model_extra["receipt"]
    assert receipt["evicted_messages"] == 81 - len(shown) > 0


async def test_a_long_loop_of_tools_loses_old_rounds_but_no_output_and_not_the_question(
    connection: NativeConnection,
) -> None:
    model = Scripted(FINE)
    client = over(connection, model, context_length="1200", max_reply_tokens="100")
    messages = [user("Count.")]
    for n in range(30):
        call = {"id": f"c{n}", "type": "function", "function": {"name": "add", "arguments": "{}"}}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{n}", "content": f"{n}"})

    await client.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)

    first, *rest = model.asked[0]["messages"]
    assert first == user("Count.")
    assert 2 <= len(rest) < 60
    calls = [one["tool_calls"][0]["id"] for one in rest[::2]]
    assert calls == [one["tool_call_id"] for one in rest[1::2]]
    assert calls[-1] == "c29"


async def test_a_prompt_that_never_fits_is_an_error_before_the_stream(
    connection: NativeConnection,
) -> None:
    client = over(connection, Scripted(), context_length="100", max_reply_tokens="50")

    for is_streamed in (True, False):
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(
                model=MODEL, messages=[user("word " * 99)], stream=is_streamed
            )
        assert refused.value.code == "context_length_exceeded"


async def test_memories_of_the_owner_are_recalled_and_nobody_elses(
    connection: NativeConnection,
) -> None:
    model = Scripted(FINE, FINE, FINE)
    service = make_service_over(connection, model, **REMEMBERING)
    client, other = make_client(service), make_client(service, OTHER_TOKEN)
    note = {"content": "My cat is called Felix by the chef.", "namespace": "chef"}
    noted, _ = await ask(service, "POST", "/memories", json.dumps(note).encode(), TOKEN)

    first = await client.chat.completions.create(
        model=MODEL, messages=[user("My cat is called Miri.")]
    )
    second = await client.chat.completions.create(
        model=MODEL, messages=[user("What is my cat called?")]
    )
    await other.chat.completions.create(model=MODEL, messages=[user("What is my cat called?")])

    assert first.model_extra
    assert second.model_extra
    [kept, _] = first.model_extra["receipt"]["remembered"]
    assert kept in [one["memory"] for one in second.model_extra["receipt"]["recalled"]]
    mine, others = (json.dumps(asked) for asked in model.asked[1:])
    assert "My cat is called Miri." in mine
    assert noted.status == 201
    assert "Felix" not in mine
    assert "Miri" not in others


async def test_tokens_of_completions_count_for_the_operator(connection: NativeConnection) -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n'
    operator = "the-operator-alone-knows"
    model = Scripted([*FINE[:2], usage, DONE])
    service = make_service_over(connection, model, admin_token=operator)

    await make_client(service).chat.completions.create(model=MODEL, messages=[user("Hi")])

    _, stats = await ask(service, "GET", "/admin/stats", b"", operator)
    assert (stats["total"]["prompt_tokens"], stats["total"]["generated_tokens"]) == (3, 4)
    assert stats["total"]["turns"] == 0


async def test_a_model_that_spin_runs_refuses_tools_by_name(connection: NativeConnection) -> None:
    client = make_client(make_service(connection, reply, model_api="spin"))

    for is_streamed in (True, False):
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(
                model=MODEL, messages=[user("Add.")], tools=TOOLS, stream=is_streamed
            )
        assert refused.value.param == "tools"


async def test_an_error_of_the_model_ends_a_stream_as_the_clients_error(
    connection: NativeConnection,
) -> None:
    client = over(connection, Scripted([delta("Fi"), b"data: {\n\n"]))

    stream = await client.chat.completions.create(
        model=MODEL, messages=[user("Hello")], stream=True
    )

    with pytest.raises(openai.APIError, match="no completion"):
        async for _ in stream:
            pass


async def test_over_the_limit_the_client_learns_when_to_try_again(
    connection: NativeConnection,
) -> None:
    service = make_service(connection, reply, rate_per_owner_per_minute="1")
    client = make_client(service)
    await client.chat.completions.create(model=MODEL, messages=[user("Hi")])

    with pytest.raises(openai.RateLimitError) as limited:
        await client.chat.completions.create(model=MODEL, messages=[user("Hi")])

    assert int(limited.value.response.headers["retry-after"]) > 0
    assert TOKEN not in str(limited.value)
