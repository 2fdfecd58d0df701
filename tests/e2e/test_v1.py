"""The official OpenAI client, as anybody has it, over the real component and its stores."""

import json
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.e2e.streaming import event
from tests.e2e.test_data_rights import hosts as both_hosts
from tests.e2e.test_owners import ask, new_token
from tests.looking import look
from tests.minilm import embed
from tests.running import Answer, Asked, ModelEndpoint, RunningHost, RunningRedis

hosts = both_hosts
WEATHER: Any = {
    "type": "function", "name": "weather", "strict": True,
    "parameters": {
        "type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"],
        "additionalProperties": False,
    },
}  # fmt: skip
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}


def answer(asked: Asked) -> Answer:
    """Call a tool if one is given and has no output yet; otherwise reply in two parts."""
    body = json.loads(asked.body)
    if asked.path.endswith("/embeddings"):
        rows = [{"index": n, "embedding": e} for n, e in enumerate(embed(body["input"]))]
        return Answer(json.dumps({"data": rows}).encode())
    if "tools" in body and body["messages"][-1]["role"] != "tool":
        choice = {"message": {"role": "assistant", "content": None, "tool_calls": [CALL]}}
        return Answer(json.dumps({"choices": [choice]}).encode())
    deltas = [{"content": "You "}, {"content": f"said {body['messages'][-1]['content']}"}]
    parts = [event(choices=[{"index": 0, "delta": delta}]) for delta in deltas]
    return Answer(b"".join([*parts, b"data: [DONE]\n\n"]))


@pytest.fixture(params=["redis", "chroma"])
def host(
    request: pytest.FixtureRequest, hosts: dict[str, RunningHost], endpoint: ModelEndpoint
) -> RunningHost:
    endpoint.answer = answer
    return hosts[request.param]


def make_client(host: RunningHost, token: str, retries: int = 0) -> OpenAI:
    return OpenAI(
        base_url=f"{host.url}/v1", api_key=token, max_retries=retries,
        _strict_response_validation=True,
    )  # fmt: skip


def contents(client: OpenAI, conversation: str) -> list[str]:
    listed = client.conversations.items.list(conversation, order="asc")
    return [json.dumps(item.to_dict(), ensure_ascii=False) for item in listed]


def test_turns_plain_and_streamed_are_remembered(host: RunningHost) -> None:
    client = make_client(host, new_token(host))
    told_before: Any = [
        {"role": "user", "content": "I am Zoë 🏍."}, {"role": "assistant", "content": "Hello, Zoë!"},
    ]  # fmt: skip
    begun = client.conversations.create(items=told_before, metadata={"of": "Zoë"})

    first = client.responses.create(input="one", conversation=begun.id)
    with client.responses.stream(
        model=first.model, input="two", previous_response_id=first.id
    ) as stream:
        second = stream.get_final_response()

    assert (first.output_text, second.output_text) == ("You said one", "You said two")
    assert client.conversations.retrieve(begun.id).metadata == {"of": "Zoë"}
    found = client.responses.retrieve(second.id)
    assert (found.id, found.output_text) == (second.id, second.output_text)
    told = contents(client, begun.id)
    assert len(told) == 6
    assert "Zoë 🏍" in told[0]


def test_a_tool_is_called_and_all_of_it_is_rebuilt(
    host: RunningHost, endpoint: ModelEndpoint
) -> None:
    token = new_token(host)
    client = make_client(host, token)
    called = client.responses.create(input="Weather?", tools=[WEATHER])
    output: Any = {"type": "function_call_output", "call_id": "c1", "output": "Snow."}
    told = client.responses.create(
        input=[output], previous_response_id=called.id, tools=[WEATHER], stream=True
    )
    assert [event.type for event in told][-1] == "response.completed"
    conversation = called.conversation.id if called.conversation else ""
    before = contents(client, conversation)

    lines = [json.loads(line) for line in ask(host, "GET", "/export", token).text.splitlines()]
    other = new_token(host)
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    headers = {"authorization": f"Bearer {other}"}
    taken = host.client.post("/import", content=body, headers=headers).json()
    theirs = make_client(host, other)
    name = f"conv_{taken['conversations'][0]['id']}"

    assert [json.loads(item)["type"] for item in before] == [
        "message", "function_call", "function_call_output", "message",
    ]  # fmt: skip
    assert len(contents(theirs, name)) == 4
    theirs.responses.create(input="Bye.", conversation=name)
    asked = [one for one in endpoint.asked if one.path.endswith("/completions")]
    sent = json.loads(asked[-1].body)["messages"]
    assert [one["role"] for one in sent[:4]] == ["user", "assistant", "tool", "assistant"]


