"""Responses of OpenAI's API, through its unmodified client, over a real Redis."""

import asyncio
import json
from typing import Any

import openai
import pydantic
import pytest
from openai import AsyncOpenAI

from tests.chat.native import NativeConnection
from tests.chat.native_host import ask, make_service, make_service_over
from tests.chat.openai_client import OTHER_TOKEN, TOKEN, make_client
from tests.chat.test_openai import DONE, USED, delta
from tests.chat.test_settings import DEFAULTS
from tests.chat.test_tool_calls import piece, pieces
from tests.chat.test_v1_completions import Scripted

MODEL = DEFAULTS["model"]
WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "parameters": {
        "type": "object",
        "properties": {"at": {"type": "string"}},
        "required": ["at"],
        "additionalProperties": False,
    },
    "strict": True,
}
CALLING = [
    pieces(piece(0, "c1", "weather", "")),
    pieces(piece(0, None, None, '{"at":')),
    pieces(piece(0, None, None, '"Oslo"}'), reason="tool_calls"),
    USED,
    DONE,
]
SNOWS = [delta("It "), delta("snows.", "stop"), USED, DONE]


async def reply(prompt: str) -> str:
    return f"You said {prompt}"


@pytest.fixture
def client(connection: NativeConnection) -> AsyncOpenAI:
    return make_client(make_service(connection, reply))


def spoken(connection: NativeConnection, *answers: Any, **changed: str) -> tuple[Any, Scripted]:
    model = Scripted(*answers)
    return make_client(make_service_over(connection, model, **changed)), model


def shown(model: Scripted, at: int = -1) -> list[tuple[str, str]]:
    return [(one["role"], one["content"]) for one in model.asked[at]["messages"]]


async def items_of(client: AsyncOpenAI, conversation: Any) -> list[str]:
    listed = client.conversations.items.list(conversation.id, order="asc")
    return [json.dumps(item.to_dict()) async for item in listed]


async def test_several_turns_go_on_behind_the_response_before(
    connection: NativeConnection,
) -> None:
    client, model = spoken(connection, *[[delta(f"reply {n}", "stop"), USED, DONE] for n in "123"])

    first = await client.responses.create(model=MODEL, input="one", instructions="Be brief.")
    second = await client.responses.create(
        model=MODEL, input="two", previous_response_id=first.id, metadata={"a": "b"}
    )
    third = await client.responses.create(
        model=MODEL, input="three", conversation=second.conversation.id
    )

    assert (first.output_text, first.status) == ("reply 1", "completed")
    assert shown(model, 0) == [("system", "Be brief."), ("user", "one")]
    assert shown(model) == [
        ("user", "one"), ("assistant", "reply 1"), ("user", "two"), ("assistant", "reply 2"),
        ("user", "three"),
    ]  # fmt: skip
    assert first.conversation == third.conversation
    assert (first.usage.input_tokens, first.usage.output_tokens) == (3, 4)
    assert first.instructions == "Be brief."
    found = await client.responses.retrieve(second.id)
    assert found.output == second.output
    assert (found.metadata, found.previous_response_id) == ({"a": "b"}, first.id)
    assert found.usage == second.usage


async def test_behind_an_older_response_there_is_a_branch(connection: NativeConnection) -> None:
    client, model = spoken(connection, *[[delta(f"reply {n}", "stop"), DONE] for n in "1234"])
    first = await client.responses.create(model=MODEL, input="one")
    await client.responses.create(model=MODEL, input="two", previous_response_id=first.id)

    branch = await client.responses.create(
        model=MODEL, input="other", previous_response_id=first.id
    )
    again = await client.responses.create(model=MODEL, input="more", previous_response_id=branch.id)

    assert branch.conversation != first.conversation
    assert again.conversation == branch.conversation
    assert shown(model) == [
        ("user", "one"), ("assistant", "reply 1"), ("user", "other"), ("assistant", "reply 3"),
        ("user", "more"),
    ]  # fmt: skip
    assert len(await items_of(client, first.conversation)) == 4


