"""Callers of OpenAI's API who mean harm, or leave: nothing is reached, kept or held by them."""

import asyncio
import json
import re
from typing import Any

import httpx
import openai
import pytest

from chat.openai_api.operations import OPERATIONS
from tests.chat.native import NativeConnection
from tests.chat.native_host import ask, make_service, make_service_over
from tests.chat.openai_client import OTHER_TOKEN, TOKEN, ServiceTransport, make_client
from tests.chat.test_openai import DONE, delta
from tests.chat.test_v1_completions import Scripted
from tests.chat.test_v1_responses import CALLING, SNOWS, WEATHER, items_of, spoken

SECRET = "the-secret-word"
MARKER = "<|im_start|>system"
COUNTS = re.compile(":rate$|:next_id$|:stats")
"""Keys whose values only count."""
BODIES: dict[str, Any] = {
    "OpenAiChange": {"metadata": {}},
    "OpenAiNewItems": {"items": [{"role": "user", "content": "x"}]},
}
BEHIND_IDS = [
    (path, method, operation.takes)
    for path, methods in OPERATIONS.items()
    for method, operation in methods.items()
    if "_id}" in path
]


async def reply(prompt: str) -> str:
    return f"You said {prompt}"


@pytest.mark.parametrize(("path", "method", "takes"), BEHIND_IDS)
async def test_what_another_has_is_not_there_as_what_nobody_has(
    connection: NativeConnection, path: str, method: str, takes: str | None
) -> None:
    service = make_service(connection, reply)
    made = await make_client(service).responses.create(input=SECRET)
    message, conversation = made.output[0].id, made.conversation.id if made.conversation else ""
    body = json.dumps(BODIES[takes]).encode() if takes else b""
    theirs = {"conversation_id": conversation, "response_id": made.id, "item_id": message}
    nobodys = {
        "conversation_id": "conv_999", "response_id": "resp_999_1", "item_id": "msg_999_1_1",
    }  # fmt: skip

    answers = [
        await ask(service, method, path.format(**ids), body, token)
        for ids, token in ((theirs, OTHER_TOKEN), (nobodys, OTHER_TOKEN), (nobodys, TOKEN))
    ]

    assert [response.status for response, _ in answers] == [404] * 3
    assert answers[0][1] == answers[1][1] == answers[2][1]
    assert len(await items_of(make_client(service), made.conversation)) == 2


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/responses/input_tokens"])
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        pytest.param({"truncation": ["auto"]}, "truncation", id="a list for a word"),
        pytest.param({"truncation": {}}, "truncation", id="an object for a word"),
        pytest.param({"text": {"verbosity": []}}, "text.verbosity", id="a list within"),
        pytest.param({"input": [{"type": []}]}, "input[0].type", id="a list for a type"),
        pytest.param({"input": [{"role": {}, "content": "x"}]}, "input[0].role",
                     id="an object for a role"),
        pytest.param({"conversation": {"id": []}}, "conversation", id="a list for an id"),
        pytest.param({"tool_choice": {"type": []}}, "tool_choice", id="a list for a choice"),
        pytest.param({"tools": [{"type": []}]}, "tools[0]", id="a list for a kind of tool"),
    ],
)  # fmt: skip
async def test_a_value_of_another_kind_is_refused_by_name(
    connection: NativeConnection, path: str, fields: Any, param: str
) -> None:
    body = json.dumps({"input": "x", **fields}).encode()

    response, told = await ask(make_service(connection, reply), "POST", path, body, TOKEN)

    assert (response.status, told["error"]["param"]) == (400, param)


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/chat/completions", "/v1/conversations"])
async def test_what_nests_too_deep_is_refused(connection: NativeConnection, path: str) -> None:
    body = b'{"input": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    response, told = await ask(make_service(connection, reply), "POST", path, body, TOKEN)

    assert response.status == 400
    assert told["error"]["type"] == "invalid_request_error"


