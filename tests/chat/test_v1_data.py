"""What came in by OpenAI's API is exported, imported, erased and rebuilt like all else."""

import json
import re
from typing import Any

import pytest

from chat.context.budget import fit_turns
from chat.context.showing import lay_out
from chat.core.messages import Conversation, Message, Turn
from chat.core.tool_calls import ToolCall
from chat.redis.records import parse_turns, render_turn
from tests.chat.native import NativeConnection
from tests.chat.native_host import make_service
from tests.chat.openai_client import OTHER_TOKEN, TOKEN, make_client
from tests.chat.test_v1_conversations import CALLED, texts

CALL = ToolCall("c1", "weather", "{}")


async def reply(prompt: str) -> str:
    return f"You said {prompt}"


async def request(service: Any, method: str, path: str, token: str, content: bytes = b"") -> Any:
    client = make_client(service, token)._client
    headers = {"authorization": f"Bearer {token}"}
    return await client.request(method, f"http://chat{path}", content=content, headers=headers)


async def test_an_export_has_tool_calls_and_metadata_and_is_taken_back(
    connection: NativeConnection,
) -> None:
    service = make_service(connection, reply)
    mine, other = make_client(service), make_client(service, OTHER_TOKEN)
    begun = await mine.conversations.create(items=CALLED, metadata={"topic": "weather"})
    made = await mine.responses.create(
        input="And now?", conversation=begun.id, metadata={"long": "x" * 512}, temperature=0.5
    )

    exported = (await request(service, "GET", "/export", TOKEN)).content
    imported = (await request(service, "POST", "/import", OTHER_TOKEN, exported)).json()
    name = f"conv_{imported['conversations'][0]['id']}"

    assert imported["conversations"][0]["status"] == "imported"
    assert await texts(other, name) == await texts(mine, begun.id)
    assert (await other.conversations.retrieve(name)).metadata == {"topic": "weather"}
    number = made.id.rpartition("_")[2]
    again = await other.responses.retrieve(f"resp_{name.removeprefix('conv_')}_{number}")
    assert (again.output_text, again.metadata) == (made.output_text, made.metadata)
    assert again.temperature == 0.5


async def test_an_erased_owner_has_nothing_of_it(connection: NativeConnection) -> None:
    service = make_service(connection, reply)
    client = make_client(service)
    await client.conversations.create(items=CALLED, metadata={"topic": "weather"})
    await client.responses.create(input="Hello.", metadata={"topic": "secret"})

    receipt = (await request(service, "DELETE", "/me", TOKEN)).json()

    assert receipt["stores"]["redis"]["status"] == "erased"
    exported = (await request(service, "GET", "/export", TOKEN)).text
    assert '"conversation"' not in exported
    keys = [bytes(key) for key in connection.call("KEYS", [b"t:{*"]) if isinstance(key, bytes)]
    assert [key for key in keys if re.search(rb":[0-9]+(:|$)", key)] == []
    assert [key for key in keys if key.endswith((b"conversations", b"memories"))] == []


def test_a_plain_turn_is_stored_as_before_and_one_with_calls_comes_back() -> None:
    plain = Turn(1, (Message("user", "a"), Message("assistant", "b", receipt="r")), 1, 2, 1, 5.0)
    called = Turn(
        2, (Message("user", ""), Message("assistant", "", calls=(CALL,)),
            Message("tool", "", call_id="c1"), None), 1, 2, 1, 5.0,
    )  # fmt: skip

    assert json.loads(render_turn(plain))["messages"] == [
        ["user", "a"], ["assistant", "b", None, None, "r"],
    ]  # fmt: skip
    assert parse_turns(b"[" + render_turn(plain) + b"," + render_turn(called) + b"]") == (
        plain, called,
    )  # fmt: skip


def turn(number: int, *messages: Message) -> Turn:
    return Turn(number, messages, 100, 0, 100, 0.0)


ASKED = Message("user", "Weather?")
CALLING = Message("assistant", "", calls=(CALL,))
OUTPUT = Message("tool", "Snow.", call_id="c1")
TOLD = Message("assistant", "It snows.")


def test_a_call_leaves_with_its_output() -> None:
    turns = [turn(1, ASKED, CALLING), turn(2, OUTPUT, TOLD), turn(3, ASKED, TOLD)]
    conversation = Conversation(1, "", "", 0, 300, 3, tuple(turns))

    fit = fit_turns(conversation, turns, 250)

    assert [one.number for one in fit.evicted] == [1, 2]
    assert fit.window_tokens == 100


@pytest.mark.parametrize(
    ("said", "roles"),
    [
        pytest.param([ASKED, CALLING, OUTPUT, TOLD], ["user", "assistant", "tool", "assistant"],
                     id="both are there"),
        pytest.param([ASKED, CALLING, TOLD, ASKED], ["user", "assistant", "user"],
                     id="no output"),
        pytest.param([ASKED, OUTPUT, TOLD, ASKED], ["user", "assistant", "user"], id="no call"),
        pytest.param([ASKED, CALLING, ASKED, OUTPUT], ["user", "assistant", "user"],
                     id="something between"),
        pytest.param([ASKED, TOLD, CALLING, OUTPUT, ASKED],
                     ["user", "assistant", "tool", "user"], id="a text and a call"),
    ],
)  # fmt: skip
def test_a_model_is_shown_no_call_without_output_and_no_output_without_call(
    said: list[Message], roles: list[str]
) -> None:
    shown = lay_out("", said, has_tools=True)
    without = lay_out("", said, has_tools=False)

    assert [message.role for message in shown] == roles
    assert all(not message.calls and message.call_id is None for message in without)
    assert {message.role for message in without} <= {"user", "assistant"}
    for wanted in (message.content for message in said):
        assert any(wanted in message.content for message in shown)
