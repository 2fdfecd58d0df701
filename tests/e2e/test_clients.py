"""Other people's clients, unmodified, in environments of their own."""

import json
import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from tests.documents.reading import Block, blocks
from tests.running import (
    OWN_CONFIG,
    ROOT,
    Answer,
    Asked,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    run_host,
)

CLIENTS, LLAMA_INDEX = ROOT / ".venv-clients", ROOT / ".venv-llama-index"
HERE = pathlib.Path(__file__).parent.parent / "clients"
EXAMPLES = [block for block in blocks("README.md", "docs/openai.md") if block.language == "python"]


def run(environment: pathlib.Path, host: RunningHost, token: str, *command: str) -> str:
    """Run a Python program of a client; return what it prints."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "OPENAI_BASE_URL": f"{host.url}/v1",
        "OPENAI_API_KEY": token,
    }
    done = subprocess.run(
        [str(environment / "bin/python"), *command], env=environ, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def chat(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHost]:
    """The chat as `make up` serves it, with the demo model."""
    assert wasm.exists()
    flags = as_flags([f"redis_address={shared_redis.address}", "key_prefix=clients"])
    folder = tmp_path_factory.mktemp("clients")
    with run_host(folder, "--runtime-config-file", OWN_CONFIG, *flags) as host:
        yield host


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_an_example_of_the_documents_remembers(block: Block, chat: RunningHost) -> None:
    token = chat.client.post("/session").json()["token"]
    environment = LLAMA_INDEX if "llama_index" in block.text else CLIENTS

    printed = run(environment, chat, token, "-W", "ignore", "-c", block.text)

    assert "Ada" in printed.splitlines()[-1]
    assert all(line.strip() for line in printed.splitlines())


# a model that calls tools


def forecast(asked: Asked) -> Answer:
    """Call `weather` for a question about it, and tell its output; else tell what is known."""
    told = json.loads(asked.body)
    last = told["messages"][-1]
    message: dict[str, object] = {"role": "assistant", "content": None}
    if last["role"] == "tool":
        message["content"] = f"The weather: {last['content']}"
    elif "weather" in last["content"] and told.get("tools"):
        function = {"name": "weather", "arguments": json.dumps({"city": "Oslo"})}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    else:
        users = [one["content"] for one in told["messages"] if one["role"] == "user"]
        outputs = [one["content"] for one in told["messages"] if one["role"] == "tool"]
        message["content"] = f"You said: {' / '.join(users)} and tools: {' / '.join(outputs)}"
    reason = "tool_calls" if "tool_calls" in message else "stop"
    usage = {"prompt_tokens": 20, "completion_tokens": 5}
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return Answer(json.dumps({"choices": [choice], "usage": usage}).encode())


@pytest.fixture
def calling(
    wasm: pathlib.Path, shared_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> Iterator[RunningHost]:
    assert wasm.exists()
    endpoint.answer = forecast
    variables = [
        f"redis_address={shared_redis.address}", "model_api=openai", "model=caller",
        f"model_origin={endpoint.url}", "key_prefix=calling",
    ]  # fmt: skip
    with run_host(tmp_path, *as_flags(variables)) as host:
        yield host


def test_an_agent_with_a_tool_remembers_over_five_turns_and_in_a_second_process(
    calling: RunningHost,
) -> None:
    token = calling.client.post("/session").json()["token"]
    script = str(HERE / "agents_session.py")

    first = run(CLIENTS, calling, token, script, "", "My name is Ada.", "What is the weather?",
                "I live in Oslo.", "I like tea.", "Who am I?").splitlines()  # fmt: skip
    again = run(CLIENTS, calling, token, script, first[0], "And now?").splitlines()

    assert first[0].startswith("conv_")
    assert first[2] == "The weather: Snow in Oslo."
    assert "My name is Ada." in first[5]
    assert "My name is Ada." in again[1]
    assert "Snow in Oslo." in again[1]
    assert again[0] == first[0]


def test_the_newest_official_client_calls_a_tool_streams_and_raises_its_own_errors(
    calling: RunningHost,
) -> None:
    token = calling.client.post("/session").json()["token"]

    printed = run(CLIENTS, calling, token, str(HERE / "official.py")).splitlines()

    assert printed[0] == "caller"
    assert printed[1] == "The weather: Snow."
    assert printed[2] == printed[3] == "You said: My name is Ada. and tools:"
    assert printed[4] == "404 model_not_found"
    assert printed[5] == "400 n"
