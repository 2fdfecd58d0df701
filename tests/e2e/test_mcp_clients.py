"""Clients of other people use every tool, resource and prompt, as they are."""

import json
import pathlib
import re
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema_rs
import pytest

from chat.mcp.protocol import HANDSHAKE, MODERN
from chat.mcp.tools import TOOLS
from tests.documents.reading import blocks
from tests.e2e.test_memories import flags, openai
from tests.e2e.test_owners import ask, bearer, new_token, start
from tests.mcp.messages import messages_of
from tests.mcp.others import (
    CLIENTS,
    NODE,
    PROGRAMS,
    Program,
    call,
    npm_packages,
    step,
    texts_of,
)
from tests.mcp.shapes import wrongs_of
from tests.running import Answer, Asked, ModelEndpoint, RunningHost, RunningRedis, run_host

PROGRAMS_AND_VERSIONS = [
    (Program("official_2.py", "auto"), MODERN),
    (Program("official_2.py", "legacy"), HANDSHAKE[0]),
    (Program("official_2.py", MODERN), MODERN),
    (Program("official_1.py"), HANDSHAKE[0]),
    (Program("fast.py"), HANDSHAKE[0]),
    (Program("typescript.mjs", "1.x"), HANDSHAKE[0]),
    (Program("typescript.mjs", "legacy"), HANDSHAKE[0]),
    (Program("typescript.mjs", "auto"), MODERN),
    (Program("typescript.mjs", MODERN), MODERN),
]
EACH = pytest.mark.parametrize(
    ("program", "version"), [pytest.param(*row, id=str(row[0])) for row in PROGRAMS_AND_VERSIONS]
)
PROMPT = "what_do_you_know_about_me"
TEMPLATE = "chat://conversations/{conversation_id}"
BREAD = "Every Sunday the user bakes a dark rye bread with caraway seeds."


