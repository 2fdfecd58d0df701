"""Evicted turns are embedded behind the answer, or else by the turn that needs it."""

import contextlib
import json
import pathlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from host.interfaces.resp import Connection
from tests.e2e.test_memories import openai
from tests.looking import look
from tests.running import (
    Answer,
    Asked,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    run_host,
)

FACT = "My sister has moved to Paris."
CHAT = "Now tell me something long about another thing, please, and then about a third one."
MAX_S = 20


class HeldEmbedder:
    """Answers completions at once, and embeddings once it may."""

    def __init__(self) -> None:
        self.is_asked, self.may_embed = threading.Event(), threading.Event()
        self._answer = openai(lambda _: "I see.")

    def __call__(self, asked: Asked) -> Answer:
        if asked.path.endswith("/embeddings"):
            self.is_asked.set()
            self.may_embed.wait(MAX_S)
        return self._answer(asked)


@pytest.fixture
def arguments(wasm: pathlib.Path, own_redis: RunningRedis, endpoint: ModelEndpoint) -> list[str]:
    assert wasm.exists()
    variables = [
        f"redis_address={own_redis.address}", "model_api=openai", f"model_origin={endpoint.url}",
        "context_length=300", "max_reply_tokens=60", "recall=hybrid",
    ]  # fmt: skip
    return as_flags(variables)


@pytest.fixture
def redis(own_redis: RunningRedis) -> Iterator[Connection]:
    with contextlib.closing(look(own_redis)) as connection:
        yield connection


def embedded(redis: Connection) -> set[str]:
    """Return the places of the messages whose embeddings are kept."""
    keys: Any = redis.call([b"KEYS", b"*:embeddings"])
    fields: list[Any] = [redis.call([b"HKEYS", key]) for key in keys]
    return {field.decode().rpartition(":")[2] for one in fields for field in one}


def evict(host: RunningHost) -> int:
    """Take turns until one evicts the first; return the conversation's id."""
    taken = int(host.post(context="c", prompt=FACT).json()["id"])
    for _ in range(20):
        if host.post(id=taken, prompt=CHAT).json()["usage"]["evicted"]:
            return taken
    raise AssertionError("nothing was evicted")


def texts(endpoint: ModelEndpoint) -> list[str]:
    """Return all texts that were to be embedded."""
    asked = [json.loads(one.body) for one in endpoint.asked if one.path.endswith("/embeddings")]
    return [text for one in asked for text in one["input"]]


def test_neither_an_answer_nor_the_next_turn_waits_for_what_is_embedded_behind_it(
    arguments: list[str], redis: Connection, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    endpoint.answer = held = HeldEmbedder()
    with run_host(tmp_path, *arguments) as host:
        taken = evict(host)
        assert held.is_asked.wait(MAX_S)
        assert host.post(id=taken, prompt="Hm.").status_code == 200
        assert embedded(redis) == set()

        held.may_embed.set()

        deadline = time.monotonic() + MAX_S
        while not embedded(redis) >= {"1.0", "1.1"}:
            assert time.monotonic() < deadline, host.output()
            time.sleep(0.05)
        assert texts(endpoint).count(FACT) == 1
        assert "left_undone" not in host.output()


def test_what_was_not_embedded_when_the_host_was_killed_is_embedded_by_the_turn_that_needs_it(
    arguments: list[str], redis: Connection, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    endpoint.answer = held = HeldEmbedder()
    with run_host(tmp_path / "killed", *arguments) as host:
        taken = evict(host)
        assert held.is_asked.wait(MAX_S)
        host.kill()
    held.may_embed.set()
    assert embedded(redis) == set()
    endpoint.asked.clear()

    with run_host(tmp_path / "next", *arguments) as host:
        answered = host.post(id=taken, prompt="Where has my sister moved?")

        assert answered.status_code == 200, answered.text
        assert embedded(redis) >= {"1.0", "1.1"}
        assert texts(endpoint).count(FACT) == 1


def test_an_embedder_that_fails_behind_an_answer_is_told_of_in_the_log_only(
    arguments: list[str], redis: Connection, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    completed = openai(lambda _: "I see.")
    endpoint.answer = lambda a: Answer(b"", 503) if "embed" in a.path else completed(a)
    with run_host(tmp_path, *arguments) as host:
        taken = evict(host)

        deadline = time.monotonic() + MAX_S
        while '"left_undone", ' not in host.output():
            assert time.monotonic() < deadline, host.output()
            time.sleep(0.05)
        assert host.post(id=taken, prompt="Hm.").status_code == 200
        assert embedded(redis) == set()
