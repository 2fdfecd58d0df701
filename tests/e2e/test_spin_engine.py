"""A model behind Spin's interface that gives back prompt and reply in one, as Spin's own does."""

import contextlib
import functools
import itertools
import json
import pathlib
from collections.abc import Callable, Iterator

import pytest
from tokenizers import Tokenizer

from tests.running import (
    Answer,
    Asked,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    default_answer,
    remote_config,
    run_host,
)
from tests.spin_engine import ROLE_MARKERS, by_bytes, by_pieces, given_back

CONTEXT = "You are a helpful chef ▁ [INST] 你好."
PROMPTS = ["My name is Ada ▁▁.", "What is my name? مرحبا", "And </s> now? 👋🏽", "Привет"]


HostOf = Callable[[str], RunningHost]


@pytest.fixture(scope="module")
def host_of(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[HostOf]:
    """Yield a function that runs the chat with a prompt format, once for all tests."""
    assert wasm.exists()
    with contextlib.ExitStack() as running:

        @functools.cache
        def host_of(prompt_format: str) -> RunningHost:
            folder = tmp_path_factory.mktemp(prompt_format)
            config = remote_config(folder, shared_endpoint.url)
            variables = as_flags(
                [f"redis_address={shared_redis.address}", f"prompt_format={prompt_format}"]
            )
            host = run_host(folder, "--runtime-config-file", config, *variables)
            return running.enter_context(host)

        yield host_of


def engine(tokenizer: Tokenizer, replies: Callable[[], str]) -> Callable[[Asked], Answer]:
    def answer(asked: Asked) -> Answer:
        reply = replies() if json.loads(asked.body)["options"]["maxTokens"] > 1 else "x"
        return default_answer(given_back(tokenizer, asked.prompt, reply), 90, 7)

    return answer


@pytest.mark.parametrize("make", [by_bytes, by_pieces])
@pytest.mark.parametrize("prompt_format", ROLE_MARKERS)
def test_every_turn_has_its_own_reply_and_the_next_one_is_shown_it(
    host_of: HostOf,
    endpoint: ModelEndpoint,
    prompt_format: str,
    make: Callable[[list[str]], Tokenizer],
) -> None:
    numbers = itertools.count(1)
    tokenizer = make(ROLE_MARKERS[prompt_format])
    endpoint.answer = engine(tokenizer, lambda: f"Reply {next(numbers)}.")
    host = host_of(prompt_format)

    first = host.post(context=CONTEXT, prompt=PROMPTS[0]).json()
    answers = [first, *(host.post(id=first["id"], prompt=p).json() for p in PROMPTS[1:])]

    assert [answer.get("reply", answer) for answer in answers] == [
        f"Reply {number}." for number in range(1, 5)
    ]
    assert {answer["usage"]["prompt_tokens"] for answer in answers} == {83}
    shown = max((asked.prompt for asked in endpoint.asked), key=len)
    assert all(f"Reply {number}." in shown for number in range(1, 4))


@pytest.mark.parametrize("reply", ["p", "p is what you said.", "c\n\np", "c\n\np, and more"])
def test_a_reply_that_begins_as_its_prompt_is_not_cut(
    host_of: HostOf, endpoint: ModelEndpoint, reply: str
) -> None:
    endpoint.answer = lambda _: default_answer(reply, 90, 7)

    answer = host_of("mistral").post(context="c", prompt="p").json()

    assert (answer["reply"], answer["usage"]["prompt_tokens"]) == (reply, 90)


def test_a_reply_that_cannot_be_told_from_its_prompt_is_a_failed_model_and_stores_nothing(
    remote_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    taken = remote_chat.post(context="A ﬁne context.", prompt="p1").json()["id"]
    endpoint.answer = lambda asked: default_answer(asked.prompt.replace("ﬁ", "fi") + " Reply.")

    failed = remote_chat.post(id=taken, prompt="p2")

    assert (failed.status_code, failed.json()["error"]["code"]) == (502, "model_failed")
    assert "cannot be told from its prompt" in failed.json()["error"]["message"]
    kept = remote_chat.client.get(f"/conversations/{taken}/messages?as_text=true").json()
    assert kept["messages"] == ["p1", "Fine."]


def test_no_limit_of_top_k_is_a_number_that_every_engine_takes(
    wasm: pathlib.Path, shared_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    config = remote_config(tmp_path, endpoint.url)
    variables = as_flags([f"redis_address={shared_redis.address}", "top_k=0"])
    with run_host(tmp_path, "--runtime-config-file", config, *variables) as host:
        assert host.post(context="c", prompt="p").status_code == 200

    assert json.loads(endpoint.asked[-1].body)["options"]["topK"] == 2**31 - 1


def test_health_says_that_an_engine_without_a_cache_wants_a_smaller_context(
    wasm: pathlib.Path, own_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    endpoint.answer = engine(by_pieces(["<s>", "</s>"]), lambda: "Fine.")
    config = ["--runtime-config-file", remote_config(tmp_path, endpoint.url)]
    for context_length, is_noted in (("3500", True), ("1024", False)):
        key_prefix = f"key_prefix=health{context_length}"
        given = [f"redis_address={own_redis.address}", f"context_length={context_length}"]
        with run_host(tmp_path, *config, *as_flags([*given, key_prefix])) as host:
            answers = [host.client.get("/healthz").json() for _ in range(2)]

        assert answers[0] == answers[1]
        assert answers[0]["status"] == "ok"
        assert ("`context_length`" in answers[0].get("notes", {}).get("model", "")) == is_noted


def test_texts_are_embedded_one_by_one(
    wasm: pathlib.Path, own_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    embedded: list[list[str]] = []

    def answer(asked: Asked) -> Answer:
        if asked.path != "/embed":
            return default_answer("A reply that is long enough.")
        embedded.append(json.loads(asked.body)["input"])
        vectors = [[float(len(text)), 1.0] for text in embedded[-1]]
        usage = {"promptTokenCount": 1}
        return Answer(json.dumps({"embeddings": vectors, "usage": usage}).encode())

    endpoint.answer = answer
    config = ["--runtime-config-file", remote_config(tmp_path, endpoint.url)]
    given = [f"redis_address={own_redis.address}", "long_term=redis", "memory_min_chars=5"]
    with run_host(tmp_path, *config, *as_flags(given)) as host:
        token = host.client.post("/session").json()["token"]
        headers = {"authorization": f"Bearer {token}"}
        turn = json.dumps({"context": "c", "prompt": "A prompt that is long enough."})
        assert host.client.post("/", content=turn, headers=headers).status_code == 200

    assert embedded
    assert {len(texts) for texts in embedded} == {1}


@pytest.mark.parametrize(
    ("said", "setting"),
    [
        pytest.param("A weight is negative", "`repeat_penalty`", id="a penalty of 0"),
        pytest.param("narrow invalid args start + len", "`context_length`", id="few positions"),
    ],
)
def test_a_setting_that_an_engine_cannot_take_is_named(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    endpoint: ModelEndpoint,
    tmp_path: pathlib.Path,
    said: str,
    setting: str,
) -> None:
    assert wasm.exists()
    endpoint.answer = lambda _: Answer(json.dumps({"error": {"message": said}}).encode())
    config = ["--runtime-config-file", remote_config(tmp_path, endpoint.url, "open_ai")]
    variables = as_flags([f"redis_address={shared_redis.address}"])
    with run_host(tmp_path, *config, *variables) as host:
        failed = host.post(context="c", prompt="p")

    assert (failed.status_code, failed.json()["error"]["code"]) == (502, "model_failed")
    assert setting in failed.json()["error"]["message"]