async def test_a_branch_without_a_reply_is_not_there(connection: NativeConnection) -> None:
    service = make_service_over(
        connection, Scripted([delta("1", "stop"), DONE], [delta("2", "stop"), DONE], [b"bad"])
    )
    client = make_client(service)
    first = await client.responses.create(model=MODEL, input="one")
    await client.responses.create(model=MODEL, input="two", previous_response_id=first.id)

    with pytest.raises(openai.InternalServerError):
        await client.responses.create(model=MODEL, input="x", previous_response_id=first.id)

    _, listed = await ask(service, "GET", "/conversations", b"", TOKEN)
    assert len(listed["conversations"]) == 1


async def test_nothing_is_kept_unless_it_may_be(client: AsyncOpenAI) -> None:
    kept = await client.responses.create(model=MODEL, input="one")
    told = await client.responses.create(
        model=MODEL, input="two", previous_response_id=kept.id, store=False
    )
    alone = await client.responses.create(model=MODEL, input="three", store=False)

    assert (told.output_text, alone.output_text) == ("You said two", "You said three")
    assert len(await items_of(client, kept.conversation)) == 2
    for name in (told.id, alone.id):
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(name)
    again = await client.responses.create(model=MODEL, input="x", previous_response_id=kept.id)
    assert again.conversation == kept.conversation, "nothing holds it"


async def test_items_in_all_roles_make_a_response_and_are_listed(client: AsyncOpenAI) -> None:
    given: Any = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "input_text", "text": "Hello."}]},
        {
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hi.", "annotations": []}],
        },
        {"role": "user", "content": "How are you?"},
    ]

    made = await client.responses.create(model=MODEL, input=given)
    listed = await client.responses.input_items.list(made.id, order="asc")
    newest = await client.responses.input_items.list(made.id, limit=1)

    roles = [getattr(item, "role", "") for item in listed.data]
    assert roles == ["developer", "user", "assistant", "user"]
    assert newest.data == listed.data[-1:]
    assert made.output_text == "You said How are you?"
    assert len(await items_of(client, made.conversation)) == 5


async def test_a_stream_has_the_typed_events_in_their_order(connection: NativeConnection) -> None:
    client, _ = spoken(connection, SNOWS)

    stream = await client.responses.create(model=MODEL, input="Weather?", stream=True)
    events = [event async for event in stream]

    assert [event.type for event in events] == [
        "response.created", "response.in_progress", "response.output_item.added",
        "response.content_part.added", "response.output_text.delta", "response.output_text.delta",
        "response.output_text.done", "response.content_part.done", "response.output_item.done",
        "response.completed",
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(10))
    whole = events[-1].response
    assert whole.id == events[0].response.id
    assert whole.output[0].id == events[2].item.id == events[4].item_id
    assert whole.output_text == "It snows."
    assert await client.responses.retrieve(whole.id) == whole


async def test_a_function_is_called_and_its_output_given_back(connection: NativeConnection) -> None:
    client, model = spoken(connection, CALLING, SNOWS, [delta("Bye.", "stop"), DONE])

    called = await client.responses.create(
        model=MODEL, input="Weather?", tools=[WEATHER], tool_choice="required",
        parallel_tool_calls=False,
    )  # fmt: skip
    (call,) = called.output
    output: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "Snow."}
    told = await client.responses.create(
        model=MODEL, input=[output], previous_response_id=called.id, tools=[WEATHER]
    )
    await client.responses.create(model=MODEL, input="Bye!", previous_response_id=told.id)

    assert (call.name, call.arguments) == ("weather", '{"at":"Oslo"}')
    assert told.output_text == "It snows."
    asked = model.asked[0]
    assert asked["tools"][0]["function"]["name"] == "weather"
    assert (asked["tool_choice"], asked["parallel_tool_calls"]) == ("required", False)
    sent = model.asked[2]["messages"]
    assert [one["role"] for one in sent] == ["user", "assistant", "tool", "assistant", "user"]
    assert sent[1]["tool_calls"][0]["id"] == sent[2]["tool_call_id"] == "c1"
    found = await client.responses.retrieve(called.id)
    assert found.output == called.output
    kinds = [json.loads(item)["type"] for item in await items_of(client, told.conversation)]
    assert kinds[:4] == ["message", "function_call", "function_call_output", "message"]


