"""What operators see and do: counters, metrics, clean-ups, and who is no operator."""

import http.client
import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from chat.core.owners import anyone
from chat.wiring.surfaces import OPERATIONS
from tests.e2e.test_memories import BREAD, flags, openai
from tests.e2e.test_owners import ask, bearer, keys_of, new_token, start
from tests.looking import look
from tests.running import (
    Answer,
    ModelEndpoint,
    RunningChroma,
    RunningHost,
    RunningRedis,
    as_flags,
    default_answer,
    free_port,
    remote_config,
    run_host,
)

ADMIN = "0perat0rs-secret"
PATHS = (("GET", "/admin/stats"), ("GET", "/metrics"), ("POST", "/admin/cleanup"))


def admin(host: RunningHost, method: str, path: str, token: str = ADMIN) -> httpx.Response:
    return host.client.request(method, path, headers={"authorization": f"Bearer {token}"})


def stats(host: RunningHost) -> dict[str, Any]:
    got: dict[str, Any] = admin(host, "GET", "/admin/stats").json()
    return got


def metrics(host: RunningHost) -> dict[str, float]:
    """Return every sample that Prometheus reads, by its name and its labels."""
    answered = admin(host, "GET", "/metrics")
    assert answered.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answered.text)
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def redis_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRedis]:
    redis = RunningRedis(free_port(), tmp_path_factory.mktemp("redis-of-all"))
    yield redis
    redis.stop()


@pytest.fixture
def own_redis(redis_of_all: RunningRedis) -> RunningRedis:
    """Return a Redis that has nothing, and which a test may kill."""
    if redis_of_all.process is None:
        redis_of_all.start()
    connection = look(redis_of_all)
    connection.call([b"FLUSHALL"])
    connection.close()
    return redis_of_all


