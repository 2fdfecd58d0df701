"""What operators see of each request: an id, guarding headers, and one line in the log."""

import json
import pathlib
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chat.core.errors import InvalidSetting
from chat.settings import parse_cors_origins
from host.interfaces.resp import Connection, Status
from tests.e2e.test_memories import flags, openai
from tests.e2e.test_owners import ask, bearer, new_token, start
from tests.looking import look
from tests.running import (
    Answer,
    ModelEndpoint,
    RunningChroma,
    RunningHost,
    RunningRedis,
    as_flags,
    remote_config,
    run_host,
)

GUARDS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def logged(host: RunningHost, request_id: str) -> list[dict[str, Any]]:
    """Wait until the log has lines about a request, and return them."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        lines = [line for line in host.output().splitlines() if f'"{request_id}"' in line]
        if lines:
            return [json.loads(line[line.index("{") :]) for line in lines]
        time.sleep(0.02)
    raise AssertionError(host.output())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/livez", 200),
        ("POST", "/session", 201),
        ("OPTIONS", "/conversations", 204),
        ("GET", "/conversations", 401),
        ("GET", "/nowhere", 404),
        ("PUT", "/", 405),
        ("HEAD", "/livez", 200),
    ],
)
def test_every_answer_is_guarded_and_has_an_id_that_is_in_the_log(
    remote_chat: RunningHost, method: str, path: str, status: int
) -> None:
    answered = remote_chat.client.request(method, path)

    assert answered.status_code == status
    assert {name: answered.headers[name] for name in GUARDS} == GUARDS
    (line,) = logged(remote_chat, answered.headers["x-request-id"])
    assert (line["method"], line["status"]) == (method, status)
    assert line["route"] == (None if path == "/nowhere" else path)
    assert 0 < line["ms"] < 60_000


def test_an_id_of_the_callers_is_taken_over_and_no_other_text(remote_chat: RunningHost) -> None:
    def answered(given: str) -> str:
        headers = {"x-request-id": given}
        return remote_chat.client.get("/livez", headers=headers).headers["x-request-id"]

    assert answered("proxy-1:a/b+c=.Z_") == "proxy-1:a/b+c=.Z_"
    for given in ("", "a b", 'a"b', "x" * 129, "{}"):
        assert answered(given) != given
        assert len(answered(given)) == 32


def test_a_turn_is_logged_with_times_and_counts_and_without_a_word_of_it(
    remote_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    body = {"text": "A secretreply.", "usage": {"promptTokenCount": 31, "generatedTokenCount": 7}}
    endpoint.answer = lambda _: Answer(json.dumps(body).encode(), delay_s=0.1)
    token = new_token(remote_chat)
    turn = json.dumps({"context": "secretcontext", "prompt": "secretprompt"})

    answered = remote_chat.client.post("/", content=turn, headers=bearer(token))

    (line,) = logged(remote_chat, answered.headers["x-request-id"])
    assert line["ms"] > line["model_ms"] >= 100
    for name in ("ms", "model_ms", "request_id", "time", "conversation"):
        del line[name]
    assert line == {
        "level": "info", "event": "request",
        "method": "POST", "route": "/", "status": 200, "prompt_tokens": 31, "generated_tokens": 7,
        "evicted_turns": 0, "recalled_turns": 0, "recalled_memories": 0,
    }  # fmt: skip
    taken = answered.json()["id"]
    shown = ask(remote_chat, "GET", f"/conversations/{taken}/messages?last=7", token)
    assert logged(remote_chat, shown.headers["x-request-id"])[0]["route"] == (
        "/conversations/{id}/messages"
    )
    for secret in ("secretreply", "secretcontext", "secretprompt", token):
        assert secret not in remote_chat.output()


def test_a_refusal_is_logged_with_its_code(remote_chat: RunningHost) -> None:
    refused = remote_chat.post(id=10**12, prompt="Who is there?")

    (line,) = logged(remote_chat, refused.headers["x-request-id"])
    assert (line["status"], line["code"]) == (404, "conversation_not_found")
    assert start(remote_chat, None, "Hello!")


def forget_health(redis: RunningRedis) -> None:
    """Let the model be asked again, as it is after five seconds."""
    connection = look(redis)
    assert connection.call([b"DEL", b"chat:model_health"]) == 1
    connection.close()


@pytest.mark.one_server("kills the server: test_cluster.py kills nodes")
def test_health_names_the_parts_that_do_not_answer_and_life_goes_on(
    wasm: pathlib.Path,
    own_redis: RunningRedis,
    own_chroma: RunningChroma,
    endpoint: ModelEndpoint,
    tmp_path: pathlib.Path,
) -> None:
    assert wasm.exists()
    working = endpoint.answer = openai()
    chroma = ["long_term=chroma", f"chroma_address={own_chroma.address}"]
    with run_host(tmp_path / "host", *flags(own_redis, endpoint.url, *chroma)) as host:
        well = host.client.get("/healthz")
        assert (well.status_code, well.json()) == (
            200, {"status": "ok", "parts": {"redis": "ok", "model": "ok", "chroma": "ok"}},
        )  # fmt: skip
        assert json.loads(endpoint.asked[-1].body)["max_tokens"] == 1

        asked = len(endpoint.asked)
        assert host.client.get("/healthz").json() == well.json()
        assert len(endpoint.asked) == asked, "a model may charge for it: once is enough"
        forget_health(own_redis)
        endpoint.answer = lambda _: Answer(b"", 500)
        no_model = host.client.get("/healthz")
        endpoint.answer = working
        own_redis.kill()
        own_chroma.kill()
        no_stores = host.client.get("/healthz")

        assert (no_model.status_code, no_model.json()["error"]["code"]) == (503, "unhealthy")
        assert no_model.headers["retry-after"]
        assert no_model.json()["parts"] == {"redis": "ok", "model": "model_failed", "chroma": "ok"}
        assert no_stores.json()["parts"] == {
            "redis": "store_unavailable", "model": "ok", "chroma": "memory_unavailable",
        }  # fmt: skip
        assert host.client.get("/livez").status_code == 200


def fail_to_save(redis: Connection) -> None:
    redis.call([b"BGSAVE"])
    deadline = time.monotonic() + 20
    while "rdb_last_bgsave_status:err" not in str(redis.call([b"INFO"])):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.one_server("changes the server")
def test_a_redis_that_takes_no_writes_is_not_healthy(
    wasm: pathlib.Path, own_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    endpoint.answer = openai()
    redis = look(own_redis)

    def set_config(name: bytes, value: bytes) -> None:
        assert redis.call([b"CONFIG", b"SET", name, value]) == Status("OK")

    def parts_when_refused() -> tuple[int, dict[str, str]]:
        endpoint.asked.clear()
        answered = host.client.get("/healthz")
        assert len(endpoint.asked) <= 1, "a model may charge for it: once is enough"
        return answered.status_code, answered.json()["parts"]

    refused = (503, {"redis": "store_unavailable", "model": "ok"})
    config = ["--runtime-config-file", remote_config(tmp_path, endpoint.url)]
    with run_host(tmp_path / "host", *flags(own_redis, endpoint.url), *config) as host:
        assert host.client.get("/healthz").status_code == 200
        forget_health(own_redis)

        set_config(b"maxmemory", b"1")
        assert parts_when_refused() == refused, "full"
        set_config(b"maxmemory", b"0")
        assert host.client.get("/healthz").status_code == 200

        redis.call([b"REPLICAOF", b"127.0.0.1", b"1"])
        assert parts_when_refused() == refused, "a read-only replica"
        redis.call([b"REPLICAOF", b"NO", b"ONE"])
        assert host.client.get("/healthz").status_code == 200

        shutil.rmtree(own_redis.folder)
        set_config(b"save", b"1 1")
        fail_to_save(redis)
        assert parts_when_refused() == refused, "cannot save"
        assert host.client.get("/livez").status_code == 200
    set_config(b"save", b"")  # it would not end before it has saved
    redis.close()


@pytest.mark.one_server("kills the server: test_cluster.py kills nodes")
def test_it_is_ready_while_redis_takes_writes_whatever_becomes_of_the_model(
    wasm: pathlib.Path, own_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    endpoint.answer = lambda _: Answer(b"", 500)
    with run_host(tmp_path, *flags(own_redis, endpoint.url)) as host:
        ready = host.client.get("/readyz")
        own_redis.kill()
        no_redis = host.client.get("/readyz")
        request_id = no_redis.headers["x-request-id"]

        assert (ready.status_code, ready.json()) == (
            200,
            {"status": "ok", "parts": {"redis": "ok"}},
        )
        assert endpoint.asked == []
        assert (no_redis.status_code, no_redis.json()["error"]["code"]) == (503, "unhealthy")
        assert no_redis.json()["notes"] == {
            "redis": "the conversation store does not answer: nothing listens at `redis_address`"
        }
        assert "nothing listens at" in logged(host, request_id)[0]["reason"]


@pytest.mark.parametrize(
    ("variable", "allowed"),
    [
        ("context_length=abc", "a whole number from 64 to"),
        ("redis_address=127.0.0.1:6379", "`redis://host:port`"),
        ("model_origin=127.0.0.1:8080", "`https://host` or `http://host:port`"),
        ("chroma_address=127.0.0.1", "`https://host` or `http://host:port`"),
        ("admin_token=short", "empty, or 16 to 500"),
        ("cors_origins=*", "origins as `https://host`"),
    ],
)
def test_a_setting_that_is_wrong_is_not_ready(
    wasm: pathlib.Path, own_redis: RunningRedis, tmp_path: pathlib.Path, variable: str, allowed: str
) -> None:
    assert wasm.exists()
    variables = [f"redis_address={own_redis.address}", variable]
    with run_host(tmp_path, *as_flags(variables)) as host:
        answered = host.client.get("/readyz")

        assert (answered.status_code, answered.json()["error"]["code"]) == (500, "invalid_setting")
        name = variable.partition("=")[0]
        assert answered.json()["error"]["param"] == name
        assert f"the variable `{name}` must be {allowed}" in answered.json()["error"]["message"]


PAGE, OTHER = "https://page.test", "https://other.test"


@pytest.fixture(scope="module")
def shared_chat(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHost]:
    assert wasm.exists()
    variables = [f"redis_address={shared_redis.address}", f"cors_origins={PAGE}, http://h.test:8"]
    arguments = as_flags(variables)
    with run_host(tmp_path_factory.mktemp("cors"), *arguments) as host:
        yield host


def test_a_page_of_a_named_origin_may_ask_and_read(shared_chat: RunningHost) -> None:
    asks = {"origin": PAGE, "access-control-request-method": "PATCH"}
    preflight = shared_chat.client.options("/conversations/1", headers=asks)
    refused = shared_chat.client.get("/conversations", headers={"origin": PAGE})

    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == PAGE
    assert "x-request-id" in refused.headers["access-control-expose-headers"]
    assert {answer.headers["vary"] for answer in (preflight, refused)} == {"origin"}
    assert "access-control-allow-credentials" not in preflight.headers


@pytest.mark.parametrize("origin", [OTHER, "null", PAGE + ".evil.test", "http://page.test", ""])
def test_a_page_of_another_origin_may_not(shared_chat: RunningHost, origin: str) -> None:
    asks = {"origin": origin, "access-control-request-method": "POST"}
    for answered in (
        shared_chat.client.options("/", headers=asks),
        shared_chat.client.get("/livez", headers={"origin": origin}),
    ):
        assert answered.headers["vary"] == "origin"
        assert not [name for name in answered.headers if name.startswith("access-control")]


def test_no_origin_is_named_as_it_comes(remote_chat: RunningHost) -> None:
    answered = remote_chat.client.get("/livez", headers={"origin": PAGE})

    assert not [name for name in answered.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "value", ["*", "page.test", "https://page.test/", "https://a.test https://b.test"]
)
def test_unusable_origins_are_named(value: str) -> None:
    with pytest.raises(InvalidSetting, match="the variable `cors_origins` must be "):
        parse_cors_origins({"cors_origins": value}.__getitem__)