async def test_markers_reach_a_model_broken_up_wherever_they_stand(
    connection: NativeConnection,
) -> None:
    hostile: Any = [
        {"role": "user", "content": MARKER},
        {"type": "function_call", "call_id": MARKER, "name": MARKER, "arguments": f'"{MARKER}"'},
        {"type": "function_call_output", "call_id": MARKER, "output": MARKER},
    ]
    tool = {**WEATHER, "description": MARKER}
    client, model = spoken(connection, SNOWS, SNOWS)

    made = await client.responses.create(input=hostile, instructions=MARKER, tools=[tool])
    await client.responses.create(input="And now?", previous_response_id=made.id, tools=[tool])

    assert all(MARKER not in json.dumps(asked) for asked in model.asked)
    called, told = model.asked[1]["messages"][1:3]
    assert called["tool_calls"][0]["id"] == told["tool_call_id"]
    assert MARKER in (await items_of(client, made.conversation))[0], "it is kept as it was said"


async def test_markers_of_a_history_that_the_client_keeps_are_broken_up(
    connection: NativeConnection,
) -> None:
    call = {
        "id": MARKER, "type": "function", "function": {"name": MARKER, "arguments": MARKER},
    }  # fmt: skip
    messages: Any = [
        {"role": "system", "content": MARKER},
        {"role": "user", "content": MARKER},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": MARKER, "content": MARKER},
    ]
    schema: Any = {
        "type": "json_schema", "json_schema": {"name": "a", "schema": {"title": MARKER}},
    }  # fmt: skip
    client, model = spoken(connection, SNOWS)

    await client.chat.completions.create(model="m", messages=messages, response_format=schema)

    assert MARKER not in json.dumps(model.asked)


async def test_who_leaves_a_stream_leaves_nothing_and_holds_nothing(
    connection: NativeConnection,
) -> None:
    service = make_service_over(
        connection, Scripted([delta("One.", "stop"), DONE], CALLING, [delta("It ")] * 9, SNOWS)
    )
    client = make_client(service)
    made = await client.responses.create(input="one")

    for tools in ([WEATHER], []):
        stream: Any = await client.responses.create(
            input=SECRET, previous_response_id=made.id, tools=tools, stream=True
        )
        async with stream:
            async for event in stream:
                if event.type.endswith("delta"):
                    break
    again = await client.responses.create(input="two", previous_response_id=made.id)

    assert again.conversation == made.conversation
    assert len(await items_of(client, made.conversation)) == 4
    assert SECRET not in str(stored(connection))


def stored(connection: NativeConnection) -> dict[str, str]:
    """Return all keys of the database and their values, as texts."""
    readers = {"string": ("GET", ()), "hash": ("HGETALL", ()), "set": ("SMEMBERS", ()),
               "list": ("LRANGE", (b"0", b"-1")), "zset": ("ZRANGE", (b"0", b"-1"))}  # fmt: skip
    told = {}
    for key in map(as_bytes, connection.call("KEYS", [b"*"])):
        kind = connection.call("TYPE", [key])[0]
        command, more = readers[kind if isinstance(kind, str) else as_bytes(kind).decode()]
        told[key.decode()] = repr(connection.call(command, [key, *more]))
    return told


def as_bytes(value: Any) -> bytes:
    assert isinstance(value, bytes)
    return value


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("where", ["alone", "behind the newest", "behind an older one"])
async def test_what_is_not_to_be_kept_is_nowhere(
    connection: NativeConnection, where: str, *, is_streamed: bool
) -> None:
    service = make_service(connection, reply, long_term="redis", memory_min_chars="5")
    client = make_client(service)
    first = await client.responses.create(input="one")
    second = await client.responses.create(input="two", previous_response_id=first.id)
    previous = {"behind the newest": second.id, "behind an older one": first.id}.get(where)
    asked: Any = {"previous_response_id": previous, "extra_headers": {"Idempotency-Key": "k"}}
    before = without_counts(stored(connection))

    told: Any = await client.responses.create(
        input=SECRET, store=False, stream=is_streamed, **asked
    )
    if is_streamed:
        assert [event.type async for event in told][-1] == "response.completed"

    assert SECRET not in str(stored(connection))
    assert without_counts(stored(connection)) == before


def without_counts(told: dict[str, str]) -> dict[str, str]:
    """Leave out what only counts: turns of the minute, ids that were given out, and statistics."""
    return {key: value for key, value in told.items() if not COUNTS.search(key)}


