"""A turn in parts through the whole service: its head, its events, and who leaves it."""

import asyncio
import json
from contextlib import AsyncExitStack

from chat.http.call import Request
from chat.http.response import Response
from chat.wiring.service import Service, begin_request
from tests.chat.native import NativeConnection
from tests.chat.native_host import ask, make_service

TURN = {"context": "c", "prompt": "Hello"}


async def reply(prompt: str) -> str:
    await asyncio.sleep(0)
    if "break" in prompt:
        raise RuntimeError("nobody thought of this")
    return f"You said {prompt}"


async def begin(service: Service, token: str = "", **fields: object) -> Response:
    """Send a request for events; return the response, of whose chunks none was read yet."""
    body = json.dumps(fields).encode()

    async def read_body(_: int) -> bytes:
        return body

    headers = {"accept": "text/event-stream", "x-request-id": "an-id"}
    headers |= {"authorization": f"Bearer {token}"} if token else {}
    asked = Request("POST", "/", headers, read_body)
    begin_request(asked)
    async with AsyncExitStack() as closing:
        return await service.answer(asked, closing)


async def read(response: Response) -> list[str]:
    assert response.chunks is not None
    whole = b"".join([chunk async for chunk in response.chunks]).decode()
    first, *events = whole.split("\n\n")[:-1]
    assert first == ":", "the head goes out at once"
    return [event for event in events if event != ":"]


async def test_the_head_has_what_a_plain_answers_has_and_the_result_the_new_credential(
    connection: NativeConnection,
) -> None:
    service = make_service(connection, reply, access="private")

    response = await begin(service, **TURN)
    delta, result = await read(response)

    assert response.status == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-request-id"] == "an-id"
    assert "ratelimit-remaining" in response.headers
    assert delta == 'event: delta\ndata: {"text": "You said Hello"}'
    told = json.loads(result.removeprefix("event: result\ndata: "))
    assert told["reply"] == "You said Hello"
    _, listed = await ask(service, "GET", "/conversations", token=told["token"])
    assert [one["id"] for one in listed["conversations"]] == [told["id"]]
    assert {"model_ms", "prompt_tokens"} <= set(response.facts)


async def test_who_leaves_behind_the_head_leaves_nothing_and_the_next_turn_begins_at_once(
    connection: NativeConnection,
) -> None:
    service = make_service(connection, reply)
    _, begun = await ask(service, "POST", "/", json.dumps(TURN).encode())
    for wanted in (1, 2):
        response = await begin(service, id=begun["id"], prompt="And?")
        assert response.chunks is not None
        for _ in range(wanted):
            await anext(response.chunks)
        busy, _ = await ask(service, "POST", "/", json.dumps({"id": 1, "prompt": "x"}).encode())
        await response.chunks.aclose()
        assert busy.status == 409

    _, page = await ask(service, "GET", f"/conversations/{begun['id']}/messages")
    assert [message["content"] for message in page["messages"]] == ["Hello", "You said Hello"]
    assert len(await read(await begin(service, id=begun["id"], prompt="And?"))) == 2


async def test_an_error_that_nobody_thought_of_is_an_event_and_frees_the_conversation(
    connection: NativeConnection,
) -> None:
    service = make_service(connection, reply)
    _, begun = await ask(service, "POST", "/", json.dumps(TURN).encode())

    response = await begin(service, id=begun["id"], prompt="break")
    (error,) = await read(response)

    assert error.startswith('event: error\ndata: {"error": {"code": "internal_error"')
    assert (response.status, response.facts["code"]) == (200, "internal_error")
    assert len(await read(await begin(service, id=begun["id"], prompt="And?"))) == 2


async def test_what_is_refused_at_once_has_its_own_status(connection: NativeConnection) -> None:
    response = await begin(make_service(connection, reply), id=77, prompt="p")

    assert (response.status, response.chunks) == (404, None)
    assert json.loads(response.body)["error"]["code"] == "conversation_not_found"
