"""Whatever comes from outside is taken or refused with a reason; no instance ends over it."""

import json
import pathlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from host.interfaces.resp import Connection
from tests.e2e.test_memories import BREAD, openai
from tests.e2e.test_operators import logged
from tests.e2e.test_owners import ask, bearer, new_token, start
from tests.looking import look
from tests.running import (
    Answer,
    Asked,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    remote_config,
    run_host,
)

HUGE = 10**400


@pytest.fixture(scope="module")
def host(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    """Run the chat with everything that asks models, and a lock that would outlive a test."""
    assert wasm.exists()
    variables = [
        f"redis_address={shared_redis.address}", "model_api=openai", "key_prefix=outside",
        f"model_origin={shared_endpoint.url}", "long_term=redis", "memory_min_chars=10",
        "recall=hybrid", "context_length=600", "max_reply_tokens=60", "turn_timeout_s=300",
    ]  # fmt: skip
    with run_host(tmp_path_factory.mktemp("outside"), *as_flags(variables)) as running:
        yield running


@pytest.fixture(autouse=True)
def working(endpoint: ModelEndpoint) -> None:
    endpoint.answer = openai()


def said(host: RunningHost, token: str, taken: int) -> list[str]:
    path = f"/conversations/{taken}/messages?last=100&as_text=true"
    return list(ask(host, "GET", path, token).json()["messages"])


def refused_with(answered: httpx.Response, status: int, code: str, param: str | None) -> None:
    error = answered.json()["error"]
    assert (answered.status_code, error["code"], error["param"]) == (status, code, param)
    assert answered.headers["x-request-id"]


# callers


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("metadata", "param"),
    [
        pytest.param(json.dumps(nested(33)), "messages[0].metadata", id="one too deep"),
        pytest.param(json.dumps(nested(492)), None, id="far too deep"),
        pytest.param('{"a":' * 100_000, None, id="never closed"),
        pytest.param('{"a":1e999}', None, id="beyond a double"),
        pytest.param('{"a":-Infinity}', None, id="an infinity"),
        pytest.param('{"a":NaN}', None, id="not a number"),
        pytest.param(f'{{"a":{HUGE}}}', None, id="too many digits"),
        pytest.param('{"\\ud800":1}', "messages", id="half of a pair in a key"),
        pytest.param('{"a":["\\udc00"]}', "messages", id="half of a pair"),
        pytest.param('{"a":1,"a":2}', None, id="a key twice"),
    ],
)
def test_what_could_not_be_read_back_is_not_taken(
    host: RunningHost, metadata: str, param: str | None
) -> None:
    token = new_token(host)
    taken = start(host, token, "Hello!")
    body = f'{{"messages":[{{"role":"tool","content":"x","metadata":{metadata}}}]}}'

    refused = host.client.post(
        f"/conversations/{taken}/messages", content=body, headers=bearer(token)
    )

    refused_with(refused, 400, "invalid_request", param)
    assert said(host, token, taken) == ["Hello!", "Fine."]
    assert ask(host, "POST", "/", token, id=taken, prompt="And on.").status_code == 200


def test_what_was_taken_is_read_back(host: RunningHost) -> None:
    token = new_token(host)
    taken = start(host, token, "Hello!")
    metadata = {
        "deep": nested(31), "large": 10**308 - 1, "small": -(10**307), "double": 1.7e308,
        "tiny": 5e-324, "zero": -0.0, "text": "\x00\x1f\x7f\u2028\ufffe\U0001f600",
    }  # fmt: skip
    message = {"role": "user", "content": "\x00\U0010ffff", "metadata": metadata}

    added = ask(host, "POST", f"/conversations/{taken}/messages", token, messages=[message])

    assert added.status_code == 201
    read = ask(host, "GET", f"/conversations/{taken}/messages?last=1", token).json()["messages"]
    assert read[0]["metadata"] == metadata
    assert read[0]["content"] == message["content"]
    lines = ask(host, "GET", "/export", token).text.split("\n")[:-1]
    assert any(
        metadata == one.get("metadata")
        for line in map(json.loads, lines)
        if line["type"] == "turn"
        for one in line["messages"]
    )
    assert ask(host, "POST", "/", token, id=taken, prompt="And on.").status_code == 200


def send_raw(host: RunningHost, head: bytes) -> bytes:
    """Send a request as it stands, and return all of the answer."""
    url = httpx.URL(host.url)
    with socket.create_connection((url.host, url.port), timeout=20) as connection:
        connection.sendall(head + b"\r\n\r\n")
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"Host: [", id="a host that opens a bracket"),
        pytest.param(b"Host: [::1", id="a host that does not close it"),
        pytest.param(b"Host: a\r\nOrigin: http://[", id="an origin like it"),
        pytest.param("Host: a\r\nOrigin: http://\u2100".encode(), id="an origin to be normalised"),
        pytest.param(b"Host: a\r\nCookie: chat_session=\x80", id="a cookie of other bytes"),
        pytest.param(b"Host: a\r\nX-Forwarded-Proto: [", id="another scheme"),
        pytest.param(b"Host: a\r\nX-Request-Id: \xc3\xa9", id="an id of other letters"),
    ],
)
def test_a_header_ends_no_instance(host: RunningHost, header: bytes) -> None:
    head = b"POST /session HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n" + header

    answered = send_raw(host, head)

    # Not every host lets it in, and then it is the host's to refuse or to hang up.
    is_let_in = b"x-request-id" in answered.lower()
    assert not is_let_in or answered.split(b" ")[1] in {b"201", b"400"}
    assert host.client.get("/livez").status_code == 200


