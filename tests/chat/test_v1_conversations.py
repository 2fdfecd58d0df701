"""Conversations and items of OpenAI's API, through its unmodified client, over a real Redis."""

from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.chat.native import NativeConnection
from tests.chat.native_host import ask, make_service
from tests.chat.openai_client import OTHER_TOKEN, TOKEN, make_client


async def reply(prompt: str) -> str:
    return f"You said {prompt}"


def said(role: str, text: str) -> Any:
    return {"type": "message", "role": role, "content": text}


CALLED: list[Any] = [
    said("user", "What is the weather in Oslo?"),
    {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"at":"Oslo"}'},
    {"type": "function_call_output", "call_id": "c1", "output": "Snow."},
    said("assistant", "It snows."),
]


@pytest.fixture
def client(connection: NativeConnection) -> AsyncOpenAI:
    return make_client(make_service(connection, reply))


async def texts(client: AsyncOpenAI, name: str, **query: Any) -> list[str]:
    found: list[str] = []
    async for item in client.conversations.items.list(name, **query):
        if item.type == "message":
            found += [part.text for part in item.content if hasattr(part, "text")]
        elif item.type == "function_call":
            found.append(f"{item.name} {item.arguments}")
        elif item.type == "function_call_output":
            found.append(str(item.output))
    return found


async def test_a_conversation_begins_with_items_and_metadata_and_both_can_change(
    client: AsyncOpenAI,
) -> None:
    begun = await client.conversations.create(items=CALLED, metadata={"topic": "weather"})
    found = await client.conversations.retrieve(begun.id)
    changed = await client.conversations.update(begun.id, metadata={"topic": "snow"})
    again = await client.conversations.retrieve(begun.id)

    assert found == begun
    assert found.metadata == {"topic": "weather"}
    assert changed.metadata == again.metadata == {"topic": "snow"}
    assert await texts(client, begun.id, order="asc") == [
        "What is the weather in Oslo?", 'weather {"at":"Oslo"}', "Snow.", "It snows.",
    ]  # fmt: skip


async def test_what_is_made_on_one_surface_is_there_on_the_other(
    connection: NativeConnection,
) -> None:
    service = make_service(connection, reply)
    client = make_client(service)
    begun = await client.conversations.create(items=CALLED)
    number = int(begun.id.removeprefix("conv_"))

    _, page = await ask(service, "GET", f"/conversations/{number}/messages", b"", TOKEN)
    _, listed = await ask(service, "GET", "/conversations", b"", TOKEN)
    _, turn = await ask(service, "POST", "/", b'{"id":%d,"prompt":"And now?"}' % number, TOKEN)

    calls = [{"id": "c1", "name": "weather", "arguments": '{"at":"Oslo"}'}]
    assert page["messages"][1]["calls"] == calls
    assert page["messages"][2]["call_id"] == "c1"
    assert listed["conversations"][0]["title"] == "What is the weather in Oslo?"
    assert (await texts(client, begun.id))[:2] == [turn["reply"], "And now?"]


async def test_items_are_listed_page_by_page_from_both_ends(client: AsyncOpenAI) -> None:
    begun = await client.conversations.create()
    for number in range(0, 45, 15):
        items = [said("user", f"word {n}") for n in range(number, number + 15)]
        await client.conversations.items.create(begun.id, items=items)
    everything = [f"word {n}" for n in range(45)]

    page = await client.conversations.items.list(begun.id, limit=2)
    forwards = await texts(client, begun.id, order="asc", limit=7)
    backwards = await texts(client, begun.id, limit=7)

    assert forwards == everything
    assert backwards == everything[::-1]
    assert page.has_more
    assert page.to_dict()["last_id"] == page.data[1].id


async def test_a_conversation_begins_without_a_body(connection: NativeConnection) -> None:
    service = make_service(connection, reply)

    response, begun = await ask(service, "POST", "/v1/conversations", b"", TOKEN)

    assert (response.status, begun["object"], begun["metadata"]) == (200, "conversation", {})


async def test_an_empty_conversation_has_an_empty_page(client: AsyncOpenAI) -> None:
    begun = await client.conversations.create()

    page = await client.conversations.items.list(begun.id)

    assert (page.data, page.has_more) == ([], False)


