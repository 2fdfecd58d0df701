"""The component keeps a summary of evicted turns, behind its answers, and shows it to the model."""

import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.test_memories import openai, shown
from tests.running import Asked, ModelEndpoint, RunningHost, RunningRedis, as_flags, run_host

CHAT = "Now tell me something long about another thing, please, and then about a third one. " * 3
MAX_S = 20


def reply(asked: Asked) -> str:
    prompt = json.loads(asked.body)["messages"][-1]["content"]
    return "Ada bakes rye bread." if "What was said since" in prompt else "I see."


@pytest.fixture
def host(
    wasm: pathlib.Path, shared_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> Iterator[RunningHost]:
    assert wasm.exists()
    endpoint.answer = openai(reply)
    variables = [
        f"redis_address={shared_redis.address}", "model_api=openai", f"model_origin={endpoint.url}",
        "context_length=900", "max_reply_tokens=60", "summary_tokens=40",
    ]  # fmt: skip
    with run_host(tmp_path, *as_flags(variables)) as running:
        yield running


def summary_of(host: RunningHost, taken: int) -> Any:
    """Wait for the summary, which is made behind an answer."""
    ends = time.monotonic() + MAX_S
    while time.monotonic() < ends:
        summary = host.client.get(f"/conversations/{taken}").json().get("summary")
        if summary:
            return summary
        time.sleep(0.1)
    raise AssertionError("there is no summary")


def test_evicted_turns_are_summarised_behind_an_answer_and_shown_in_a_later_turn(
    host: RunningHost, endpoint: ModelEndpoint
) -> None:
    taken = int(host.post(context="Be a chef.", prompt="I am Ada. " + CHAT).json()["id"])
    for _ in range(14):
        assert host.post(id=taken, prompt=CHAT).json()["reply"] == "I see."

    summary = summary_of(host, taken)
    answered = host.post(id=taken, prompt="Who am I?").json()

    assert summary["text"] == "Ada bakes rye bread."
    covered = answered["usage"]["summarised_turns"]
    assert covered >= summary["turns"] >= 4
    header = f"Summary of turns 1 to {covered} of this conversation:"
    assert shown(endpoint).startswith(f'Be a chef.\n\n{header}\n"Ada bakes rye bread."')
