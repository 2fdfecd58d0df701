"""Both remote model APIs, byte for byte, against a real HTTP server."""

import contextlib
import json
from collections.abc import Iterator

import pytest

from host.app.runtime_config import RemoteCompute
from host.engines.port import EngineError, InferencingParams
from host.engines.remote import RemoteEngine, shortest_f32
from host.interfaces.llm import parse_params
from tests.running import Answer, ModelEndpoint, default_answer, free_port

PARAMS = parse_params(
    {
        "max-tokens": 7,
        "repeat-penalty": 1.1,
        "repeat-penalty-last-n-token-count": 64,
        "temperature": 0.5,
        "top-k": 40,
        "top-p": 0.9,
    }
)


@contextlib.contextmanager
def engine(endpoint: ModelEndpoint, api_type: str) -> Iterator[RemoteEngine]:
    opened = RemoteEngine(RemoteCompute(f"{endpoint.url}/lost/path", "tok", api_type))
    yield opened
    opened.close()


def test_the_default_api_is_asked_as_spin_asks_it(endpoint: ModelEndpoint) -> None:
    with engine(endpoint, "default") as remote:
        completion = remote.infer("m", 'Zoë "says"\n', PARAMS)

    (asked,) = endpoint.asked
    assert asked.path == "/infer"
    assert (
        asked.body
        == (
            '{"model":"m","options":{"maxTokens":7,"repeatPenalty":1.100000023841858,'
            '"repeatPenaltyLastNTokenCount":64,"temperature":0.5,"topK":40,"topP":0.8999999761581421},'
            '"prompt":"Zoë \\"says\\"\\n"}'
        ).encode()
    )
    assert asked.headers["authorization"] == "bearer tok"
    assert asked.headers["accept-encoding"] == "gzip"
    assert "content-type" not in asked.headers
    assert "user-agent" not in asked.headers
    assert (completion.text, completion.prompt_tokens, completion.generated_tokens) == (
        "Fine.",
        10,
        5,
    )


def test_the_open_ai_api_is_asked_as_spin_asks_it(endpoint: ModelEndpoint) -> None:
    reply = {
        "choices": [{"message": {"content": "Yes."}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4},
    }
    endpoint.answer = lambda _: Answer(json.dumps(reply).encode())

    with engine(endpoint, "open_ai") as remote:
        completion = remote.infer("m", "Hi", PARAMS)

    (asked,) = endpoint.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["content-type"] == "application/json"
    assert asked.body == (
        b'{"messages":[{"role":"user","content":"Hi"}],"model":"m",'
        b'"max_completion_tokens":7,"frequency_penalty":1.1}'
    )
    assert (completion.text, completion.prompt_tokens, completion.generated_tokens) == (
        "Yes.",
        3,
        4,
    )


@pytest.mark.parametrize(
    ("api_type", "path", "answer"),
    [
        ("default", "/embed", {"embeddings": [[1, 0.5]], "usage": {"promptTokenCount": 2}}),
        (
            "open_ai",
            "/v1/embeddings",
            {"data": [{"embedding": [1, 0.5]}], "usage": {"prompt_tokens": 2}},
        ),
    ],
)
def test_embeddings_are_asked_for(
    endpoint: ModelEndpoint, api_type: str, path: str, answer: dict[str, object]
) -> None:
    endpoint.answer = lambda _: Answer(json.dumps(answer).encode())

    with engine(endpoint, api_type) as remote:
        result = remote.embed("m", ["a"])

    assert (result.embeddings, result.prompt_tokens) == ([[1.0, 0.5]], 2)
    assert endpoint.asked[0].path == path
    assert endpoint.asked[0].body == b'{"input":["a"],"model":"m"}'


def test_an_embedding_beyond_32_bits_is_infinite_and_one_beyond_64_an_error(
    endpoint: ModelEndpoint,
) -> None:
    said = ["[1e300, -1e39]", f"[{10**400}]", "[true]"]
    bodies = [f'{{"embeddings":[{one}],"usage":{{"promptTokenCount":2}}}}' for one in said]
    endpoint.answer = lambda _: Answer(bodies.pop(0).encode())

    with engine(endpoint, "default") as remote:
        assert remote.embed("m", ["a"]).embeddings == [[float("inf"), -float("inf")]]
        for _ in bodies.copy():
            with pytest.raises(EngineError):
                remote.embed("m", ["a"])


DEFAULT = 'Failed to deserialize response for "POST  /index": '
OPEN_AI = 'Failed to deserialize response for "POST  /v1/chat/completions": '
UNTAGGED = "data did not match any variant of untagged enum"


@pytest.mark.parametrize(
    ("api_type", "body", "text"),
    [
        pytest.param("default", b"", DEFAULT + "EOF while parsing", id="nothing"),
        pytest.param("default", b"<html>", DEFAULT + "expected value", id="HTML"),
        pytest.param("default", b"[]", DEFAULT + "invalid type", id="no object"),
        pytest.param("default", b'{"text":"x"}', DEFAULT + "missing field `usage`", id="no usage"),
        pytest.param(
            "default",
            b'{"text":"x","usage":{"promptTokenCount":-1,"generatedTokenCount":1}}',
            DEFAULT + "missing field `promptTokenCount`",
            id="a negative count",
        ),
        pytest.param(
            "default", b'{"text":"\\ud800"}', DEFAULT + "invalid unicode", id="half a pair"
        ),
        pytest.param("default", b'{"text":NaN}', DEFAULT + "number out", id="not a number"),
        pytest.param("default", b'{"text":1e999}', DEFAULT + "number out", id="beyond a double"),
        pytest.param("default", b"[" * 100_000, DEFAULT + "recursion", id="deeply nested"),
        pytest.param("open_ai", b"{}", OPEN_AI + UNTAGGED, id="an empty object"),
        pytest.param(
            "open_ai",
            b'{"choices":[{"message":{"content":null}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}',
            OPEN_AI + UNTAGGED,
            id="null content",
        ),
        pytest.param(
            "open_ai", b'{"error":{"message":"no quota"}}', "no quota", id="an error object"
        ),
    ],
)
def test_what_is_no_completion_is_a_runtime_error_whatever_the_status(
    endpoint: ModelEndpoint, api_type: str, body: bytes, text: str
) -> None:
    endpoint.answer = lambda _: Answer(body, status=500)

    with engine(endpoint, api_type) as remote, pytest.raises(EngineError) as failed:
        remote.infer("m", "p", InferencingParams())

    assert failed.value.case == "runtime-error"
    assert str(failed.value).startswith(text)


def test_a_status_of_500_with_a_completion_is_a_completion(endpoint: ModelEndpoint) -> None:
    endpoint.answer = lambda _: Answer(default_answer("Fine.").body, status=500)

    with engine(endpoint, "default") as remote:
        assert remote.infer("m", "p", InferencingParams()).text == "Fine."


def test_an_endpoint_that_is_away_is_a_request_error() -> None:
    away = ModelEndpoint(f"http://127.0.0.1:{free_port()}")

    with (
        engine(away, "default") as remote,
        pytest.raises(EngineError, match="^POST /infer request error: "),
    ):
        remote.infer("m", "p", InferencingParams())


@pytest.mark.parametrize(("value", "short"), [(1.1, 1.1), (0.0, 0.0), (1.0, 1.0), (0.3, 0.3)])
def test_a_32_bit_float_is_printed_as_rust_does(value: float, short: float) -> None:
    params = {"repeat-penalty": value, "temperature": 0.0, "top-p": 0.0}
    single = parse_params(params).repeat_penalty

    assert shortest_f32(single) == short
