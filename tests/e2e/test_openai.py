"""The component asks an OpenAI-compatible endpoint itself."""

import concurrent.futures
import json
import pathlib
import threading
from collections.abc import Iterator

import pytest
import xllamacpp

from host.engines.llama_cpp import DEMO_MODEL
from tests.running import (
    Answer,
    Asked,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    free_port,
    run_host,
)

CHEF = "You are a helpful chef."


def arguments(redis: RunningRedis, origin: str, *more: str) -> list[str]:
    variables = [
        f"redis_address={redis.address}", "model_api=openai", f"model_origin={origin}",
        "model=demo", "model_key=sk-hidden", *more,
    ]  # fmt: skip
    return as_flags(variables)


def completion(content: str, finish_reason: object = "stop") -> Answer:
    usage = {"prompt_tokens": 11, "completion_tokens": 3}
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return Answer(json.dumps({"choices": [choice], "usage": usage}).encode())


@pytest.fixture(scope="module")
def openai_chat(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    assert wasm.exists()
    flags = arguments(
        shared_redis, shared_endpoint.url, "model_path=/api/v1/chat", "turn_timeout_s=5"
    )
    with run_host(tmp_path_factory.mktemp("openai-chat"), *flags) as host:
        yield host


def test_the_real_llama_cpp_server_remembers_through_roles(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    params = xllamacpp.CommonParams()
    params.model.path = str(DEMO_MODEL)
    params.verbosity = -1
    params.cpuparams.n_threads = 1
    params.use_jinja = False
    params.chat_template = "llama2-sys-bos"
    params.api_keys = ["sk-hidden"]
    server = xllamacpp.Server(params)
    with run_host(tmp_path, *arguments(shared_redis, server.listening_address)) as host:
        told = host.post(context=CHEF, prompt="My name is Ada.").json()
        asked = host.post(id=told["id"], prompt="What is my name?").json()

    assert told["reply"] == "Nice to meet you, Ada!"
    assert asked["reply"] == "Your name is Ada."
    assert asked["usage"]["prompt_tokens"] == 57, "llama.cpp renders the prompt as this chat does"


def test_the_endpoint_is_asked_with_roles_path_and_key(
    openai_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = lambda _: completion("Sure.")
    first = openai_chat.post(context="c", prompt="p" * 20_000).json()
    second = openai_chat.post(context="c", prompt="p1").json()
    openai_chat.post(id=second["id"], prompt="p2")

    asked = endpoint.asked[-1]
    assert asked.path == "/api/v1/chat"
    assert asked.headers["authorization"] == "Bearer sk-hidden"
    assert [(m["role"], m["content"]) for m in json.loads(asked.body)["messages"]] == [
        ("system", "c"),
        ("user", "p1"),
        ("assistant", "Sure."),
        ("user", "p2"),
    ]
    assert first["error"]["code"] == "prompt_too_long"
    assert (second["reply"], second["numberOfTokens"]) == ("Sure.", 14)


def test_a_long_body_reaches_the_endpoint_whole(
    openai_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = lambda _: completion("r" * 50_000)
    prompt = "wörd " * 500

    answer = openai_chat.post(context="c", prompt=prompt).json()

    assert json.loads(endpoint.asked[-1].body)["messages"][1]["content"] == prompt
    assert answer["reply"] == "r" * 50_000


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        pytest.param(Answer(b"{}", 429), 503, "model_unavailable", id="429"),
        pytest.param(Answer(b'{"error":"sk-hidden"}', 401), 502, "model_failed", id="401"),
        pytest.param(Answer(b"<html>"), 502, "model_failed", id="HTML"),
        pytest.param(completion(" "), 502, "model_failed", id="an empty reply"),
        pytest.param(Answer(b"{}", delay_s=8), 504, "model_timeout", id="slower than the timeout"),
    ],
)
def test_an_endpoint_that_fails_leaves_the_conversation_as_it_was(
    openai_chat: RunningHost, endpoint: ModelEndpoint, answer: Answer, status: int, code: str
) -> None:
    endpoint.answer = lambda _: completion("Fine.")
    conversation = openai_chat.post(context="c", prompt="p").json()["id"]
    endpoint.answer = lambda _: answer

    failed = openai_chat.post(id=conversation, prompt="lost")

    assert (failed.status_code, failed.json()["error"]["code"]) == (status, code)
    assert "sk-hidden" not in failed.text + openai_chat.output()
    endpoint.answer = lambda _: completion("Fine.")
    next_ = openai_chat.post(id=conversation, prompt="next").json()
    assert next_["usage"]["window_turns"] == 2


def test_an_endpoint_that_is_away_is_unavailable(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    with run_host(tmp_path, *arguments(shared_redis, f"http://127.0.0.1:{free_port()}")) as host:
        failed = host.post(context="c", prompt="p")

    assert (failed.status_code, failed.json()["error"]["code"]) == (503, "model_unavailable")


def test_conversations_wait_for_the_endpoint_side_by_side(
    openai_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    """All 16 are in the endpoint at once: none of them answers before the last has come."""
    come = threading.Barrier(16)

    def answer(_: Asked) -> Answer:
        come.wait(4)
        return completion("Fine.")

    endpoint.answer = answer
    with concurrent.futures.ThreadPoolExecutor(16) as threads:
        answers = list(
            threads.map(lambda n: openai_chat.post(context="c", prompt=f"p{n}"), range(16))
        )

    assert [a.status_code for a in answers] == [200] * 16


@pytest.mark.parametrize(
    ("said", "shown"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), (None, "stop")],
)
def test_the_answer_says_why_the_reply_ends(
    openai_chat: RunningHost, endpoint: ModelEndpoint, said: object, shown: str
) -> None:
    endpoint.answer = lambda _: completion("Sure", said)

    answer = openai_chat.post(context="c", prompt="p").json()

    assert answer["usage"]["finish_reason"] == shown
