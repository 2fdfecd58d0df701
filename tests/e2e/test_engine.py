"""The engine under what really happens: added messages, limits, repetition, failures."""

import concurrent.futures
import contextlib
import json
import pathlib
import threading
import time
from collections.abc import Iterator

import httpx
import pytest

from host.interfaces.resp import Connection
from tests.looking import look
from tests.running import (
    Answer,
    Asked,
    Held,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    default_answer,
    remote_config,
    run_host,
)

RunChat = contextlib.AbstractContextManager[RunningHost]


class Chats:
    """Starts the chat with a test's own variables."""

    def __init__(self, folder: pathlib.Path, redis: RunningRedis, endpoint: ModelEndpoint) -> None:
        self._folder = folder
        self._redis = redis
        self._config = remote_config(folder, endpoint.url)

    def run(self, **variables: str) -> RunChat:
        given = {"redis_address": self._redis.address, **variables}
        flags = [part for n, v in given.items() for part in ("--variable", f"{n}={v}")]
        return run_host(self._folder, "--runtime-config-file", self._config, *flags)


@pytest.fixture
def chats(
    wasm: pathlib.Path, own_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> Chats:
    assert wasm.exists()
    return Chats(tmp_path, own_redis, endpoint)


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def contents(host: RunningHost, taken: int) -> list[str]:
    answer = host.client.get(f"/conversations/{taken}/messages?last=100&as_text=true")
    return list(answer.json()["messages"])


@contextlib.contextmanager
def commands(redis: RunningRedis) -> Iterator[Connection]:
    with contextlib.closing(look(redis)) as connection:
        yield connection


# messages without a reply


def add(host: RunningHost, taken: int, *messages: dict[str, object]) -> httpx.Response:
    return host.client.post(
        f"/conversations/{taken}/messages", content=json.dumps({"messages": messages})
    )


def test_messages_are_added_without_a_reply_and_shown_with_the_next_turn(
    remote_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    taken = remote_chat.post(context="sys", prompt="p1").json()["id"]
    endpoint.asked.clear()

    added = add(
        remote_chat,
        taken,
        {"role": "assistant", "content": "By the way."},
        {"role": "user", "content": "Look this up.", "created_at": 1700000000.5},
        {"role": "tool", "content": "42 }{ 你好", "metadata": {"call": {"id": 7}, "empty": {}}},
        {"role": "assistant", "content": "It is 42."},
        {"role": "system", "content": "Be brief."},
    )

    assert added.status_code == 201
    assert added.json()["message_ids"] == ["2.0", "3.0", "3.1", "3.2", "3.3"]
    assert endpoint.asked == []
    read = remote_chat.client.get(f"/conversations/{taken}/messages?last=4").json()["messages"]
    assert read[0]["created_at"] == 1700000000.5
    assert read[1]["metadata"] == {"call": {"id": 7}, "empty": {}}
    assert [message["role"] for message in read] == ["user", "tool", "assistant", "system"]
    remote_chat.post(id=taken, prompt="p2")
    assert endpoint.asked[-1].prompt == (
        "[INST] <<SYS>>\nsys\n<</SYS>>\n\np1 [/INST] Fine.\n\nBy the way. </s>"
        "<s>[INST] Look this up.\n\n(tool)\n42 }{ 你好 [/INST] It is 42. </s>"
        "<s>[INST] (system)\nBe brief.\n\np2 [/INST]"
    )


def test_added_messages_leave_the_window_as_turns_do(chats: Chats, endpoint: ModelEndpoint) -> None:
    with chats.run(context_length="400", max_reply_tokens="50") as host:
        taken = host.post(context="sys", prompt="p1").json()["id"]
        messages: list[dict[str, object]] = [
            {"role": role, "content": f"{role} {n} says something"}
            for n in range(50)
            for role in ("user", "assistant")
        ]

        added = add(host, taken, *messages).json()

        assert len(added["message_ids"]) == 100
        assert 40 < added["evicted_turns"] < 51
        assert contents(host, taken) == [m["content"] for m in messages]
        answer = host.post(id=taken, prompt="p2").json()
        assert answer["usage"]["window_turns"] >= 3
        assert endpoint.asked[-1].prompt.count("says something") >= 4
        summary = host.client.get(f"/conversations/{taken}").json()
        assert summary["turns"] == 52


MESSAGE: dict[str, object] = {"role": "user", "content": "c"}


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        pytest.param({}, 400, "messages", id="none"),
        pytest.param({"messages": []}, 400, "messages", id="an empty list"),
        pytest.param({"messages": [MESSAGE] * 101}, 400, "messages", id="101"),
        pytest.param({"messages": ["x"]}, 400, "messages[0]", id="no object"),
        pytest.param({"messages": [MESSAGE], "x": 1}, 400, "x", id="another field"),
        pytest.param(
            {"messages": [MESSAGE, {"role": "bot", "content": "c"}]}, 400, "messages[1].role",
            id="another role",
        ),
        pytest.param({"messages": [{"role": "user"}]}, 400, "messages[0].content", id="empty"),
        pytest.param(
            {"messages": [{**MESSAGE, "content": " "}]}, 400, "messages[0].content", id="blank"
        ),
        pytest.param(
            {"messages": [{**MESSAGE, "content": "x" * 65537}]}, 413, "messages[0].content",
            id="a content too large",
        ),
        pytest.param({"messages": [{**MESSAGE, "name": "a"}]}, 400, "messages[0].name", id="lost"),
        pytest.param(
            {"messages": [{**MESSAGE, "created_at": 99999999999}]}, 400, "messages[0].created_at",
            id="the future",
        ),
        pytest.param(
            {"messages": [{**MESSAGE, "created_at": True}]}, 400, "messages[0].created_at",
            id="no time",
        ),
        pytest.param(
            {"messages": [{**MESSAGE, "metadata": []}]}, 400, "messages[0].metadata", id="a list"
        ),
        pytest.param(
            {"messages": [{**MESSAGE, "metadata": {"x": "y" * 5000}}]}, 413,
            "messages[0].metadata", id="metadata too large",
        ),
    ],
)  # fmt: skip
def test_bad_messages_are_refused_by_field_and_none_is_added(
    remote_chat: RunningHost, body: dict[str, object], status: int, param: str
) -> None:
    taken = remote_chat.post(context="c", prompt="p").json()["id"]

    refused = remote_chat.client.post(f"/conversations/{taken}/messages", content=json.dumps(body))

    assert (refused.status_code, refused.json()["error"]["param"]) == (status, param)
    assert contents(remote_chat, taken) == ["p", "Fine."]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("last=101", "last"), ("last=-1", "last"), ("last=x", "last"), ("before=1", "before"),
        ("before=1.x", "before"), ("role=bot", "role"), ("role=", "role"),
        ("as_text=1", "as_text"), ("lasst=1", "lasst"),
    ],
)  # fmt: skip
def test_a_bad_query_is_refused_by_parameter(
    remote_chat: RunningHost, query: str, param: str
) -> None:
    taken = remote_chat.post(context="c", prompt="p").json()["id"]

    refused = remote_chat.client.get(f"/conversations/{taken}/messages?{query}")

    assert (error_of(refused), refused.json()["error"]["param"]) == (
        (400, "invalid_request"),
        param,
    )


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, None), ({"id": 2}, 400, "id"), ({"pinned": 1}, 400, "pinned"),
        ({"title": 5}, 400, "title"), ({"title": "x" * 201}, 413, "title"),
        ({"context": None}, 400, "context"), ({"context": "x" * 65537}, 413, "context"),
        ({"context": "word " * 3000, "title": "t"}, 413, "context"),
    ],
)  # fmt: skip
def test_a_bad_change_is_refused_by_field_and_changes_nothing(
    remote_chat: RunningHost, body: dict[str, object], status: int, param: str | None
) -> None:
    taken = remote_chat.post(context="c", prompt="p").json()["id"]
    before = remote_chat.client.get(f"/conversations/{taken}").json()

    refused = remote_chat.client.patch(f"/conversations/{taken}", content=json.dumps(body))

    assert (refused.status_code, refused.json()["error"]["param"]) == (status, param)
    assert remote_chat.client.get(f"/conversations/{taken}").json() == before


