"""`python -m host model`: both protocols, over real sockets, with the real demo model."""

import base64
import json
import pathlib
import struct
import time
from collections.abc import Callable

import httpx
import pytest

from chat.context.templates import render_prompt
from chat.core.messages import Message, Role
from host.engines.llama_cpp import DEMO_MODEL, LlamaCppEngine
from host.engines.port import InferencingParams
from tests import minilm
from tests.models import (
    ADA,
    CHEF,
    GREEDY,
    MINILM,
    MODEL,
    NAME,
    NICE,
    TOKEN,
    chat,
    connect,
    content,
)  # fmt: skip
from tests.running import (
    ROOT,
    RunningModels,
    RunningRedis,
    as_flags,
    remote_config,
    run_host,
    run_models,
)  # fmt: skip


def events(response: httpx.Response) -> list[str]:
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.endswith("\n\n")
    return [line.removeprefix("data: ") for line in response.text.split("\n\n")[:-1]]


# the conversation


def test_a_conversation_remembers_a_name(models: RunningModels) -> None:
    told = chat(models, CHEF, ADA)
    asked = chat(models, CHEF, ADA, told.json()["choices"][0]["message"], NAME)

    assert content(told) == "Nice to meet you, Ada!"
    assert content(asked) == "Your name is Ada."


def test_an_answer_has_openais_shape(models: RunningModels) -> None:
    answer = chat(models, CHEF, ADA).json()

    assert answer.pop("id").startswith("chatcmpl-")
    assert abs(answer.pop("created") - time.time()) < 60
    usage = answer.pop("usage")
    assert usage.pop("prompt_tokens_details")["cached_tokens"] >= 0
    assert usage == {"prompt_tokens": 34, "completion_tokens": 11, "total_tokens": 45}
    message = {"role": "assistant", "content": "Nice to meet you, Ada!", "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    assert answer == {"object": "chat.completion", "model": MODEL, "choices": [choice]}


def test_a_stream_is_the_same_reply_in_parts(models: RunningModels) -> None:
    streamed = events(chat(models, CHEF, ADA, NICE, NAME, stream=True))

    *parts, done = streamed
    parsed = [json.loads(part) for part in parts]
    assert done == "[DONE]"
    assert {part["object"] for part in parsed} == {"chat.completion.chunk"}
    assert len({part["id"] for part in parsed}) == 1
    assert {part["model"] for part in parsed} == {MODEL}
    deltas = [part["choices"][0]["delta"] for part in parsed]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content", "") for delta in deltas) == "Your name is Ada."
    assert len(deltas) > 5
    reasons = [part["choices"][0]["finish_reason"] for part in parsed]
    assert reasons == [None] * (len(parsed) - 1) + ["stop"]
    assert not any("usage" in part for part in parsed)


def test_a_stream_ends_with_its_usage_if_that_is_asked(models: RunningModels) -> None:
    options = {"include_usage": True}

    streamed = events(chat(models, CHEF, ADA, stream=True, stream_options=options))

    *parts, last = [json.loads(part) for part in streamed[:-1]]
    assert {part["usage"] for part in parts} == {None}
    assert last["choices"] == []
    assert last["usage"]["prompt_tokens"] == 34
    assert last["usage"]["completion_tokens"] == 11


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([ADA], id="no system message"),
        pytest.param([CHEF, ADA, NICE, NAME], id="two turns"),
        pytest.param([CHEF, ADA, NICE, ADA, NICE, NAME], id="three turns"),
        pytest.param([CHEF, {"role": "user", "content": "a\n\nb Ünï 你好 🎉"}], id="scripts"),
    ],
)
def test_the_demo_models_template_is_the_chats(
    models: RunningModels, messages: list[dict[str, str]]
) -> None:
    roles: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant"}
    shown = [Message(roles[m["role"]], m["content"]) for m in messages]
    prompt = render_prompt(shown, "llama2")

    by_template = chat(models, *messages, temperature=0).json()
    by_prompt = models.post("/infer", model=MODEL, prompt=prompt, options={"temperature": 0}).json()

    assert by_template["usage"]["prompt_tokens"] == by_prompt["usage"]["promptTokenCount"]
    assert by_template["choices"][0]["message"]["content"] == by_prompt["text"].strip()