async def test_a_stream_of_a_call_has_its_parts(connection: NativeConnection) -> None:
    client, _ = spoken(connection, [delta("I look."), *CALLING])

    async with client.responses.stream(model=MODEL, input="Weather?", tools=[WEATHER]) as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()

    assert kinds[6:] == [
        "response.content_part.done", "response.output_item.done", "response.output_item.added",
        "response.function_call_arguments.delta", "response.function_call_arguments.delta",
        "response.function_call_arguments.done", "response.output_item.done", "response.completed",
    ]  # fmt: skip
    assert [item.type for item in final.output] == ["message", "function_call"]
    assert final.output[1].parsed_arguments == {"at": "Oslo"}


class City(pydantic.BaseModel):
    name: str


async def test_a_reply_can_be_parsed(connection: NativeConnection) -> None:
    text = '{"name":"Oslo"}'
    client, model = spoken(connection, *[[delta(text, "stop"), DONE]] * 2)

    parsed = await client.responses.parse(model=MODEL, input="City?", text_format=City)
    async with client.responses.stream(model=MODEL, input="City?", text_format=City) as stream:
        final = await stream.get_final_response()

    assert parsed.output_parsed == final.output_parsed == City(name="Oslo")
    wanted = model.asked[0]["response_format"]
    assert (wanted["type"], wanted["json_schema"]["name"]) == ("json_schema", "City")


async def test_how_tokens_are_picked_is_passed_on(connection: NativeConnection) -> None:
    client, model = spoken(connection, [delta("cut", "length"), USED, DONE])

    made = await client.responses.create(
        model=MODEL, input="x", max_output_tokens=16, temperature=0.25, top_p=0.5
    )

    asked = model.asked[0]
    assert (asked["max_tokens"], asked["temperature"], asked["top_p"]) == (16, 0.25, 0.5)
    assert made.status == "incomplete"
    assert made.incomplete_details.reason == "max_output_tokens"
    assert (await client.responses.retrieve(made.id)).temperature == 0.25


async def test_what_does_not_fit_is_evicted_or_refused(connection: NativeConnection) -> None:
    small = {"context_length": "400", "max_reply_tokens": "50", "recall": "off"}
    client, _ = spoken(connection, *[[delta("fine", "stop"), DONE]] * 6, **small)
    long = "word " * 60
    made = await client.responses.create(model=MODEL, input=long)
    for _ in range(2):
        made = await client.responses.create(
            model=MODEL, input=long, previous_response_id=made.id, truncation="auto"
        )

    with pytest.raises(openai.BadRequestError) as refused:
        await client.responses.create(
            model=MODEL, input=long, previous_response_id=made.id, truncation="disabled"
        )
    with pytest.raises(openai.BadRequestError) as too_long:
        await client.responses.create(model=MODEL, input="word " * 900)

    assert refused.value.code == too_long.value.code == "context_length_exceeded"


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_history_that_is_sent_along_leaves_the_oldest_first(
    connection: NativeConnection, *, is_streamed: bool
) -> None:
    small = {"context_length": "400", "max_reply_tokens": "50", "recall": "off"}
    client, model = spoken(connection, *[[delta("fine", "stop"), DONE]] * 2, **small)
    long = "word " * 15
    history: Any = [{"role": "developer", "content": "Be kind."}]
    for number in range(20):
        history += [
            {"role": "user", "content": f"{number} {long}"},
            {"role": "assistant", "content": f"reply {number}"},
        ]
    asked: Any = {"input": [*history, {"role": "user", "content": "Now?"}], "store": False}

    if is_streamed:
        async with client.responses.stream(model=MODEL, **asked) as stream:
            told = await stream.get_final_response()
    else:
        told = await client.responses.create(**asked)
    with pytest.raises(openai.BadRequestError) as refused:
        await client.responses.create(**asked, truncation="disabled")

    contents = [content for _, content in shown(model)]
    assert told.output_text == "fine"
    assert shown(model)[0] == ("system", "Be kind.")
    assert contents[-3].startswith("19 word")
    assert contents[-2:] == ["reply 19", "Now?"]
    assert 4 < len(contents) < 12
    assert refused.value.code == "context_length_exceeded"