async def test_items_are_added_shown_and_forgotten_one_by_one(client: AsyncOpenAI) -> None:
    begun = await client.conversations.create(metadata={"a": "b"})
    added = await client.conversations.items.create(begun.id, items=CALLED)

    kinds = [item.type for item in added.data]
    shown = [
        await client.conversations.items.retrieve(str(item.id), conversation_id=begun.id)
        for item in added.data
    ]
    left = await client.conversations.items.delete(str(added.data[1].id), conversation_id=begun.id)

    assert kinds == ["message", "function_call", "function_call_output", "message"]
    assert shown == added.data
    assert left == begun
    with pytest.raises(openai.NotFoundError):
        await client.conversations.items.retrieve(str(added.data[1].id), conversation_id=begun.id)


async def test_roles_and_refusals_are_kept(client: AsyncOpenAI) -> None:
    refusal: Any = {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    items = [said("developer", "Be kind."), said("system", "Be short."), refusal]

    added = await client.conversations.items.create(
        (await client.conversations.create()).id, items=items
    )

    assert [getattr(item, "role", "") for item in added.data] == [
        "developer", "system", "assistant",
    ]  # fmt: skip
    assert added.data[2].to_dict()["content"] == [{"type": "refusal", "refusal": "No."}]


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        pytest.param({"type": "reasoning", "id": "r", "summary": []}, "unsupported_value",
                     "items[0].type", id="another type"),
        pytest.param({"role": "user", "content": [{"type": "input_image", "image_url": "u"}]},
                     "unsupported_value", "items[0].content[0]", id="an image"),
        pytest.param({"role": "bread", "content": "x"}, "invalid_value", "items[0].role",
                     id="no role"),
        pytest.param({"role": "user", "content": " "}, "invalid_value", "items[0].content",
                     id="nothing said"),
        pytest.param({"type": "function_call", "call_id": "c", "name": "f"}, "invalid_value",
                     "items[0].arguments", id="no arguments"),
    ],
)  # fmt: skip
async def test_what_cannot_be_kept_is_refused_by_name(
    client: AsyncOpenAI, item: Any, code: str, param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.conversations.create(items=[item])

    assert (refused.value.code, refused.value.param) == (code, param)


@pytest.mark.parametrize("items", [{}, "", 0, False])
async def test_items_are_a_list_or_nothing(client: AsyncOpenAI, items: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.conversations.create(items=items)

    assert refused.value.param == "items"


async def test_more_items_or_longer_metadata_than_may_be_are_refused(client: AsyncOpenAI) -> None:
    name = (await client.conversations.create()).id

    for act in (
        client.conversations.items.create(name, items=[said("user", "x")] * 21),
        client.conversations.items.create(name, items=[]),
        client.conversations.update(name, metadata={"k" * 65: "v"}),
        client.conversations.update(name, metadata={"k": "v" * 513}),
        client.conversations.update(name, metadata={f"k{n}": "v" for n in range(17)}),
    ):
        with pytest.raises(openai.BadRequestError):
            await act


async def test_the_conversations_of_another_are_not_there(connection: NativeConnection) -> None:
    service = make_service(connection, reply)
    mine, other = make_client(service), make_client(service, OTHER_TOKEN)
    begun = await mine.conversations.create(items=CALLED)
    item = (await mine.conversations.items.list(begun.id)).data[0].id or ""

    for client, name, message in ((other, begun.id, item), (mine, "conv_999", "msg_999_1_0")):
        refusals = []
        for act in (
            client.conversations.retrieve(name),
            client.conversations.update(name, metadata={}),
            client.conversations.items.list(name),
            client.conversations.items.list(name, order="asc"),
            client.conversations.items.create(name, items=[said("user", "x")]),
            client.conversations.items.retrieve(message, conversation_id=name),
            client.conversations.items.delete(message, conversation_id=name),
            client.conversations.delete(name),
        ):
            with pytest.raises(openai.NotFoundError) as refused:
                await act
            refusals.append(refused.value.body)
        assert all(body == refusals[0] for body in refusals)
    assert len(await texts(mine, begun.id)) == 4