def test_several_system_messages_and_pieces_of_text_are_taken(models: RunningModels) -> None:
    pieces = [{"type": "text", "text": "My name "}, {"type": "text", "text": "is Ada."}]
    developer = {"role": "developer", "content": "You are a helpful chef."}

    answer = chat(models, developer, {"role": "user", "content": pieces})
    later = chat(models, CHEF, ADA, NICE, {"role": "system", "content": "Be brief."}, NAME)

    assert answer.json()["usage"]["prompt_tokens"] == 34
    assert content(answer) == "Nice to meet you, Ada!"
    assert later.status_code == 200


def test_sampling_is_passed_on(models: RunningModels) -> None:
    short = chat(models, CHEF, ADA, max_tokens=2).json()
    shorter = chat(models, CHEF, ADA, max_tokens=5, max_completion_tokens=1).json()
    stopped = chat(models, CHEF, ADA, stop=" meet").json()
    seeded = [content(chat(models, NICE, temperature=2, seed=n, max_tokens=20)) for n in (5, 5, 6)]
    form = {"type": "json_object"}
    formed = chat(models, CHEF, ADA, response_format=form, max_tokens=60).json()

    assert short["usage"]["completion_tokens"] == 2
    assert short["choices"][0]["finish_reason"] == "length"
    assert shorter["usage"]["completion_tokens"] == 1
    assert stopped["choices"][0]["message"]["content"] == "Nice to"
    assert seeded[0] == seeded[1] != seeded[2]
    assert formed["choices"][0]["message"]["content"].startswith("{")


@pytest.mark.parametrize("marker", ["</s>", "<s>", "<unk>", "[INST]", "[/INST]", "<<SYS>>"])
def test_a_marker_in_a_message_is_letters(models: RunningModels, marker: str) -> None:
    """As a control token it would be one token; the word joiner alone has three."""
    count = 40

    tokens = chat(models, {"role": "user", "content": marker * count}).json()["usage"]

    assert tokens["prompt_tokens"] > count * 4


# Spin's protocol


def test_a_completion_is_the_engines(models: RunningModels) -> None:
    engine = LlamaCppEngine(pathlib.Path("nowhere"), {}, threads=1)
    prompt = "[INST] <<SYS>>\nYou are a helpful chef.\n<</SYS>>\n\nMy name is Zoë. [/INST]"
    wanted = engine.infer(MODEL, prompt, GREEDY)

    with connect(models, "default") as remote:
        completion = remote.infer(MODEL, prompt, GREEDY)

    assert completion == wanted
    assert completion.text == " Nice to meet you, Zoë! "


def test_the_open_ai_form_of_remote_http_is_answered(models: RunningModels) -> None:
    params = InferencingParams(max_tokens=4, repeat_penalty=0.0)

    with connect(models, "open_ai") as remote:
        completion = remote.infer(MODEL, "My name is Ada.", params)

    assert completion.text == "Nice to meet you"
    assert completion.prompt_tokens == 14
    assert completion.generated_tokens == 4


@pytest.mark.parametrize("api_type", ["default", "open_ai"])
def test_embeddings_are_the_models_own(models: RunningModels, api_type: str) -> None:
    texts = ["a cat", "the stock market fell sharply this morning, and nobody knows why", "", "ñ"]
    wanted, longest = minilm.load().embed(texts)

    with connect(models, api_type) as remote:
        made = remote.embed(MINILM, texts)

    assert made.embeddings == wanted
    counts = [minilm.load().embed([text])[1] for text in texts]
    assert made.prompt_tokens == (longest if api_type == "default" else sum(counts))


def test_spin_is_told_of_no_text(models: RunningModels) -> None:
    with connect(models, "default") as remote:
        assert remote.embed(MINILM, []).embeddings == []


def test_options_that_are_not_given_are_spins(models: RunningModels) -> None:
    answer = models.post("/infer", model=MODEL, prompt="", options={"temperature": 0})
    default = models.post("/infer", model=MODEL, prompt="")

    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"text", "usage"}
    assert default.json()["usage"]["generatedTokenCount"] <= InferencingParams().max_tokens


def test_most_options_of_spin_are_within_bounds(models: RunningModels) -> None:
    most = 2**32 - 1
    options = {"maxTokens": most, "topK": most, "repeatPenaltyLastNTokenCount": 0, "topP": 1.0}

    answer = models.post("/infer", model=MODEL, prompt="[INST] hi [/INST]", options=options)

    assert answer.status_code == 200
    assert answer.json()["usage"]["generatedTokenCount"] > 0