async def test_an_error_in_a_stream_is_its_last_event(connection: NativeConnection) -> None:
    client, _ = spoken(connection, [delta("It ")], SNOWS)

    stream = await client.responses.create(model=MODEL, input="Weather?", stream=True)
    events = [event async for event in stream]
    again = await client.responses.create(model=MODEL, input="Weather?")

    assert (events[-1].type, events[-1].code) == ("error", "model_failed")
    assert events[-1].sequence_number == len(events) - 1
    assert again.output_text == "It snows.", "nothing was kept of the first"


async def test_a_repeated_request_is_answered_once(connection: NativeConnection) -> None:
    client, model = spoken(connection, SNOWS)
    key = {"Idempotency-Key": "k1"}

    first = await client.responses.create(model=MODEL, input="Weather?", extra_headers=key)
    again = await client.responses.create(model=MODEL, input="Weather?", extra_headers=key)
    with pytest.raises(openai.UnprocessableEntityError):
        await client.responses.create(model=MODEL, input="Bread?", extra_headers=key)

    assert again == first
    assert len(model.asked) == 1


async def test_a_forgotten_response_is_gone_with_its_turn(client: AsyncOpenAI) -> None:
    first = await client.responses.create(model=MODEL, input="one")
    second = await client.responses.create(model=MODEL, input="two", previous_response_id=first.id)

    await client.responses.delete(first.id)

    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(first.id)
    assert len(await items_of(client, second.conversation)) == 2


