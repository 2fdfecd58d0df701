"""Who is refused by the model server, and in which words."""

import json
import os
import pathlib

import pytest

from host.engines.port import EngineError, InferencingParams
from tests.models import ADA, MINILM, MODEL, TOKEN, chat, connect
from tests.running import RunningModels, run_models

# who may ask


@pytest.mark.parametrize("path", ["/infer", "/embed", "/v1/chat/completions", "/v1/embeddings"])
@pytest.mark.parametrize(
    "credential",
    [None, "", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, f"Bearer{TOKEN}"],
)
def test_a_wrong_token_is_denied(guarded: RunningModels, path: str, credential: str | None) -> None:
    headers = {} if credential is None else {"authorization": credential}

    denied = guarded.client.post(path, content=b"{}", headers=headers)

    assert denied.status_code == (401 if path.startswith("/v1/") else 403)
    assert denied.headers["www-authenticate"] == "Bearer"
    if path.startswith("/v1/"):
        assert denied.json()["error"]["code"] == "invalid_api_key"
    assert TOKEN not in denied.text
    assert TOKEN not in guarded.output()


@pytest.mark.parametrize("word", ["bearer", "Bearer", "BEARER"])
def test_the_right_token_is_taken(guarded: RunningModels, word: str) -> None:
    headers = {"authorization": f"{word} {TOKEN}"}

    assert guarded.client.get("/v1/models", headers=headers).status_code == 200
    assert guarded.client.get("/v1/models").status_code == 401


@pytest.mark.parametrize("origin", ["a file", "the environment"])
def test_a_token_can_come_from(tmp_path: pathlib.Path, origin: str) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    flags = ["--token", f"@{tmp_path / 'token'}"] if origin == "a file" else []
    environ = {**os.environ, "MODEL_TOKEN": TOKEN if origin == "the environment" else ""}

    with run_models(tmp_path, *flags, environ=environ) as models:
        denied = models.client.get("/v1/models")
        with connect(models, "default", TOKEN) as remote:
            taken = remote.embed(MINILM, ["x"])

    assert denied.status_code == 401
    assert len(taken.embeddings) == 1


def test_without_a_token_any_is_taken(models: RunningModels) -> None:
    headers = {"authorization": "Bearer whatever"}

    assert models.client.get("/v1/models", headers=headers).status_code == 200


# refusals


