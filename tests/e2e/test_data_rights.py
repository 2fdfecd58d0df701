"""Export, import and erase: what an owner has can be carried away, brought back, and removed."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from chat.core.owners import owner_tag
from host.interfaces.resp import Connection, Status
from tests.e2e.test_memories import flags, openai
from tests.e2e.test_owners import ask, bearer, new_token, start
from tests.looking import look
from tests.running import (
    ModelEndpoint,
    RunningChroma,
    RunningHost,
    RunningRedis,
    as_flags,
    run_host,
)

SMALL = [
    "context_length=600", "max_reply_tokens=60", "memory_min_chars=20", "model_image_tokens=80",
]  # fmt: skip
BREAD = "I bake rye bread with caraway every Sunday."
BIKE = "My motorbike broke down near Köln 🏍 on Monday."


@pytest.fixture(scope="module")
def hosts(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_chroma: RunningChroma,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, RunningHost]]:
    """Run the chat with its memories in Redis, and with Chroma behind it."""
    assert wasm.exists()
    chroma = [f"chroma_address={shared_chroma.address}", "long_term=chroma"]
    url = shared_endpoint.url
    in_redis = flags(shared_redis, url, *SMALL, "key_prefix=r")
    in_chroma = flags(shared_redis, url, *SMALL, *chroma, "key_prefix=c")
    with (
        run_host(tmp_path_factory.mktemp("redis"), *in_redis) as redis,
        run_host(tmp_path_factory.mktemp("chroma"), *in_chroma) as chroma_host,
    ):
        yield {"redis": redis, "chroma": chroma_host}


@pytest.fixture(params=["redis", "chroma"])
def host(
    request: pytest.FixtureRequest, hosts: dict[str, RunningHost], endpoint: ModelEndpoint
) -> RunningHost:
    endpoint.answer = openai()
    return hosts[request.param]


def export(host: RunningHost, token: str) -> list[dict[str, Any]]:
    answered = ask(host, "GET", "/export", token)
    assert answered.status_code == 200
    assert answered.headers["content-type"] == "application/jsonl"
    return [json.loads(line) for line in answered.text.split("\n")[:-1]]


def send_back(host: RunningHost, token: str, lines: list[dict[str, Any]]) -> httpx.Response:
    body = "".join(json.dumps(line) + "\n" for line in lines)
    return host.client.post("/import", content=body, headers=bearer(token))


def make_much(host: RunningHost, token: str) -> int:
    """Make something of everything; return the id of the fuller conversation."""
    first = start(host, token, BREAD)
    messages = [
        {"role": "user", "content": BIKE, "created_at": 1_700_000_000.5},
        {"role": "tool", "content": "{}", "metadata": {"a": [1, None, {"ü": True}]}},
        {"role": "assistant", "content": "I am sorry to hear of it, truly."},
    ]
    path = f"/conversations/{first}"
    ask(host, "POST", f"{path}/messages", token, messages=messages)
    for number in range(12):
        ask(host, "POST", "/", token, id=first, prompt=f"Short prompt of number {number}")
    ask(host, "DELETE", f"{path}/messages/3.0", token)
    ask(host, "PATCH", path, token, title='A "title" \\n', pinned=True)
    second = start(host, token, "Hello!")
    ask(host, "PATCH", f"/conversations/{second}", token, context="Be kind.\n你好")
    ask(host, "POST", "/memories", token, content="I am allergic to peanuts, badly.")
    ask(host, "PATCH", f"/memories/{first}.2.0", token, content="My bike is fine.", pinned=True)
    ask(host, "DELETE", f"/memories/{first}.2.2", token)
    return first


def test_an_export_is_taken_back_as_it_was(host: RunningHost) -> None:
    token = new_token(host)
    first = make_much(host, token)
    before = export(host, token)
    messages = ask(host, "GET", f"/conversations/{first}/messages?last=100", token).json()
    assert ask(host, "DELETE", "/me", token).status_code == 200
    assert [line["type"] for line in export(host, token)] == ["export", "end"]

    answered = send_back(host, token, before)

    counts = {name: before[-1][name] for name in ("conversations", "turns", "memories")}
    assert counts == {"conversations": 2, "turns": 15, "memories": counts["memories"]}
    assert [c["status"] for c in answered.json()["conversations"]] == ["imported"] * 2
    assert answered.json()["memories"] == counts["memories"] > 10
    assert export(host, token)[1:] == before[1:]
    again = ask(host, "GET", f"/conversations/{first}/messages?last=100", token).json()
    assert again == messages
    evicted = ask(host, "GET", f"/conversations/{first}", token).json()["evicted_turns"]
    assert evicted > 0
    gone_on = ask(host, "POST", "/", token, id=first, prompt="What was my prompt of number 1?")
    assert gone_on.json()["usage"]["window_turns"] > 1


def test_a_conversation_without_a_message_left_is_carried_over(host: RunningHost) -> None:
    token = new_token(host)
    taken = start(host, token, "Hello!")
    for place in ("1.0", "1.1"):
        ask(host, "DELETE", f"/conversations/{taken}/messages/{place}", token)
    before = export(host, token)
    ask(host, "DELETE", "/me", token)

    assert send_back(host, token, before).status_code == 200

    assert [line["type"] for line in before] == ["export", "conversation", "end"]
    assert export(host, token)[1:] == before[1:]
    assert ask(host, "POST", "/", token, id=taken, prompt="And on.").json()["id"] == taken


def test_the_same_export_is_taken_once(host: RunningHost) -> None:
    token = new_token(host)
    make_much(host, token)
    lines = export(host, token)

    answered = send_back(host, token, lines)

    assert {c["status"] for c in answered.json()["conversations"]} == {"there_already"}
    assert export(host, token)[1:] == lines[1:]


def test_a_conversation_that_went_on_is_kept_beside_its_older_self(host: RunningHost) -> None:
    token = new_token(host)
    taken = start(host, token, "Hello!")
    lines = export(host, token)
    ask(host, "POST", "/", token, id=taken, prompt="And on.")

    answered = send_back(host, token, lines).json()["conversations"][0]

    assert answered["id_before"] == taken != answered["id"]
    older = ask(host, "GET", f"/conversations/{answered['id']}/messages?as_text=true", token)
    assert older.json()["messages"] == ["Hello!", "Fine."]
    newer = ask(host, "GET", f"/conversations/{taken}", token).json()
    assert newer["turns"] == 2


def test_another_service_gives_ids_of_its_own_and_memories_follow(
    host: RunningHost, shared_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    token = new_token(host)
    make_much(host, token)
    lines = export(host, token)
    more = [*SMALL, f"key_prefix=other-{token[:8].lower()}"]
    with run_host(tmp_path, *flags(shared_redis, endpoint.url, *more)) as other:
        stranger = new_token(other)
        answered = send_back(other, stranger, lines)

        ids = {c["id_before"]: c["id"] for c in answered.json()["conversations"]}
        assert sorted(ids.values()) == [1, 2]
        there = export(other, stranger)

    def moved(line: dict[str, Any]) -> dict[str, Any]:
        changed = dict(line)
        for name in ("id", "conversation_id"):
            if isinstance(changed.get(name), int):
                changed[name] = ids[changed[name]]
        if line["type"] == "memory" and line["conversation_id"]:
            changed["id"] = f"{changed['conversation_id']}.{line['id'].partition('.')[2]}"
        return changed

    def as_text(line: dict[str, Any]) -> str:
        return json.dumps(line, sort_keys=True)

    assert sorted(map(as_text, there[1:])) == sorted(as_text(moved(line)) for line in lines[1:])


def test_what_changed_since_an_export_stays_as_it_is(host: RunningHost) -> None:
    token = new_token(host)
    first = make_much(host, token)
    lines = export(host, token)
    ask(host, "PATCH", f"/memories/{first}.1.0", token, content="I gave up baking bread at all.")
    ask(host, "PATCH", f"/conversations/{first}", token, title="Another title")
    changed = export(host, token)

    assert send_back(host, token, lines).status_code == 200

    assert export(host, token)[1:] == changed[1:]


def test_a_memory_of_a_conversation_that_is_not_there_is_kept(host: RunningHost) -> None:
    token = new_token(host)
    mine = start(host, token, "Hello!")
    lost = MEMORY | {"conversation_id": mine, "id": f"{mine}.1.0", "content": "Of another talk."}
    later = MEMORY | {"conversation_id": 10**9, "id": f"{10**9}.1.0", "content": "Of a later one."}

    send_back(host, token, [HEAD, lost, later, END | {"memories": 2}])

    memories = ask(host, "GET", "/memories", token).json()["memories"]
    assert {m["content"] for m in memories} == {"Of another talk.", "Of a later one."}
    assert {m["source"] for m in memories} == {None}, "neither is of this conversation"


HEAD = {"type": "export", "version": 1}
END = {"type": "end", "conversations": 0, "turns": 0, "memories": 0}
TALK = {
    "type": "conversation", "id": 1, "title": None, "context": "c", "created_at": 5, "active_at": 6,
    "turns": 2, "pinned": False,
}  # fmt: skip
TURN = {
    "type": "turn", "conversation_id": 1, "number": 1, "at": 5,
    "messages": [{"role": "user", "content": "p"}],
}  # fmt: skip
MEMORY = {
    "type": "memory", "id": "note-0123456789abcdef", "role": "user", "content": "m",
    "created_at": 5, "conversation_id": None, "pinned": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "param"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([END], "line 1: type", id="no head"),
        pytest.param([HEAD | {"version": 2}], "line 1: version", id="version"),
        pytest.param([HEAD, HEAD], "line 2: version", id="two heads"),
        pytest.param([HEAD, TALK, TURN], None, id="no end"),
        pytest.param([HEAD, END | {"turns": 3}], "line 2: turns", id="not whole"),
        pytest.param([HEAD, END, TALK], "line 3: type", id="behind the end"),
        pytest.param([HEAD, {"type": "x"}], "line 2: type", id="type"),
        pytest.param([HEAD, 7], "line 2", id="no object"),
        pytest.param([HEAD, TALK | {"id": "1"}], "line 2: id", id="id"),
        pytest.param([HEAD, TALK, TALK], "line 3: id", id="id twice"),
        pytest.param([HEAD, TALK | {"context": None}], "line 2: context", id="context"),
        pytest.param([HEAD, TALK | {"title": "x" * 201}], "line 2: title", id="title"),
        pytest.param([HEAD, TALK | {"pinned": 1}], "line 2: pinned", id="pinned"),
        pytest.param([HEAD, TALK | {"created_at": None}], "line 2: created_at", id="no time"),
        pytest.param([HEAD, TALK | {"active_at": 1e12}], "line 2: active_at", id="future"),
        pytest.param([HEAD, TALK | {"turns": -1}], "line 2: turns", id="turns"),
        pytest.param([HEAD, TURN], "line 2: conversation_id", id="turn of nothing"),
        pytest.param([HEAD, TALK, TURN | {"conversation_id": 2}], "line 3: conversation_id"),
        pytest.param([HEAD, TALK, TURN | {"number": 3}], "line 3: number", id="number"),
        pytest.param([HEAD, TALK, TURN, TURN], "line 4: number", id="number twice"),
        pytest.param([HEAD, TALK, TURN | {"messages": [None]}], "line 3: messages"),
        pytest.param(
            [HEAD, TALK, TURN | {"messages": [{"role": "bot", "content": "x"}]}],
            "line 3: messages[0].role",
            id="role",
        ),
        pytest.param([HEAD, MEMORY | {"id": "1.1.0"}], "line 2: id", id="memory of nothing"),
        pytest.param([HEAD, MEMORY | {"conversation_id": 1}], "line 2: id", id="note of a talk"),
        pytest.param([HEAD, MEMORY | {"id": "chat:{x}:1"}], "line 2: id", id="memory id"),
        pytest.param([HEAD, MEMORY | {"role": "system"}], "line 2: role", id="memory role"),
        pytest.param([HEAD, MEMORY | {"content": " "}], "line 2: content", id="memory content"),
    ],
)
def test_what_is_no_whole_export_is_refused_by_line_and_nothing_is_taken(
    hosts: dict[str, RunningHost], lines: list[Any], param: str | None
) -> None:
    host = hosts["redis"]
    token = new_token(host)

    refused = send_back(host, token, [*lines[:1], *lines[1:]])

    assert refused.status_code in (400, 413)
    assert refused.json()["error"]["param"] == param
    assert [line["type"] for line in export(host, token)] == ["export", "end"]


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"type":"export","version":1}{', b"[" * 100_000])
def test_what_is_no_json_is_refused(hosts: dict[str, RunningHost], body: bytes) -> None:
    host = hosts["redis"]

    refused = host.client.post("/import", content=body, headers=bearer(new_token(host)))

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid_request")
    assert refused.json()["error"]["param"].startswith("line ")


def test_an_export_whose_lines_were_joined_is_taken(
    hosts: dict[str, RunningHost], endpoint: ModelEndpoint
) -> None:
    endpoint.answer = openai()
    host = hosts["redis"]
    body = " ".join(json.dumps(line) for line in (HEAD, MEMORY, END | {"memories": 1}))

    taken = host.client.post("/import", content=body, headers=bearer(new_token(host)))

    assert taken.json() == {"conversations": [], "memories": 1}


def test_memories_are_refused_where_there_are_none(remote_chat: RunningHost) -> None:
    token = new_token(remote_chat)
    lines = [HEAD, TALK, TURN, MEMORY, END | {"conversations": 1, "turns": 1, "memories": 1}]

    refused = send_back(remote_chat, token, lines)

    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "memory_off")
    assert [line["type"] for line in export(remote_chat, token)] == ["export", "end"]
    lines = [HEAD, TALK, TURN, END | {"conversations": 1, "turns": 1}]
    assert send_back(remote_chat, token, lines).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/export"), ("POST", "/import"), ("DELETE", "/me")]
)
def test_all_of_it_needs_a_credential(remote_chat: RunningHost, method: str, path: str) -> None:
    refused = remote_chat.client.request(method, path)

    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "credential_needed")


def test_an_import_is_bounded(
    wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    variables = [f"redis_address={shared_redis.address}", "max_import_bytes=100"]
    arguments = as_flags(variables)
    with run_host(tmp_path, *arguments) as host:
        refused = send_back(host, new_token(host), [HEAD, MEMORY, END])

    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")


def _keys(connection: Connection, pattern: str) -> list[bytes]:
    found = connection.call([b"KEYS", pattern.encode()])
    return [key for key in found if isinstance(key, bytes)] if isinstance(found, list) else []


# erase


def everything(redis: RunningRedis, chroma: RunningChroma) -> bytes:
    """Return all that both stores keep: names, values and records."""
    connection = look(redis)
    parts: list[object] = []
    readers = {
        "string": [b"GET"], "hash": [b"HGETALL"], "list": [b"LRANGE", b"0", b"-1"],
        "set": [b"SMEMBERS"], "zset": [b"ZRANGE", b"0", b"-1"],
    }  # fmt: skip
    for key in _keys(connection, "*"):
        kind = connection.call([b"TYPE", key])
        assert isinstance(kind, Status)
        if kind.text == "none":  # it has ended since it was listed
            continue
        command, *rest = readers[kind.text]
        parts += [key, connection.call([command, key, *rest])]
    connection.close()
    base = f"{chroma.address}/api/v2/tenants/default_tenant/databases/default_database/collections"
    with httpx.Client(trust_env=False) as client:
        for collection in client.get(base).json():
            wanted = {"include": ["documents", "metadatas"]}
            found = client.post(f"{base}/{collection['id']}/get", json=wanted)
            parts += [collection["name"], found.text]
    return repr(parts).encode()


def plant(host: RunningHost, token: str) -> int:
    """Say a word wherever one can be said; return the id of a conversation."""
    taken = start(host, token, "My prompt has a plantedword here.")
    headers = bearer(token) | {"idempotency-key": "plantedword"}
    fields = {"context": "plantedword", "prompt": "plantedword", "namespace": "plantedword"}
    body = json.dumps(fields)
    host.client.post("/", content=body, headers=headers)
    for number in range(12):
        ask(host, "POST", "/", token, id=taken, prompt=f"plantedword {number} and some more words")
    host.client.post("/", headers=headers, content=json.dumps({"id": taken, "prompt": "more"}))
    ask(host, "PATCH", f"/conversations/{taken}", token, title="plantedword", context="plantedword")
    ask(host, "POST", "/memories", token, content="A plantedword is a note.")
    ask(host, "POST", "/memories", token, content="Another plantedword.", namespace="plantedword")
    ask(host, "GET", f"/conversations/{taken}/relevant?prompt=plantedword", token)
    return taken


@pytest.mark.parametrize("backend", ["redis", "chroma"])
def test_nothing_of_an_erased_owner_is_in_any_store(
    backend: str,
    hosts: dict[str, RunningHost],
    shared_redis: RunningRedis,
    shared_chroma: RunningChroma,
    endpoint: ModelEndpoint,
) -> None:
    host = hosts[backend]
    mine, other = new_token(host), new_token(host)
    endpoint.answer = openai()
    start(host, other, "The other has an otherword here.")
    endpoint.answer = openai(lambda _: "The reply has a plantedword in it.")
    taken = plant(host, mine)
    tag = owner_tag(mine)[1:-1].encode()
    assert b"plantedword" in everything(shared_redis, shared_chroma)

    erased = ask(host, "DELETE", "/me", mine)

    assert erased.status_code == 200
    stores = erased.json()["stores"]
    assert sorted(stores) == (["chroma", "redis"] if backend == "chroma" else ["redis"])
    assert {store["status"] for store in stores.values()} == {"erased"}
    assert {store["left"] for store in stores.values()} == {0}
    assert stores["redis"]["removed"]["conversations"] == 2
    left = everything(shared_redis, shared_chroma)
    assert b"plantedword" not in left
    assert left.count(tag) == 1, "the mark, for as long as a turn may take and an hour"
    assert tag + b"}:erased" in left
    assert b"otherword" in left
    assert ask(host, "GET", "/conversations", mine).json()["conversations"] == []
    assert ask(host, "GET", "/memories", mine).json()["memories"] == []
    assert ask(host, "POST", "/", mine, id=taken, prompt="p").status_code == 404
    assert ask(host, "DELETE", "/me", mine).status_code == 200, "again, of nothing"


def test_a_turn_that_runs_while_its_owner_is_erased_stores_nothing(
    host: RunningHost, endpoint: ModelEndpoint
) -> None:
    token = new_token(host)
    taken = start(host, token, "Hello!")
    working = openai()

    def erases(asked: Any) -> Any:
        if asked.path.endswith("/completions"):
            assert ask(host, "DELETE", "/me", token).status_code == 200
        return working(asked)

    endpoint.answer = erases
    refused = ask(host, "POST", "/", token, id=taken, prompt=BREAD)

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "owner_erased")
    endpoint.answer = working
    assert [line["type"] for line in export(host, token)] == ["export", "end"]


@pytest.mark.parametrize("away", ["redis", "chroma"])
@pytest.mark.one_server("kills the server: test_cluster.py kills nodes")
def test_an_erasure_survives_a_store_that_is_away_and_can_be_asked_for_again(
    away: str,
    wasm: pathlib.Path,
    own_redis: RunningRedis,
    own_chroma: RunningChroma,
    endpoint: ModelEndpoint,
    tmp_path: pathlib.Path,
) -> None:
    assert wasm.exists()
    endpoint.answer = openai()
    more = [*SMALL, "long_term=chroma", f"chroma_address={own_chroma.address}"]
    with run_host(tmp_path / "host", *flags(own_redis, endpoint.url, *more)) as host:
        token = new_token(host)
        start(host, token, BREAD)
        stores: dict[str, RunningRedis | RunningChroma] = {"redis": own_redis, "chroma": own_chroma}
        stores[away].kill()

        first = ask(host, "DELETE", "/me", token)
        stores[away].start()
        second = ask(host, "DELETE", "/me", token)

        other = "redis" if away == "chroma" else "chroma"
        assert first.status_code == 503
        assert first.json()["error"]["code"] == "erase_incomplete"
        assert first.headers["retry-after"]
        assert first.json()["stores"][away] == {"status": "unavailable"}
        assert first.json()["stores"][other]["status"] == "erased"
        assert second.status_code == 200
        assert {s["status"] for s in second.json()["stores"].values()} == {"erased"}
        assert b"caraway" not in everything(own_redis, own_chroma)


def test_exports_imports_and_erasures_are_limited(
    wasm: pathlib.Path, own_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    variables = [f"redis_address={own_redis.address}", "rate_per_owner_per_minute=2"]
    arguments = as_flags(variables)
    with run_host(tmp_path / "host", *arguments) as host:
        token = new_token(host)
        lines = export(host, token)

        taken = send_back(host, token, lines)
        refused = [ask(host, "GET", "/export", token), send_back(host, token, lines)]
        erased = [ask(host, "DELETE", "/me", token) for _ in range(3)]

    assert taken.status_code == 200
    assert [answer.status_code for answer in refused] == [429, 429]
    assert [answer.status_code for answer in erased] == [200, 200, 429]