@pytest.fixture(scope="module")
def host_of_all(
    wasm: pathlib.Path,
    redis_of_all: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    """Serve with little room."""
    assert wasm.exists()
    folder = tmp_path_factory.mktemp("admin")
    config = remote_config(folder, shared_endpoint.url)
    variables = [
        f"redis_address={redis_of_all.address}", f"admin_token={ADMIN}", "context_length=600",
        "max_reply_tokens=60", "rate_per_owner_per_minute=8", "retention_s=86400",
    ]  # fmt: skip
    more = as_flags(variables)
    with run_host(folder, "--runtime-config-file", config, *more) as running:
        yield running


@pytest.fixture
def host(host_of_all: RunningHost, own_redis: RunningRedis) -> RunningHost:
    assert own_redis.process is not None
    return host_of_all


def await_errors(host: RunningHost, count: int) -> dict[str, int]:
    """Errors are counted when their answers have gone out."""
    deadline = time.monotonic() + 10
    while sum(stats(host)["total"]["errors"].values()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    errors: dict[str, int] = stats(host)["total"]["errors"]
    return errors


@pytest.mark.parametrize("target", ["//x/admin/stats", "///admin/stats", "//[", "//[::1/livez"])
def test_a_path_with_two_slashes_is_another_one(host: RunningHost, target: str) -> None:
    address, port = host.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(address, int(port), timeout=20)
    connection.request("GET", target, headers={"authorization": f"Bearer {ADMIN}"})
    answered = connection.getresponse()

    assert (answered.status, json.load(answered)["error"]["code"]) == (404, "not_found")
    connection.close()


def test_without_a_token_there_is_nothing_for_operators(remote_chat: RunningHost) -> None:
    for method, path in PATHS:
        for asked in (method, "OPTIONS", "DELETE", "HEAD"):
            answered = remote_chat.client.request(asked, path, headers=bearer("x" * 43))
            assert answered.status_code == 404, (asked, path)
            assert "allow" not in answered.headers


@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer x", f"Basic {ADMIN}", ADMIN])
def test_only_the_operators_token_counts(host: RunningHost, value: str | None) -> None:
    headers = {} if value is None else {"authorization": value}
    for method, path in PATHS:
        refused = host.client.request(method, path, headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "operator_needed")
    token = new_token(host)
    assert admin(host, "GET", "/admin/stats", token).status_code == 401
    assert admin(host, "GET", "/admin/stats").status_code == 200
    assert ADMIN not in host.output()


@pytest.mark.parametrize("value", ["short", "with a space in it", "x" * 501])
def test_an_unusable_token_is_named_and_not_shown(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path: pathlib.Path, value: str
) -> None:
    assert wasm.exists()
    variables = [f"redis_address={shared_redis.address}", f"admin_token={value}"]
    arguments = as_flags(variables)
    with run_host(tmp_path, *arguments) as running:
        refused = running.client.get("/metrics")
        assert running.client.get("/livez").status_code == 200

    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["param"]) == (
        500, "invalid_setting", "admin_token",
    )  # fmt: skip
    assert value not in refused.text


def do_all_that_counts(host: RunningHost, endpoint: ModelEndpoint) -> None:
    """Take seven turns, add a message, and make four errors."""
    endpoint.answer = lambda _: Answer(default_answer("Fine.", 40, 4).body, delay_s=0.06)
    token = new_token(host)
    mine = start(host, token, "My cat is called Tom.")
    for prompt in ("Hello there.", "Good morning.", "Good night.", "Good day."):
        ask(host, "POST", "/", token, id=mine, prompt=f"{prompt} " * 12)
    ask(host, "POST", "/", token, id=mine, prompt="What is my cat called?")
    added = {"messages": [{"role": "user", "content": "A note."}]}
    ask(host, "POST", f"/conversations/{mine}/messages", token, **added)
    start(host, None, "Hello!")
    endpoint.answer = lambda _: Answer(b"", 500)
    ask(host, "POST", "/", token, id=mine, prompt="Fail.")
    refused = ask(host, "POST", "/", token, id=mine, prompt="Too many.")
    assert refused.status_code == 429
    host.client.post("/", content="{}")
    host.client.get("/conversations/999999")


@pytest.mark.one_server("begins with an empty server")
def test_what_was_done_is_counted(host: RunningHost, endpoint: ModelEndpoint) -> None:
    begun = time.time()
    assert stats(host)["since"] is None
    do_all_that_counts(host, endpoint)

    errors = await_errors(host, 4)

    assert errors == {
        "model_failed": 1, "rate_limited": 1, "invalid_request": 1, "conversation_not_found": 1,
    }  # fmt: skip
    got = stats(host)
    assert begun <= got["since"] <= time.time()
    total = got["total"]
    assert total == got["today"]
    times = [total.pop(name) for name in ("model_time", "turn_time")]
    assert 60 <= times[0]["average_ms"] <= times[1]["average_ms"] < 5000
    assert 50 < times[0]["p95_ms"] <= times[1]["p95_ms"] <= 5000
    evicted, recalled = total.pop("evicted_turns"), total.pop("recalled_turns")
    assert evicted >= 1
    assert recalled >= 1
    assert total == {
        "conversations_started": 2, "turns": 7, "messages": 15, "prompt_tokens": 280,
        "generated_tokens": 28, "recalled_memories": 0, "throttled": 1, "errors": errors,
        "error_rate": 0.1,
    }  # fmt: skip
    assert got["active_owners"] == {"today": 1, "last_7_days": 1}
    assert got["redis"]["keys"] > 5
    assert 100_000 < got["redis"]["memory_bytes"] < 1_000_000_000
    assert got["chroma"] is None
    samples = metrics(host)
    assert samples["chat_evicted_turns_total"] == evicted
    assert samples["chat_model_seconds_sum"] == pytest.approx(
        7 * times[0]["average_ms"] / 1000, 0.01
    )


def test_what_was_done_is_in_the_metrics(host: RunningHost, endpoint: ModelEndpoint) -> None:
    do_all_that_counts(host, endpoint)
    await_errors(host, 4)

    samples = metrics(host)

    assert samples["chat_turns_total"] == 7
    assert samples["chat_messages_total"] == 15
    assert samples["chat_errors_total take_turn rate_limited caller"] == 1
    assert samples["chat_errors_total take_turn model_failed server"] == 1
    assert samples["chat_errors_total show_conversation conversation_not_found caller"] == 1
    assert [samples[f"chat_requests_total POST / {status}"] for status in (200, 400, 429, 502)] == [
        7, 1, 1, 1,
    ]  # fmt: skip
    assert samples["chat_requests_total POST /session 201"] == 1
    assert samples["chat_requests_total POST /conversations/{id}/messages 201"] == 1
    assert samples["chat_requests_total GET /conversations/{id} 404"] == 1
    assert samples["chat_request_seconds_count POST /"] == 10
    assert samples["chat_request_seconds_bucket POST / 0.05"] <= 3, "a turn takes 60 ms and more"
    assert samples["chat_request_seconds_bucket POST / +Inf"] == 10
    assert 0.4 < samples["chat_request_seconds_sum POST /"] < 20
    assert samples["chat_redis_max_memory_bytes"] == 0
    assert samples["chat_redis_clients"] >= 1
    assert samples["chat_redis_max_clients"] >= 1000
    assert samples["chat_redis_cpu_seconds_total"] > 0
    assert "chat_cleaned_timestamp_seconds" not in samples
    assert samples["chat_since_timestamp_seconds"] > 1_700_000_000
    assert samples["chat_up redis"] == 1
    assert samples["chat_up model"] == 0
    assert samples["chat_model_seconds_count"] == 7
    assert samples["chat_model_seconds_bucket 0.05"] == 0
    assert samples["chat_model_seconds_bucket +Inf"] == 7
    assert samples["chat_active_owners 1"] == 1


@pytest.mark.one_server("kills the server: test_cluster.py kills nodes")
def test_a_scrape_asks_the_model_once_a_minute_and_chroma_each_time(
    wasm: pathlib.Path,
    own_redis: RunningRedis,
    own_chroma: RunningChroma,
    endpoint: ModelEndpoint,
    tmp_path: pathlib.Path,
) -> None:
    assert wasm.exists()
    endpoint.answer = openai()
    own = ["long_term=chroma", f"chroma_address={own_chroma.address}", f"admin_token={ADMIN}"]
    with run_host(tmp_path / "host", *flags(own_redis, endpoint.url, *own)) as host:
        assert metrics(host)["chat_up model"] == 1
        endpoint.answer = lambda _: Answer(b"", 500)
        samples = [metrics(host) for _ in range(3)]
        own_chroma.kill()
        without_chroma = metrics(host)
        own_redis.kill()
        without_redis = metrics(host)
        assert admin(host, "GET", "/admin/stats").status_code == 503

    assert len(endpoint.asked) == 1
    assert [one["chat_up model"] for one in samples] == [1, 1, 1]
    assert [one["chat_up chroma"] for one in samples] == [1, 1, 1]
    assert (without_chroma["chat_up chroma"], without_chroma["chat_up redis"]) == (0, 1)
    assert without_redis == {"chat_up redis": 0, "chat_up chroma": 0}, "the model is not asked"


def test_a_request_that_no_store_serves_is_not_counted_and_any_other_is(host: RunningHost) -> None:
    for path in ("/", "/livez", "/openapi.json", "/nowhere", "/readyz"):
        host.client.get(path)

    deadline = time.monotonic() + 10
    while "chat_requests_total GET /readyz 200" not in (samples := metrics(host)):
        assert time.monotonic() < deadline
    counted = {name for name in samples if name.startswith("chat_requests_total")}
    assert counted <= {
        "chat_requests_total GET /readyz 200", "chat_requests_total GET /metrics 200",
    }  # fmt: skip


def test_counters_name_nobody(
    host: RunningHost, own_redis: RunningRedis, endpoint: ModelEndpoint
) -> None:
    assert endpoint
    token = new_token(host)
    taken = start(host, token, "secretprompt")
    ask(host, "POST", "/", token, id=10**9, prompt="secretprompt")
    await_errors(host, 1)

    connection = look(own_redis)
    mine = [key for key in keys_of(connection) if b":stats" in key]
    fields = [connection.call([b"HKEYS", key]) for key in mine if not key.endswith(b":owners")]
    owner = next(key.split(b":")[1] for key in keys_of(connection) if b":conversations" in key)
    everything = b"".join(
        dumped for key in mine if isinstance(dumped := connection.call([b"DUMP", key]), bytes)
    )
    connection.close()

    assert len(mine) == 3
    actions = {operation.action for path in OPERATIONS.values() for operation in path.values()}
    for field in fields:
        assert isinstance(field, list)
        for name in field:
            assert isinstance(name, bytes)
            words = name.decode().split(" ")
            assert words[0] != "error" or words[1] in actions
            assert words[0] != "served" or words[2] in OPERATIONS
            assert owner.strip(b"{}") not in name
    for secret in (b"secretprompt", token.encode(), owner.strip(b"{}")):
        assert secret not in everything
    erased = ask(host, "DELETE", "/me", token)
    assert erased.status_code == 200
    assert taken
    assert stats(host)["total"]["turns"] == 1, "how much was said is nobody's"


@pytest.mark.one_server("kills the server: test_cluster.py kills nodes")
def test_counters_that_are_broken_stop_no_turn(
    host: RunningHost, own_redis: RunningRedis, endpoint: ModelEndpoint
) -> None:
    assert endpoint
    connection = look(own_redis)
    connection.call([b"SET", b"chat:stats", b"no hash"])
    taken = start(host, None, "Hello!")

    assert ask(host, "POST", "/", None, id=taken, prompt="And again.").status_code == 200
    refused = admin(host, "GET", "/admin/stats")
    assert refused.status_code == 500
    connection.call([b"DEL", b"chat:stats"])
    connection.call([b"HSET", b"chat:stats", b"turns", b"no number"])
    assert ask(host, "POST", "/", None, id=taken, prompt="And again.").status_code == 200
    connection.close()
    assert stats(host)["total"]["turns"] == 0
    own_redis.kill()
    assert metrics(host) == {"chat_up redis": 0}
    assert admin(host, "POST", "/admin/cleanup").status_code == 503


# cleaning up


def age(redis: RunningRedis, key: str, field: str, days: int) -> None:
    """Make something older by a number of days."""
    connection = look(redis)
    connection.call(
        [b"HSET", key.encode(), field.encode(), repr(time.time() - days * 86400).encode()]
    )
    connection.close()


def owner_of(redis: RunningRedis, taken: int) -> str:
    connection = look(redis)
    keys = [key.decode() for key in keys_of(connection)]
    connection.close()
    return next(key.split(":")[1] for key in keys if key.endswith(f"}}:{taken}"))


def test_what_is_too_old_is_removed_and_the_rest_stays(
    host: RunningHost, own_redis: RunningRedis, endpoint: ModelEndpoint
) -> None:
    assert endpoint
    token, other = new_token(host), new_token(host)
    old, pinned, young = (start(host, token, f"p{n}") for n in range(3))
    others = start(host, other, "theirs")
    open_old, lost_old, no_conversation = (start(host, None, "open") for _ in range(3))
    ask(host, "PATCH", f"/conversations/{pinned}", token, pinned=True)
    owner, another = owner_of(own_redis, old), owner_of(own_redis, others)
    for tag, taken in (
        (owner, old), (owner, pinned), (anyone(open_old), open_old), (anyone(lost_old), lost_old),
    ):  # fmt: skip
        age(own_redis, f"chat:{tag}:{taken}", "active_at", 2)
    connection = look(own_redis)
    connection.call([b"DEL", f"chat:{another}:{others}".encode()])  # as if it had expired
    connection.call([b"DEL", f"chat:{anyone(lost_old)}:{lost_old}:turns".encode()])
    alien = f"chat:{anyone(no_conversation)}:{no_conversation}".encode()
    connection.call([b"SET", alien, b"no conversation"])

    first = admin(host, "POST", "/admin/cleanup").json()
    again = admin(host, "POST", "/admin/cleanup").json()

    none = {"listed": 0, "postings": 0, "conversations": 0, "memories": 0}
    assert first == {"removed": {**none, "listed": 1, "conversations": 3}, "is_complete": True}
    assert again == {"removed": none, "is_complete": True}
    assert 0 <= time.time() - metrics(host)["chat_cleaned_timestamp_seconds"] < 20
    assert connection.call([b"GET", alien]) == b"no conversation"
    connection.close()
    statuses = {
        taken: ask(host, "GET", f"/conversations/{taken}", token).status_code
        for taken in (old, pinned, young, open_old, lost_old)
    }
    assert statuses == {old: 404, pinned: 200, young: 200, open_old: 404, lost_old: 404}


def empty(redis: RunningRedis) -> None:
    """Let Redis forget what owners have: Chroma alone has it."""
    connection = look(redis)
    for key in keys_of(connection):
        if b":{" in key:
            connection.call([b"DEL", key])
    connection.close()


def test_old_memories_and_what_chroma_keeps_are_removed_too(
    wasm: pathlib.Path,
    own_redis: RunningRedis,
    own_chroma: RunningChroma,
    endpoint: ModelEndpoint,
    tmp_path: pathlib.Path,
) -> None:
    assert wasm.exists()
    endpoint.answer = openai()
    chroma = f"chroma_address={own_chroma.address}"
    variables = ["long_term=chroma", chroma, f"admin_token={ADMIN}", "retention_s=5"]
    with run_host(tmp_path, *flags(own_redis, endpoint.url, *variables)) as host:
        token = new_token(host)
        old, pinned = start(host, token, BREAD), start(host, token, "Keep this.")
        ask(host, "PATCH", f"/conversations/{pinned}", token, pinned=True)
        notes = [
            ask(host, "POST", "/memories", token, content=text).json()["id"]
            for text in ("An old note.", "A pinned note.")
        ]
        ask(host, "PATCH", f"/memories/{notes[1]}", token, pinned=True)
        empty(own_redis)
        time.sleep(5.2)
        young = start(host, token, "Just said.")
        before = stats(host)["chroma"]

        removed = admin(host, "POST", "/admin/cleanup").json()["removed"]

        assert before["collections"] == 1
        assert removed["conversations"] == 1
        assert removed["memories"] == 2
        assert stats(host)["chroma"]["records"] == before["records"] - 4
        assert ask(host, "GET", f"/conversations/{old}", token).status_code == 404
        for kept in (pinned, young):
            assert ask(host, "GET", f"/conversations/{kept}", token).status_code == 200
        listed = ask(host, "GET", "/memories", token).json()["memories"]
        assert [memory["id"] for memory in listed] == [notes[1]]
        own_chroma.kill()
        failed = admin(host, "POST", "/admin/cleanup")
        assert (failed.status_code, failed.json()["error"]["code"]) == (503, "memory_unavailable")
        assert admin(host, "GET", "/metrics").status_code == 200, "Chroma is not asked"


# bodies


def test_no_more_of_a_body_is_read_than_may_be(host: RunningHost, endpoint: ModelEndpoint) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000_000

    refused = host.client.post("/", content=endless())
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")
    ignored = host.client.request("GET", "/livez", content=b" " * 1_000_000)
    assert ignored.status_code == 200
    assert endpoint.asked == []


def test_an_answer_of_a_models_that_is_too_large_is_not_read_to_its_end(
    wasm: pathlib.Path, own_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    endpoint.answer = lambda _: Answer(b" " * (65 * 1024 * 1024))
    variables = [
        f"redis_address={own_redis.address}",
        "model_api=openai",
        f"model_origin={endpoint.url}",
    ]
    arguments = as_flags(variables)
    with run_host(tmp_path, *arguments) as host:
        failed = host.client.post("/", content=json.dumps({"context": "c", "prompt": "p"}))

    assert failed.status_code == 503
    assert failed.json()["error"]["code"] == "model_unavailable"