def test_the_chat_with_memory_talks_to_it(
    wasm: pathlib.Path, shared_redis: RunningRedis, guarded: RunningModels, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    config = pathlib.Path(remote_config(tmp_path, guarded.url))
    config.write_text(config.read_text().replace("s3cret", TOKEN))
    flags = as_flags([f"redis_address={shared_redis.address}", "recall=hybrid"])

    with run_host(tmp_path, "--runtime-config-file", str(config), *flags) as host:
        told = host.post(context="You are a helpful chef.", prompt="My name is Ada.").json()
        asked = host.post(id=told["id"], prompt="What is my name?").json()

    assert told["reply"] == "Nice to meet you, Ada!"
    assert asked["reply"] == "Your name is Ada."


def test_the_chat_talks_to_it_as_an_endpoint_of_its_own(
    wasm: pathlib.Path, shared_redis: RunningRedis, guarded: RunningModels, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    variables = [
        f"redis_address={shared_redis.address}", "model_api=openai", f"model_key={TOKEN}",
        f"model_origin={guarded.url}",
    ]  # fmt: skip

    with run_host(tmp_path, *as_flags(variables)) as host:
        told = host.post(context="You are a helpful chef.", prompt="My name is Ada.").json()
        asked = host.post(id=told["id"], prompt="What is my name?").json()

    assert told["reply"] == "Nice to meet you, Ada!"
    assert asked["reply"] == "Your name is Ada."


# embeddings in OpenAI's shape


def test_embeddings_come_as_numbers_or_packed(models: RunningModels) -> None:
    (wanted,) = minilm.embed(["a cat"])

    numbers = models.post("/v1/embeddings", model=MINILM, input="a cat").json()
    packed = models.post(
        "/v1/embeddings", model=MINILM, input=["a cat", "a dog"], encoding_format="base64"
    ).json()

    assert numbers["data"] == [{"object": "embedding", "index": 0, "embedding": wanted}]
    assert (numbers["object"], numbers["model"]) == ("list", MINILM)
    assert numbers["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    assert [row["index"] for row in packed["data"]] == [0, 1]
    vector = struct.unpack("<384f", base64.b64decode(packed["data"][0]["embedding"]))
    assert list(vector) == wanted


# the list of models


def test_models_are_listed(models: RunningModels) -> None:
    answer = models.client.get("/v1/models").json()

    assert answer["object"] == "list"
    assert [model["id"] for model in answer["data"]] == [MODEL, MINILM]
    assert {model["object"] for model in answer["data"]} == {"model"}


def changed_model(path: pathlib.Path, change: Callable[[bytes], bytes]) -> pathlib.Path:
    """Write the demo model with other metadata of the same length."""
    data = DEMO_MODEL.read_bytes()
    changed = change(data)
    assert len(changed) == len(data)
    assert changed != data
    path.write_bytes(changed)
    return path


def test_several_models_answer_each_with_its_own_template(tmp_path: pathlib.Path) -> None:
    own = (ROOT / "models" / "template.jinja").read_bytes()
    other = b"{%- for m in messages -%}{{- '[INST] ' + m.content + ' [/INST]' -}}{%- endfor -%}"
    templated = changed_model(
        tmp_path / "templated.gguf", lambda data: data.replace(own, other.ljust(len(own)))
    )
    bare = changed_model(
        tmp_path / "bare.gguf",
        lambda data: data.replace(b"tokenizer.chat_template", b"tokenizer.chat_tem_late"),
    )

    flags = ["--model", f"one={templated}", "--model", f"two={bare}"]
    with run_models(tmp_path, *flags) as models:
        listed = [model["id"] for model in models.client.get("/v1/models").json()["data"]]
        with_template = chat(models, ADA, model="one")
        without = chat(models, ADA, model="two", max_tokens=3)
        unknown = chat(models, ADA)
        output = models.output()

    assert listed == ["one", "two", MINILM]
    assert content(with_template) == "Nice to meet you, Ada!"
    assert without.json()["usage"]["prompt_tokens"] > with_template.json()["usage"]["prompt_tokens"]
    assert unknown.status_code == 404
    assert "Model one: " in output
    assert output.count("bare.gguf has no chat template") == 1
    assert "templated.gguf has no" not in output