def test_an_image_is_passed_on_and_kept_by_its_address(
    host: RunningHost, endpoint: ModelEndpoint
) -> None:
    token, url = new_token(host), "https://cat.test/cat.png?x-signature=s3cret"
    client = make_client(host, token)
    told: Any = [
        {"role": "user", "content": [
            {"type": "input_text", "text": "What is it?"},
            {"type": "input_image", "image_url": url, "detail": "low"},
        ]}
    ]  # fmt: skip
    passed_on = {"type": "image_url", "image_url": {"url": url, "detail": "low"}}
    first = client.responses.create(input=told)
    with client.responses.stream(
        model=first.model, input="And now?", previous_response_id=first.id
    ) as stream:
        stream.until_done()
    branch = client.responses.create(input="Or so?", previous_response_id=first.id)

    asked = [one for one in endpoint.asked if one.path.endswith("/completions")][-3:]
    sent = [json.loads(one.body)["messages"][0]["content"] for one in asked]
    assert [content[1] for content in sent] == [passed_on] * 3
    exported = ask(host, "GET", "/export", token).content
    other = make_client(host, new_token(host))
    headers = {"authorization": f"Bearer {other.api_key}"}
    taken = host.client.post("/import", content=exported, headers=headers).json()
    theirs = f"conv_{taken['conversations'][0]['id']}"
    mine, branched = (one.conversation.id if one.conversation else "" for one in (first, branch))
    for owner, name in ((client, mine), (client, branched), (other, theirs)):
        items = owner.conversations.items
        assert "input_image" in contents(owner, name)[0]
        items.delete(str(items.list(name, order="asc").data[0].id), conversation_id=name)
        assert "input_image" not in "".join(contents(owner, name))
    whole = {"type": "input_image", "image_url": "data:image/gif;base64,R0lGODdh"}
    told[0]["content"][1] = whole
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(input=told)
    assert refused.value.param == "input[0].content[1].image_url"
    assert "s3cret" not in host.output()


def test_what_another_has_is_not_there_and_a_busy_conversation_is_tried_again(
    host: RunningHost, endpoint: ModelEndpoint
) -> None:
    mine, other = (make_client(host, new_token(host)) for _ in range(2))
    made = mine.responses.create(input="one")
    name = made.conversation.id if made.conversation else ""

    for client in (other, make_client(host, "sk-of-openai")):
        with pytest.raises((openai.NotFoundError, openai.AuthenticationError)):
            client.responses.retrieve(made.id)
        with pytest.raises((openai.NotFoundError, openai.AuthenticationError)):
            client.conversations.retrieve(name)

    endpoint.answer = lambda _: Answer(b"", status=503)
    with pytest.raises(openai.InternalServerError) as away:
        mine.responses.create(input="two", conversation=name)
    endpoint.answer = answer
    again = mine.responses.create(input="two", conversation=name)
    assert away.value.type == "server_error"
    assert again.output_text == "You said two"
    assert len(contents(mine, name)) == 4


def test_a_conversation_that_redis_lost_is_there_with_chroma_behind(
    hosts: dict[str, RunningHost], endpoint: ModelEndpoint, shared_redis: RunningRedis
) -> None:
    endpoint.answer = answer
    host = hosts["chroma"]
    client = make_client(host, new_token(host))
    begun = client.conversations.create(metadata={"a": "b"})
    called = client.responses.create(input="Weather?", tools=[WEATHER], conversation=begun.id)
    before = contents(client, begun.id)
    number = begun.id.removeprefix("conv_").encode()
    connection = look(shared_redis)
    keys = connection.call([b"KEYS", b"c:*:%b*" % number])
    connection.call([b"DEL", *keys])  # type: ignore[misc]
    connection.close()

    assert contents(client, begun.id) == before
    assert client.conversations.retrieve(begun.id).metadata == {"a": "b"}
    assert client.responses.retrieve(called.id).output == called.output