MESSAGES = [ADA]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"{", None, id="half an object"),
        pytest.param(b"[]", None, id="a list"),
        pytest.param(b'{"a":NaN}', None, id="no number"),
        pytest.param(b'"\xff"', None, id="no UTF-8"),
        pytest.param(b"[" * 200_000, None, id="depth"),
        pytest.param(b'{"model":"\\ud800"}', None, id="half a surrogate pair"),
        pytest.param({}, "messages", id="an empty object"),
        pytest.param({"messages": MESSAGES}, "model", id="no model"),
        pytest.param({"messages": []}, "messages", id="no message"),
        pytest.param({"messages": "hi"}, "messages", id="messages of text"),
        pytest.param({"messages": ["hi"]}, "messages[0]", id="a message of text"),
        pytest.param({"messages": [ADA, {"role": "user"}]}, "messages[1].content", id="no content"),
        pytest.param({"messages": [{"content": "x"}]}, "messages[0].role", id="no role"),
        pytest.param(
            {"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role", id="a tool"
        ),
        pytest.param({"messages": [{**ADA, "x": 1}]}, "messages[0].x", id="a message's field"),
        pytest.param(
            {"messages": [{**ADA, "tool_calls": [{}]}]}, "messages[0].tool_calls", id="a tool call"
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].type",
            id="an image",
        ),
        pytest.param(
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text",
            id="a piece without text",
        ),
        pytest.param({"messages": MESSAGES, "max_token": 1}, "max_token", id="an unknown field"),
        pytest.param({"messages": MESSAGES, 'a"\n': 1}, 'a\\"\\n', id="a field with a line break"),
        pytest.param({"messages": MESSAGES, "n": 2}, "n", id="two choices"),
        pytest.param({"messages": MESSAGES, "tools": [{}]}, "tools", id="tools"),
        pytest.param({"messages": MESSAGES, "logprobs": True}, "logprobs", id="logprobs"),
        pytest.param({"messages": MESSAGES, "temperature": 2.1}, "temperature", id="too hot"),
        pytest.param({"messages": MESSAGES, "temperature": "1"}, "temperature", id="hot in words"),
        pytest.param({"messages": MESSAGES, "temperature": True}, "temperature", id="hot or not"),
        pytest.param(
            b'{"model":"llama2-chat","messages":[{"role":"user","content":"x"}],"top_p":1e999}',
            "top_p",
            id="infinite",
        ),
        pytest.param({"messages": MESSAGES, "max_tokens": 0}, "max_tokens", id="no tokens"),
        pytest.param({"messages": MESSAGES, "max_tokens": 1.5}, "max_tokens", id="half a token"),
        pytest.param({"messages": MESSAGES, "max_tokens": 2**31}, "max_tokens", id="many tokens"),
        pytest.param({"messages": MESSAGES, "stream": 1}, "stream", id="a stream of one"),
        pytest.param({"messages": MESSAGES, "stop": [1]}, "stop", id="a stop of numbers"),
        pytest.param({"messages": MESSAGES, "stop": list("abcde")}, "stop", id="five stops"),
        pytest.param({"messages": MESSAGES, "stop": ""}, "stop", id="an empty stop"),
        pytest.param(
            {"messages": MESSAGES, "stream_options": {"x": 1}}, "stream_options.x", id="an option"
        ),
        pytest.param(
            {"messages": MESSAGES, "stream_options": True}, "stream_options", id="no options"
        ),
        pytest.param(
            {"messages": MESSAGES, "response_format": {"type": "xml"}},
            "response_format.type",
            id="another form",
        ),
    ],
)
def test_a_bad_chat_is_refused_with_the_field(
    models: RunningModels, body: bytes | dict[str, object], param: str | None
) -> None:
    given = body if isinstance(body, bytes) else json.dumps({"model": MODEL, **body}).encode()
    if param == "model":
        given = json.dumps({"messages": MESSAGES}).encode()

    refused = models.client.post("/v1/chat/completions", content=given)

    error = refused.json()["error"]
    assert refused.status_code == 400
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert param is None or f"`{param}`" in error["message"]
    assert models.output().splitlines()[-1] == (
        f"POST /v1/chat/completions: 400 {error['message']}"
    )


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        pytest.param("/infer", {}, "`model` is missing", id="no model"),
        pytest.param("/infer", {"model": MODEL}, "`prompt` is missing", id="no prompt"),
        pytest.param("/infer", {"model": MODEL, "prompt": 1}, "`prompt` must be", id="a number"),
        pytest.param(
            "/infer", {"model": MODEL, "prompt": "", "x": 1}, "`x` is no field", id="a field"
        ),
        pytest.param("/infer", {"model": "x", "prompt": ""}, '"x" is not here', id="no such model"),
        pytest.param(
            "/infer", {"model": MINILM, "prompt": ""}, "is not here for this", id="no chat model"
        ),
        pytest.param("/embed", {"model": MODEL, "input": []}, "is not here", id="no embedder"),
        pytest.param("/embed", {"model": MINILM}, "`input` is missing", id="no input"),
        pytest.param("/embed", {"model": MINILM, "input": [1]}, "`input` must be", id="numbers"),
        pytest.param(
            "/embed", {"model": MINILM, "input": [""] * 2049}, "2048 texts", id="2049 texts"
        ),
    ],
)
def test_a_bad_request_of_spins_is_refused_in_words(
    models: RunningModels, path: str, body: dict[str, object], words: str
) -> None:
    refused = models.client.post(path, content=json.dumps(body))

    assert refused.status_code == 400
    assert refused.headers["content-type"].startswith("text/plain")
    assert words in refused.text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_tokens": 1}, "`options.max_tokens` is no field"),
        ({"maxTokens": -1}, "`options.maxTokens` must be"),
        ({"maxTokens": 2**32}, "`options.maxTokens` must be"),
        ({"temperature": -1}, "`options.temperature` must be"),
        ({"topP": 1.5}, "`options.topP` must be"),
        ({"repeatPenalty": 0}, "`options.repeatPenalty` must be"),
        ([], "`options` must be an object"),
    ],
)
def test_a_bad_option_is_named(models: RunningModels, options: object, words: str) -> None:
    refused = models.post("/infer", model=MODEL, prompt="", options=options)

    assert refused.status_code == 400
    assert words in refused.text


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        pytest.param({"input": []}, "input", id="nothing"),
        pytest.param({"input": [[1, 2]]}, "input", id="tokens"),
        pytest.param({"input": "a", "encoding_format": "hex"}, "encoding_format", id="hex"),
        pytest.param({"input": "a", "encoding_format": ["float"]}, "encoding_format", id="a list"),
        pytest.param({"input": "a", "dimensions": 5}, "dimensions", id="five dimensions"),
        pytest.param({"input": "a", "x": 5}, "x", id="a field"),
    ],
)
def test_bad_embeddings_are_refused_with_the_field(
    models: RunningModels, fields: dict[str, object], param: str
) -> None:
    refused = models.post("/v1/embeddings", model=MINILM, **fields)

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/v1/chat/completions", {"messages": MESSAGES}),
        ("/v1/chat/completions", {"messages": MESSAGES, "stream": True}),
        ("/v1/embeddings", {"input": "a"}),
    ],
)
def test_an_unknown_model_is_not_found(
    models: RunningModels, path: str, fields: dict[str, object]
) -> None:
    missing = models.post(path, model="gpt", **fields)

    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "model_not_found"
    assert '"gpt"' in missing.json()["error"]["message"]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_more_than_the_model_reads_is_refused(models: RunningModels, is_streamed: bool) -> None:
    long = {"role": "user", "content": "word " * 9000}

    refused = chat(models, long, stream=is_streamed)
    by_spin = models.post("/infer", model=MODEL, prompt=long["content"])

    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == "context_length_exceeded"
    assert by_spin.status_code == 400
    assert "4096" in by_spin.text


def test_spin_sees_a_runtime_error(models: RunningModels) -> None:
    with connect(models, "open_ai") as remote, pytest.raises(EngineError, match="is not here"):
        remote.infer("gpt", "hi", InferencingParams())
    with connect(models, "default") as remote, pytest.raises(EngineError, match="deserialize"):
        remote.infer("gpt", "hi", InferencingParams())


def test_a_body_of_more_than_16_mib_is_refused(models: RunningModels) -> None:
    refused = models.client.post("/infer", content=b" " * (16 * 1024 * 1024 + 1))

    assert refused.status_code == 413


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/infer", 405),
        ("POST", "/v1/models", 405),
    ],
)
def test_other_routes_are_refused(
    models: RunningModels, method: str, path: str, status: int
) -> None:
    refused = models.client.request(method, path)

    assert refused.status_code == status
    assert (status == 405) == ("allow" in refused.headers)
    assert path.startswith("/v1/") == ("error" in refused.text and refused.text.startswith("{"))