@pytest.mark.parametrize("path", [b"//[", b"//[/admin/stats", b"/%5b", b"/conversations/[", b"/?["])
def test_a_path_ends_no_instance(host: RunningHost, path: bytes) -> None:
    head = b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close"

    answered = send_raw(host, head)

    assert answered.split(b" ")[1] in {b"200", b"400", b"401", b"404"}
    assert b"x-request-id" in answered.lower()


# models


def completion(content: object = "Fine.", **usage: object) -> bytes:
    choice = {"message": {"content": content}, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], "usage": usage}).encode()


NO_REPLY: dict[str, bytes] = {
    "half of a pair": completion("\ud83d"),
    "half of a pair elsewhere": b'{"choices":[{"message":{"content":"Hi."}}],"\\udc00":1}',
    "more tokens than can be": completion(prompt_tokens=10**19),
    "more tokens of a reply": completion(completion_tokens=2**32),
    "tokens without end": completion(prompt_tokens=HUGE),
    "no number": completion(prompt_tokens=float("nan")),
    "beyond a double": b'{"choices":[{"message":{"content":"Hi."}}],"x":1e999}',
    "deeply nested": b'{"choices":' + b"[" * 5000,
    "another kind": completion({"text": "Hi."}),
    "no text at all": b'"Hi."',
    "a key twice": b'{"choices":[],"choices":[{"message":{"content":"Hi."}}]}',
}


@pytest.mark.parametrize("body", NO_REPLY.values(), ids=NO_REPLY)
def test_a_reply_that_cannot_be_kept_is_a_failed_model(
    host: RunningHost, endpoint: ModelEndpoint, body: bytes
) -> None:
    token = new_token(host)
    taken = start(host, token, "Hello!")
    endpoint.answer = at("/completions", body)

    refused = ask(host, "POST", "/", token, id=taken, prompt="And on.")
    begun = ask(host, "POST", "/", token, context="c", prompt="Hello!")

    refused_with(refused, 502, "model_failed", None)
    refused_with(begun, 502, "model_failed", None)
    endpoint.answer = openai()
    assert ask(host, "POST", "/", token, id=taken, prompt="And on.").status_code == 200
    assert said(host, token, taken) == ["Hello!", "Fine.", "And on.", "Fine."]


def at(ending: str, body: bytes) -> Callable[[Asked], Answer]:
    """Answer that on paths with an ending, and what works on others."""
    works = openai()
    return lambda asked: Answer(body) if asked.path.endswith(ending) else works(asked)


NO_EMBEDDING: dict[str, object] = {
    "nothing": [],
    "another length": [0.5, 0.5],
    "zeros": [0.0] * 384,
    "beyond a double": [HUGE] * 384,
    "not a number": [float("nan")] * 384,
    "an infinity": [float("inf")] * 384,
    "texts": ["0.5"] * 384,
    "true": [True] * 384,
    "null": None,
    "lists": [[0.5]] * 384,
}


@pytest.mark.parametrize("embedding", NO_EMBEDDING.values(), ids=NO_EMBEDDING)
def test_a_wrong_embedding_is_a_failed_model_and_no_memory(
    host: RunningHost, endpoint: ModelEndpoint, embedding: object
) -> None:
    token = new_token(host)
    taken = start(host, token, BREAD)
    before = ask(host, "GET", "/memories", token).json()

    def answer(asked: Asked) -> Answer:
        if not asked.path.endswith("/embeddings"):
            return openai()(asked)
        count = len(json.loads(asked.body)["input"])
        rows = [{"index": index, "embedding": embedding} for index in range(count)]
        return Answer(json.dumps({"data": rows}).encode())

    endpoint.answer = answer
    refused = [
        ask(host, "POST", "/", token, id=taken, prompt="My bicycle is in the yard."),
        ask(host, "POST", "/", token, context="c", prompt="My bicycle is in the yard."),
        ask(host, "POST", "/memories", token, content="My bicycle is in the yard."),
        ask(host, "GET", "/memories/relevant?prompt=bread", token),
        ask(host, "GET", f"/conversations/{taken}/relevant?prompt=bread", token),
    ]

    # It compares embeddings of one request only, and is right where they are of one length.
    assert refused.pop().status_code in {200, 502}
    for one in refused:
        refused_with(one, 502, "model_failed", None)
    endpoint.answer = openai()
    assert ask(host, "GET", "/memories", token).json() == before
    on = ask(host, "POST", "/", token, id=taken, prompt="What bread do I bake on Sundays?")
    assert on.status_code == 200
    assert said(host, token, taken)[2:] == ["What bread do I bake on Sundays?", "Fine."]
    found = ask(host, "GET", "/memories/relevant?prompt=bread&distance_threshold=1", token).json()
    assert BREAD in {memory["content"] for memory in found["memories"]}