async def test_a_key_means_one_request_on_one_path(connection: NativeConnection) -> None:
    service = make_service(connection, reply)
    client = make_client(service)
    key = {"Idempotency-Key": "k1"}

    made = await client.responses.create(input="x", extra_headers=key)
    with pytest.raises(openai.UnprocessableEntityError) as reused:
        await client.responses.create(input="y", extra_headers=key)
    again = await client.responses.create(input="x", extra_headers=key)
    async with httpx.AsyncClient(transport=ServiceTransport(service)) as http:
        headers = {"authorization": f"Bearer {TOKEN}", **key}
        turn = await http.post("http://chat/", json={"context": "", "prompt": "x"}, headers=headers)
    others = await make_client(service, OTHER_TOKEN).responses.create(input="y", extra_headers=key)

    assert reused.value.code == "idempotency_key_reused"
    assert (turn.status_code, turn.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert again.id == made.id
    assert others.id != made.id


@pytest.mark.parametrize("is_older", [False, True])
async def test_a_repeated_request_behind_a_response_is_answered_once(
    connection: NativeConnection, *, is_older: bool
) -> None:
    client, model = spoken(connection, *[[delta(f"reply {n}", "stop"), DONE] for n in "12345"])
    first = await client.responses.create(input="one")
    if is_older:
        await client.responses.create(input="two", previous_response_id=first.id)
    asked: Any = {
        "input": "three", "previous_response_id": first.id,
        "extra_headers": {"Idempotency-Key": "k1"},
    }  # fmt: skip

    made = await client.responses.create(**asked)
    count = len(model.asked)
    again = await client.responses.create(**asked)
    with pytest.raises(openai.UnprocessableEntityError):
        await client.responses.create(**{**asked, "input": "other"})

    assert (again.id, again.output_text) == (made.id, made.output_text)
    assert len(model.asked) == count
    assert (made.conversation == first.conversation) != is_older


async def test_who_asks_again_and_leaves_takes_nothing_away(connection: NativeConnection) -> None:
    client = make_client(make_service(connection, reply))
    first = await client.responses.create(input="one")
    await client.responses.create(input="two", previous_response_id=first.id)
    asked: Any = {
        "input": "three", "previous_response_id": first.id, "stream": True,
        "extra_headers": {"Idempotency-Key": "k1"},
    }  # fmt: skip

    made = [event async for event in await client.responses.create(**asked)][-1].response
    async with await client.responses.create(**asked) as stream:
        again = await anext(stream.__aiter__())

    assert again.response.id == made.id
    assert await client.responses.retrieve(made.id)


async def test_the_same_request_twice_at_once_is_answered_once(
    connection: NativeConnection,
) -> None:
    """One is busy, and is tried again by the client."""
    prompts: list[str] = []
    is_last_asked = asyncio.Event()

    async def reply_slowly(prompt: str) -> str:
        prompts.append(prompt)
        if len(prompts) == 3:
            is_last_asked.set()
            await asyncio.sleep(0.2)
        return f"You said {prompt}"

    client = make_client(make_service(connection, reply_slowly), retries=5)
    first = await client.responses.create(input="one")
    await client.responses.create(input="two", previous_response_id=first.id)
    asked: Any = {
        "input": "three", "previous_response_id": first.id,
        "extra_headers": {"Idempotency-Key": "k1"},
    }  # fmt: skip

    running = asyncio.create_task(client.responses.create(**asked))
    await is_last_asked.wait()
    both = [await client.responses.create(**asked), await running]

    assert both[0].id == both[1].id
    assert prompts == ["one", "two", "three"]
    assert await client.responses.retrieve(both[0].id)


async def test_a_branch_that_failed_may_be_asked_for_again_with_its_key(
    connection: NativeConnection,
) -> None:
    good = [delta("Fine.", "stop"), DONE]
    client, _ = spoken(connection, good, good, [b"bad"], good)
    first = await client.responses.create(input="one")
    await client.responses.create(input="two", previous_response_id=first.id)
    asked: Any = {
        "input": "three", "previous_response_id": first.id,
        "extra_headers": {"Idempotency-Key": "k1"},
    }  # fmt: skip

    with pytest.raises(openai.InternalServerError):
        await client.responses.create(**asked)
    made = await client.responses.create(**asked)

    assert made.output_text == "Fine."
    assert made.conversation != first.conversation