@pytest.fixture(scope="module")
def chat(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    assert wasm.exists()
    folder = tmp_path_factory.mktemp("mcp")
    more = ("key_prefix=mcp", "memory_min_chars=10")
    with run_host(folder, *flags(shared_redis, shared_endpoint.url, *more)) as host:
        yield host


@pytest.fixture
def model(endpoint: ModelEndpoint) -> ModelEndpoint:
    endpoint.answer = openai()
    return endpoint


def everything(conversation: int, memory: str) -> list[dict[str, Any]]:
    """Use every tool, resource and prompt; `memory` is forgotten."""
    return [
        step("tools/list"),
        call("remember", content=BREAD),
        call("recall", prompt="What bread does the user bake?", distance_threshold=1),
        call("list_memories", limit=100),
        call("forget", memory_id=memory),
        call("start_conversation", context="You are a chef.", prompt="My name is Ada."),
        call("say", conversation_id=conversation, prompt="What is my name?"),
        call("add_messages", conversation_id=conversation, messages=[
            {"role": "user", "content": "I like rye."}, {"role": "assistant", "content": "Good."},
        ]),
        call("read_conversation", conversation_id=conversation, last=100),
        call("list_conversations"),
        call("search_conversations", prompt="rye"),
        step("resources/list"),
        step("resources/templates/list"),
        step("resources/read", uri=f"chat://conversations/{conversation}"),
        step("resources/read", uri=f"chat://memories/{memory}"),
        step("prompts/list"),
        step("prompts/get", name=PROMPT, arguments={"topic": "bread"}),
        step(
            "completion/complete",
            ref={"type": "ref/resource", "uri": TEMPLATE},
            argument={"name": "conversation_id", "value": str(conversation)},
        ),
    ]  # fmt: skip


def begin(chat: RunningHost) -> tuple[str, int, str]:
    """Return a new owner's token, the id of a conversation, and that of a memory."""
    token = new_token(chat)
    noted = ask(chat, "POST", "/memories", token, content="The user has a blue bicycle.")
    return token, start(chat, token, "Hello."), str(noted.json()["id"])


def code_of_unknown(program: Program, version: str) -> int:
    """Return the code of a resource that is not there, as the client tells it."""
    is_of_old = version != MODERN and str(program) != "typescript.mjs legacy"
    return -32002 if is_of_old else -32602


@EACH
def test_every_tool_resource_and_prompt_can_be_used(
    chat: RunningHost, model: ModelEndpoint, program: Program, version: str
) -> None:
    token, conversation, memory = begin(chat)
    spoken = program.ask(chat.url, token, everything(conversation, memory))
    got: list[Any] = [outcome.get("result") for outcome in spoken.outcomes]

    assert model.asked
    assert spoken.version == version
    tools = {tool["name"]: tool for tool in got[0]["tools"]}
    assert list(tools) == list(TOOLS)
    structured = [result["structuredContent"] for result in got[1:11]]
    for tool, result in zip(TOOLS, structured, strict=True):
        jsonschema_rs.validate(tools[tool]["outputSchema"], result)
    remembered, recalled, listed, forgotten, begun, said, added, read, _, hits = structured
    assert recalled["memories"][0]["id"] == remembered["id"]
    assert memory in {one["id"] for one in listed["memories"]}
    assert forgotten == {"forgotten": {"memories": 1}}
    assert begun["reply"] == said["reply"] == "Fine."
    assert spoken.outcomes[5]["progress"] == spoken.outcomes[6]["progress"] == ["Fine."]
    assert [message["id"] for message in read["messages"]][-2:] == added["message_ids"]
    assert hits["hits"][0]["conversation_id"] == conversation
    assert f"chat://conversations/{conversation}" in {one["uri"] for one in got[11]["resources"]}
    assert TEMPLATE in {one["uriTemplate"] for one in got[12]["resourceTemplates"]}
    assert "I like rye." in got[13]["contents"][0]["text"]
    assert spoken.outcomes[14]["error"]["code"] == code_of_unknown(program, version)
    assert [prompt["name"] for prompt in got[15]["prompts"]] == [PROMPT]
    assert BREAD in got[16]["messages"][0]["content"]["text"]
    assert str(conversation) in got[17]["completion"]["values"]
    for one in spoken.received:
        for message in messages_of(one["body"].encode(), one["media"]):
            assert wrongs_of(message, one["method"], version) == []
    assert bool(spoken.received) == (program.name == "official_2.py")


@EACH
def test_owners_are_apart_and_wrong_arguments_are_told(
    chat: RunningHost, model: ModelEndpoint, program: Program, version: str
) -> None:
    _, conversation, memory = begin(chat)
    steps = [
        call("read_conversation", conversation_id=conversation),
        call("forget", memory_id=memory),
        call("list_conversations"),
        call("list_memories"),
        step("resources/read", uri=f"chat://conversations/{conversation}"),
        call("recall", prompt="x", top_k=1000),
        call("say", prompt="x"),
        call("list_conversations", more=1),
        call("no_such_tool"),
        step("prompts/get", name="no_such_prompt"),
    ]
    spoken = program.ask(chat.url, new_token(chat), steps)

    *tools, read, wrong, missing, more, tool, prompt = spoken.outcomes
    assert model.asked
    assert texts_of(tools[0]).startswith("conversation_not_found: ")
    assert texts_of(tools[1]).startswith("memory_not_found: ")
    assert [outcome["result"]["isError"] for outcome in tools] == [True, True, False, False]
    assert tools[2]["result"]["structuredContent"]["conversations"] == []
    assert tools[3]["result"]["structuredContent"]["memories"] == []
    assert read["error"]["code"] == code_of_unknown(program, version)
    for outcome, text in (
        (wrong, "`top_k` must be a whole number from 0 to 100"),
        (missing, "needs `conversation_id`"),
        (more, "`more` is not a field here"),
    ):
        assert outcome["result"]["isError"]
        assert text in texts_of(outcome)
    assert tool["error"]["code"] == prompt["error"]["code"] == -32602


@EACH
def test_a_conversation_whose_turn_runs_is_busy(
    chat: RunningHost, model: ModelEndpoint, program: Program, version: str
) -> None:
    token, conversation, _ = begin(chat)
    at_work, go_on = threading.Event(), threading.Event()

    def answer(asked: Asked) -> Answer:
        at_work.set()
        go_on.wait(60)
        return openai()(asked)

    model.answer = answer
    with ThreadPoolExecutor() as threads:
        turn = threads.submit(ask, chat, "POST", "/", token, id=conversation, prompt="First.")
        assert at_work.wait(20)
        busy = program.ask(chat.url, token, [call("say", conversation_id=conversation, prompt="x")])
        go_on.set()
        assert turn.result().status_code == 200

    assert busy.version == version
    assert busy.outcomes[0]["result"]["isError"]
    assert texts_of(busy.outcomes[0]).startswith("conversation_busy: ")
    assert "try again in 1 s" in texts_of(busy.outcomes[0])


@EACH
def test_without_a_credential_a_client_gets_nothing(
    chat: RunningHost, program: Program, version: str
) -> None:
    if str(program) == f"official_2.py {MODERN}":  # it connects without a request
        (outcome,) = program.ask(chat.url, "wrong", [step("tools/list")]).outcomes
        assert "result" not in outcome
    else:
        told = r"401|[Uu]nauthorized|authorization|needs a credential|error response|Bearer"
        with pytest.raises(AssertionError, match=told):
            program.ask(chat.url, "wrong", [step("tools/list")])

    assert version
    refused = chat.client.post("/mcp", headers=bearer("wrong"), content=b"{}")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")


CONFIGURATIONS = [
    block for block in blocks("docs/mcp.md") if block.language == "json" and "/mcp" in block.text
]
CONNECT = """
import asyncio, json, sys
from fastmcp import Client
from fastmcp.mcp_config import MCPConfig

async def main():
    async with Client(MCPConfig.from_dict(json.load(sys.stdin))) as client:
        print(json.dumps([tool.name for tool in await client.list_tools()]))

asyncio.run(main())
"""
VARIABLE = re.compile(r"\$\{(?:env:|input:)?(?:CHAT_TOKEN|chat-token)\}|\bCHAT_TOKEN\b")


@pytest.mark.parametrize("block", CONFIGURATIONS, ids=str)
def test_a_configuration_of_the_document_leads_to_the_tools(chat: RunningHost, block: Any) -> None:
    """FastMCP's client reads such configurations, as the clients do that they are for."""
    told = VARIABLE.sub(new_token(chat), block.text).replace("http://127.0.0.1:3000", chat.url)
    configuration = json.loads(told)
    servers = configuration.get("mcpServers") or configuration.get("servers")
    server = {"memory": configuration} if servers is None else servers
    if "command" in server["memory"]:
        program = npm_packages() / "node_modules" / "mcp-remote" / "dist" / "proxy.js"
        packages = json.loads((PROGRAMS / "package.json").read_text())["dependencies"]
        first, name, *arguments = server["memory"]["args"]
        assert (server["memory"]["command"], first) == ("npx", "-y")
        assert name == f"mcp-remote@{packages['mcp-remote']}"
        server["memory"] |= {"command": str(NODE), "args": [str(program), *arguments]}
    done = subprocess.run(
        [CLIENTS, "-c", CONNECT],
        input=json.dumps({"mcpServers": server}),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == list(TOOLS)


def test_the_document_has_a_configuration_for_each_client() -> None:
    assert len(CONFIGURATIONS) == 5