@pytest.mark.parametrize("api_type", ["default", "open_ai"])
def test_spins_own_interface_gives_no_more_than_text_and_numbers(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    endpoint: ModelEndpoint,
    tmp_path: pathlib.Path,
    api_type: str,
) -> None:
    assert wasm.exists()
    config = remote_config(tmp_path, endpoint.url, api_type)
    variables = as_flags([f"redis_address={shared_redis.address}", "long_term=redis"])
    bodies = [
        *NO_REPLY.values(),
        b'{"text":"\\ud83d","usage":{"promptTokenCount":1,"generatedTokenCount":1}}',
        b'{"text":"Hi.","usage":{"promptTokenCount":1e999,"generatedTokenCount":1}}',
        b'{"embeddings":[[1e300]],"usage":{"promptTokenCount":1}}',
        b'{"data":[{"embedding":[]}],"usage":{"prompt_tokens":1}}',
    ]
    with run_host(tmp_path / "host", "--runtime-config-file", config, *variables) as host:
        token = new_token(host)
        for body in bodies:
            endpoint.answer = lambda _, body=body: Answer(body)  # type: ignore[misc]
            answers = [
                ask(host, "POST", "/", token, context="c", prompt="Hello!"),
                ask(host, "POST", "/memories", token, content="My bicycle is in the yard."),
            ]
            assert {answered.json()["error"]["code"] for answered in answers} == {"model_failed"}
        assert '"fault"' not in host.output()


# the net


def test_what_nobody_thought_of_is_undone_logged_and_answered(
    host: RunningHost, shared_redis: RunningRedis
) -> None:
    token = new_token(host)
    taken = start(host, token, "My bicycle is called Rosinante.")
    for number in range(12):
        ask(host, "POST", "/", token, id=taken, prompt=f"Something else, of number {number}, long")
    evicted = ask(host, "GET", f"/conversations/{taken}", token).json()["evicted_turns"]
    connection = look(shared_redis)
    (key,) = keys(connection, f"outside:*:{taken}:archive")
    before = connection.call([b"LINDEX", key, b"0"])
    assert isinstance(before, bytes)
    wrong = before.replace(b'Rosinante."]', b'Rosinante.","yesterday"]')
    connection.call([b"LSET", key, b"0", wrong])

    failed = ask(host, "POST", "/", token, id=taken, prompt="How is my bicycle called?")

    assert evicted > 0
    refused_with(failed, 500, "internal_error", None)
    lines = logged(host, failed.headers["x-request-id"])
    fault = next(line for line in lines if "fault" in line)
    assert fault["fault"] == "TypeError"
    assert any("quotes.py" in frame for frame in fault["traceback"])
    assert "yesterday" not in json.dumps(lines)
    connection.call([b"LSET", key, b"0", before])
    connection.close()
    again = ask(host, "POST", "/", token, id=taken, prompt="How is my bicycle called?")
    assert again.status_code == 200, "the conversation is not locked"


def keys(connection: Connection, pattern: str) -> list[bytes]:
    found = connection.call([b"KEYS", pattern.encode()])
    return [key for key in found if isinstance(key, bytes)] if isinstance(found, list) else []


def test_an_export_that_breaks_off_ends_in_the_error_and_is_not_taken_back(
    host: RunningHost, shared_redis: RunningRedis
) -> None:
    token = new_token(host)
    broken, long = start(host, token, "Hello!"), start(host, token, "Hello!")
    messages = [{"role": "tool", "content": "x" * 1000}] * 100
    ask(host, "POST", f"/conversations/{long}/messages", token, messages=messages)
    connection = look(shared_redis)
    (key,) = keys(connection, f"outside:*:{broken}:turns")
    connection.call(
        [b"LSET", key, b"0", b'{"n":1,"messages":[["user","u"]],"tokens":[1,1,1],"at":5,"v":99}']
    )
    connection.close()

    with host.client.stream("GET", "/export", headers=bearer(token)) as answered:
        parts = until_it_breaks_off(answered)

    body = b"".join(parts)
    *_, last = body.split(b"\n")[:-1]
    error = json.loads(last)
    assert (error["type"], error["error"]["code"]) == ("error", "newer_schema")
    refused = host.client.post("/import", content=body, headers=bearer(token))
    assert refused.status_code == 400
    assert "not whole" in refused.json()["error"]["message"]
    line = logged(host, answered.headers["x-request-id"])[-1]
    assert (line["is_whole"], line["code"]) == (False, "newer_schema")


def until_it_breaks_off(answered: httpx.Response) -> list[bytes]:
    parts: list[bytes] = []
    with pytest.raises(httpx.RemoteProtocolError):
        parts.extend(answered.iter_raw())
    return parts