@pytest.mark.preview_2("a model of Spin's holds all requests of an instance")
def test_a_conversation_is_neither_changed_nor_added_to_while_a_turn_runs_but_may_be_forgotten(
    remote_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    taken = remote_chat.post(context="c", prompt="p1").json()["id"]
    path = f"/conversations/{taken}"
    held = Held("late")
    endpoint.answer = held
    with concurrent.futures.ThreadPoolExecutor() as threads:
        turn = threads.submit(remote_chat.post, id=taken, prompt="p2")
        held.await_request()
        busy = [
            add(remote_chat, taken, MESSAGE),
            remote_chat.client.patch(path, content='{"title":"t"}'),
            remote_chat.client.patch(path, content='{"context":"t"}'),
            remote_chat.client.delete(f"{path}/messages/1.0"),
        ]
        forgotten = remote_chat.client.delete(path)
        held.let_go()

    assert {error_of(response) for response in busy} == {(409, "conversation_busy")}
    assert forgotten.status_code == 200
    assert error_of(turn.result()) == (404, "conversation_not_found")
    assert remote_chat.client.get(path).status_code == 404, "and the turn brings nothing back"


# lifetimes


def test_an_owners_conversation_expires_whole_and_a_pinned_one_does_not(
    chats: Chats, own_redis: RunningRedis
) -> None:
    variables = {"ttl_active_s": "2", "context_length": "300", "max_reply_tokens": "60"}
    with chats.run(rate_global_per_minute="0", **variables) as host:
        token = host.client.post("/session").json()["token"]
        owner = {"authorization": f"Bearer {token}"}

        def turn(key: str, **fields: object) -> int:
            headers = {**owner, "idempotency-key": key}
            answer = host.client.post("/", content=json.dumps(fields), headers=headers)
            return int(answer.json()["id"])

        first, second = (turn(f"k{n}", context="c", prompt="p" * 99) for n in range(2))
        for number in range(8):
            turn(f"t{number}", id=first, prompt=f"p{number}" * 20)
        summary = host.client.get(f"/conversations/{first}", headers=owner).json()
        assert summary["evicted_turns"] > 0
        path = f"/conversations/{second}"
        pinned = host.client.patch(path, content='{"pinned":true}', headers=owner)
        assert pinned.json()["expires_at"] is None
        time.sleep(2.5)

        gone = host.client.post(
            "/", content=json.dumps({"id": first, "prompt": "p"}), headers=owner
        )
        assert error_of(gone) == (404, "conversation_not_found")
        with commands(own_redis) as connection:
            keys = connection.call([b"KEYS", b"chat:*"])
        assert isinstance(keys, list)
        assert not [key for key in keys if isinstance(key, bytes) and f"}}:{first}".encode() in key]
        assert turn("again", id=second, prompt="p") == second
        listed = host.client.get("/conversations", headers=owner).json()["conversations"]
        assert [row["id"] for row in listed] == [second]


# limits


def test_a_turn_over_the_limit_is_refused_and_costs_no_model_time(
    chats: Chats, endpoint: ModelEndpoint
) -> None:
    with chats.run(rate_per_owner_per_minute="3") as host:
        taken = host.post(context="c", prompt="p").json()["id"]
        left = [host.post(id=taken, prompt="p").headers["ratelimit-remaining"] for _ in range(2)]
        asked = len(endpoint.asked)

        refused = [host.post(id=taken, prompt="p"), host.post(context="c", prompt="p")]

        assert left == ["1", "0"]
        assert len(endpoint.asked) == asked
        for response in refused:
            assert error_of(response) == (429, "rate_limited")
            assert "3 turns a minute" in response.json()["error"]["message"]
            assert 50 <= int(response.headers["retry-after"]) <= 61
            assert response.headers["ratelimit-limit"] == "3"
            assert response.headers["ratelimit-remaining"] == "0"
            assert response.headers["ratelimit-reset"] == response.headers["retry-after"]
        assert contents(host, taken) == ["p", "Fine."] * 3
        forged = {"spin-client-addr": "9.9.9.9:1", "x-forwarded-for": "9.9.9.9"}
        turn = json.dumps({"id": taken, "prompt": "p"})
        assert host.client.post("/", content=turn, headers=forged).status_code == 429
        token = host.client.post("/session").json()["token"]
        owner = {"authorization": f"Bearer {token}"}
        turn = json.dumps({"context": "c", "prompt": "p"})
        assert host.client.post("/", content=turn, headers=owner).status_code == 200


def test_behind_a_proxy_the_limit_is_by_the_header_that_it_sets(chats: Chats) -> None:
    limit = {"rate_per_owner_per_minute": "1", "client_address_header": "x-forwarded-for"}
    with chats.run(**limit) as host:
        turn = json.dumps({"context": "c", "prompt": "p"})

        statuses = [
            host.client.post("/", content=turn, headers={"x-forwarded-for": seen}).status_code
            for seen in ("1.1.1.1", "2.2.2.2", "forged, 1.1.1.1", "2001:db8::1", "2.2.2.2")
        ]

    assert statuses == [200, 200, 429, 200, 429]


def test_all_together_are_limited(chats: Chats) -> None:
    with chats.run(rate_per_owner_per_minute="0", rate_global_per_minute="2") as host:
        statuses = []
        for _ in range(3):
            token = host.client.post("/session").json()["token"]
            owner = {"authorization": f"Bearer {token}"}
            turn = json.dumps({"context": "c", "prompt": "p"})
            statuses.append(host.client.post("/", content=turn, headers=owner).status_code)

    assert statuses == [200, 200, 429]


# repetition


def repeat(host: RunningHost, key: str, **fields: object) -> httpx.Response:
    return host.client.post("/", content=json.dumps(fields), headers={"idempotency-key": key})


def test_a_request_with_the_same_key_is_answered_again_and_no_second_turn_taken(
    remote_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    replies = iter(["r1", "r2", "never"])
    endpoint.answer = lambda _: default_answer(next(replies))
    key = f"key-{time.time_ns()}"

    started = [repeat(remote_chat, key, context="c", prompt="p1") for _ in range(3)]
    taken = started[0].json()["id"]
    resumed = [repeat(remote_chat, "2", id=taken, prompt="p2") for _ in range(3)]

    for answers in (started, resumed):
        assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert len(endpoint.asked) == 2
    assert contents(remote_chat, taken) == ["p1", "r1", "p2", "r2"]
    for response in (
        repeat(remote_chat, key, context="c", prompt="other"),
        repeat(remote_chat, "2", id=taken, prompt="other"),
    ):
        assert error_of(response) == (422, "idempotency_key_reused")


def test_the_same_request_sent_twice_at_once_is_one_turn(
    remote_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    slow = default_answer("r")
    slow.delay_s = 0.5
    endpoint.answer = lambda _: slow
    key = f"key-{time.time_ns()}"

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        calls = [
            threads.submit(repeat, remote_chat, key, context="c", prompt="p") for _ in range(4)
        ]
    answered = [call.result() for call in calls]

    assert {answer.status_code for answer in answered} == {200, 409}
    again = repeat(remote_chat, key, context="c", prompt="p")
    assert {answer.text for answer in answered if answer.is_success} == {again.text}
    assert len(endpoint.asked) == 1


def test_a_request_that_failed_may_be_repeated(
    remote_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    key = f"key-{time.time_ns()}"
    endpoint.answer = lambda _: Answer(b"no", 500)
    assert repeat(remote_chat, key, context="c", prompt="p").status_code == 502
    endpoint.answer = ModelEndpoint.answer

    started = repeat(remote_chat, key, context="c", prompt="p")

    assert started.status_code == 200
    path = f"/conversations/{started.json()['id']}"
    remote_chat.client.delete(path)
    gone = repeat(remote_chat, key, context="c", prompt="p")
    assert error_of(gone) == (404, "conversation_not_found"), "what is forgotten stays so"


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "\u00e9"])
def test_a_bad_key_is_refused(remote_chat: RunningHost, key: str) -> None:
    headers = {b"idempotency-key": key.encode()}
    turn = json.dumps({"context": "c", "prompt": "p"})
    refused = remote_chat.client.post("/", content=turn, headers=headers)

    assert (error_of(refused), refused.json()["error"]["param"]) == (
        (400, "invalid_request"),
        "Idempotency-Key",
    )


# an instance that is killed


def test_a_turn_whose_instance_is_killed_between_load_and_commit_leaves_the_conversation_whole(
    chats: Chats, endpoint: ModelEndpoint
) -> None:
    asked = threading.Event()

    def answer(_: Asked) -> Answer:
        asked.set()
        time.sleep(1)
        return default_answer("lost")

    with chats.run(turn_timeout_s="3") as host:
        taken = host.post(context="c", prompt="p1").json()["id"]
        endpoint.answer = answer
        with concurrent.futures.ThreadPoolExecutor() as threads:
            lost = [
                threads.submit(host.post, id=taken, prompt="lost"),
                threads.submit(repeat, host, "k", context="c", prompt="lost"),
            ]
            assert asked.wait(20)
            time.sleep(0.3)
            host.kill()
            for call in lost:
                assert isinstance(call.exception(), httpx.TransportError)
    endpoint.answer = ModelEndpoint.answer

    with chats.run(turn_timeout_s="3") as host:
        assert contents(host, taken) == ["p1", "Fine."]
        deadline = time.monotonic() + 15  # the mark of a running start outlives the longest turn
        while (retried := host.post(id=taken, prompt="p2")).status_code == 409:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        while (begun := repeat(host, "k", context="c", prompt="lost")).status_code == 409:
            assert time.monotonic() < deadline
            time.sleep(0.1)

        assert (retried.status_code, begun.status_code) == (200, 200)
        assert contents(host, taken) == ["p1", "Fine.", "p2", "Fine."]
        assert begun.json()["id"] == taken + 1, "no id was used up"


# failures


def test_a_reply_of_1_mb_is_refused_and_nothing_of_it_stored(
    remote_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    taken = remote_chat.post(context="c", prompt="p1").json()["id"]
    endpoint.answer = lambda _: default_answer("x" * 1_000_000)

    refused = remote_chat.post(id=taken, prompt="p2")

    assert error_of(refused) == (502, "model_failed")
    assert "65536 bytes" in refused.json()["error"]["message"]
    endpoint.answer = ModelEndpoint.answer
    assert remote_chat.post(id=taken, prompt="p3").status_code == 200
    assert contents(remote_chat, taken) == ["p1", "Fine.", "p3", "Fine."]


@pytest.mark.one_server("changes the server")
def test_a_slow_redis_is_waited_for(chats: Chats, own_redis: RunningRedis) -> None:
    with chats.run() as host:
        taken = host.post(context="c", prompt="p1").json()["id"]
        with commands(own_redis) as connection:
            connection.call([b"CLIENT", b"PAUSE", b"1500", b"ALL"])
        started = time.monotonic()

        assert host.post(id=taken, prompt="p2").status_code == 200
        assert time.monotonic() - started > 1


@pytest.mark.parametrize(
    ("break_", "mend"),
    [
        pytest.param(
            [b"REPLICAOF", b"127.0.0.1", b"1"], [b"REPLICAOF", b"NO", b"ONE"], id="read-only"
        ),
        pytest.param(
            [b"CONFIG", b"SET", b"maxmemory", b"1"], [b"CONFIG", b"SET", b"maxmemory", b"0"],
            id="out of memory",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("when", ["at load", "at commit"])
@pytest.mark.one_server("changes the server")
def test_a_redis_that_cannot_store_makes_a_change_unavailable_and_half_writes_nothing(
    chats: Chats,
    own_redis: RunningRedis,
    endpoint: ModelEndpoint,
    break_: list[bytes],
    mend: list[bytes],
    when: str,
) -> None:
    def call(command: list[bytes]) -> None:
        with commands(own_redis) as connection:
            connection.call(command)

    def break_while_asked(_: Asked) -> Answer:
        call(break_)
        return default_answer("lost")

    with chats.run(turn_timeout_s="1") as host:
        taken = host.post(context="c", prompt="p1").json()["id"]
        if when == "at load":
            call(break_)
        else:
            endpoint.answer = break_while_asked

        failed = [host.post(id=taken, prompt="lost"), host.post(context="c", prompt="lost")]
        if when == "at load":  # a turn that fails at its commit cannot unlock either
            failed += [
                add(host, taken, MESSAGE),
                host.client.patch(f"/conversations/{taken}", content='{"title":"t"}'),
            ]

        assert {error_of(response) for response in failed} == {(503, "store_unavailable")}
        assert {response.headers["retry-after"] for response in failed} == {"5"}
        call(mend)
        endpoint.answer = ModelEndpoint.answer
        while (retried := host.post(id=taken, prompt="p2")).status_code == 409:
            time.sleep(0.1)
        assert retried.status_code == 200
        assert contents(host, taken) == ["p1", "Fine.", "p2", "Fine."]
        assert host.client.get(f"/conversations/{taken}").json()["title"] == "p1"