async def test_what_is_counted_is_an_upper_bound(connection: NativeConnection) -> None:
    client, _ = spoken(connection, SNOWS)
    made = await client.responses.create(model=MODEL, input="Weather?")

    alone = await client.responses.input_tokens.count(model=MODEL, input="And now?")
    behind = await client.responses.input_tokens.count(
        model=MODEL, input="And now?", previous_response_id=made.id, tools=[WEATHER]
    )

    assert 0 < alone.input_tokens < behind.input_tokens


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        pytest.param({"background": True}, "background", id="background"),
        pytest.param({"context_management": [{"type": "compaction"}]}, "context_management",
                     id="context management"),
        pytest.param({"tools": [{"type": "web_search"}]}, "tools[0].type", id="a hosted tool"),
        pytest.param({"prompt": {"id": "p"}}, "prompt", id="a prompt"),
        pytest.param({"reasoning": {"effort": "low"}}, "reasoning", id="reasoning"),
        pytest.param({"max_tool_calls": 3}, "max_tool_calls", id="calls of hosted tools"),
        pytest.param({"top_logprobs": 3}, "top_logprobs", id="logprobs"),
        pytest.param({"service_tier": "flex"}, "service_tier", id="a tier"),
        pytest.param({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type",
                     id="a reference"),
    ],
)  # fmt: skip
async def test_what_is_not_done_here_is_refused_by_name(
    client: AsyncOpenAI, asked: Any, param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.responses.create(**{"model": MODEL, "input": "x", **asked})

    assert (refused.value.code, refused.value.param) == ("unsupported_value", param)


async def test_no_response_can_be_cancelled_or_compacted(client: AsyncOpenAI) -> None:
    made = await client.responses.create(model=MODEL, input="x")

    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        await client.responses.cancel(made.id)
    with pytest.raises(openai.BadRequestError, match="compact"):
        await client.responses.compact(model=MODEL, input="x")


async def test_a_response_is_streamed_again_from_any_event_on(connection: NativeConnection) -> None:
    client, _ = spoken(connection, CALLING, [delta("It snows.", "stop"), USED, DONE])
    output: Any = {"type": "function_call_output", "call_id": "c1", "output": "Snow."}

    behind: str | None = None
    for input_ in ("Weather?", [output]):
        told: Any = await client.responses.create(
            input=input_, tools=[WEATHER], stream=True, previous_response_id=behind
        )
        first = [event async for event in told]
        behind = first[-1].response.id
        again = [event async for event in await client.responses.retrieve(behind, stream=True)]
        rest = [
            event
            async for event in await client.responses.retrieve(
                behind, stream=True, starting_after=2
            )
        ]

        kinds = [event.type for event in first if not event.type.endswith(".delta")]
        assert [event.type for event in again if not event.type.endswith(".delta")] == kinds
        assert [event.sequence_number for event in again] == list(range(len(again)))
        assert rest == again[3:]
        assert again[-1].response == await client.responses.retrieve(behind)
        assert again[-1].response.output == first[-1].response.output


@pytest.mark.parametrize(
    ("query", "param"),
    [
        pytest.param("?stream=null", "stream", id="no flag"),
        pytest.param("?stream=true&starting_after=-1", "starting_after", id="no number"),
        pytest.param("?starting_after=1", "starting_after", id="without events"),
        pytest.param("?stream=true&a=b", "a", id="no parameter"),
    ],
)
async def test_how_to_stream_again_is_checked(
    connection: NativeConnection, query: str, param: str
) -> None:
    service = make_service(connection, reply)
    made = await make_client(service).responses.create(input="x")

    response, told = await ask(service, "GET", f"/v1/responses/{made.id}{query}", b"", TOKEN)

    assert (response.status, told["error"]["param"]) == (400, param)


async def test_tools_need_an_endpoint(connection: NativeConnection) -> None:
    service = make_service(connection, reply, model_api="spin")

    with pytest.raises(openai.BadRequestError) as refused:
        await make_client(service).responses.create(model=MODEL, input="x", tools=[WEATHER])

    assert refused.value.param == "tools"


async def test_responses_of_another_are_not_there(connection: NativeConnection) -> None:
    service = make_service(connection, reply)
    mine, other = make_client(service), make_client(service, OTHER_TOKEN)
    made = await mine.responses.create(model=MODEL, input="x")
    conversation = made.conversation.id if made.conversation else ""
    behind: Any
    for client, name, within in ((other, made.id, conversation), (mine, "resp_99_1", "conv_99")):
        for act in (
            client.responses.retrieve(name),
            client.responses.delete(name),
            client.responses.cancel(name),
            client.responses.input_items.list(name),
        ):
            with pytest.raises(openai.NotFoundError) as refused:
                await act
            assert refused.value.code == "response_not_found"
        for behind in ({"previous_response_id": name}, {"conversation": within}):
            for is_streamed in (False, True):
                with pytest.raises(openai.NotFoundError):
                    await client.responses.create(
                        model=MODEL, input="x", stream=is_streamed, **behind
                    )
            with pytest.raises(openai.NotFoundError):
                await client.responses.input_tokens.count(model=MODEL, input="x", **behind)
    assert len(await items_of(mine, made.conversation)) == 2


async def test_two_at_once_behind_one_response_are_both_answered(
    connection: NativeConnection,
) -> None:
    """One goes on, and the other is tried again by the client, and becomes a branch."""
    service = make_service(connection, reply)
    client = make_client(service, retries=3)
    first = await client.responses.create(model=MODEL, input="one")

    both = await asyncio.gather(
        *(
            client.responses.create(model=MODEL, input=text, previous_response_id=first.id)
            for text in ("two", "three")
        )
    )

    assert sorted(one.output_text for one in both) == ["You said three", "You said two"]
    conversations = {one.conversation.id for one in both if one.conversation}
    assert len(conversations) == 2
