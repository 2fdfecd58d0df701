"""Data of the version before are read and brought up; those of a newer one are refused."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from chat.core.schema import SCHEMA
from host.interfaces.resp import Connection
from tests.e2e.test_owners import ask, bearer
from tests.kept_data import (
    SAID,
    SETTINGS,
    TOKEN,
    answer,
    load_kept,
    write_collections,
    write_keys,
)
from tests.looking import look
from tests.running import (
    ModelEndpoint,
    RunningChroma,
    RunningHost,
    RunningRedis,
    as_flags,
    run_host,
)

MINE, ITEMS, WORK, BRANCH, OPEN = 1, 2, 3, 4, 5
"""The conversations of the kept data."""


@pytest.fixture
def connection(own_redis: RunningRedis) -> Iterator[Connection]:
    opened = look(own_redis)
    yield opened
    opened.close()


@pytest.fixture
def host(
    wasm: pathlib.Path,
    own_redis: RunningRedis,
    connection: Connection,
    endpoint: ModelEndpoint,
    tmp_path: pathlib.Path,
) -> Iterator[RunningHost]:
    """Serve over the data of the version before."""
    assert wasm.exists()
    write_keys(connection, load_kept(SCHEMA - 1)["redis"])
    endpoint.answer = answer
    where = [f"redis_address={own_redis.address}", f"model_origin={endpoint.url}"]
    told = as_flags([*where, "long_term=redis", "admin_token=0perat0rs-secret", *SETTINGS])
    with run_host(tmp_path / "host", *told) as running:
        yield running


def head_key(connection: Connection, conversation_id: int) -> bytes:
    keys = connection.call([b"KEYS", b"chat:{*}:%d" % conversation_id])
    assert isinstance(keys, list)
    (key,) = keys
    assert isinstance(key, bytes)
    return key


def version_of(connection: Connection, conversation_id: int) -> object:
    return connection.call([b"HGET", head_key(connection, conversation_id), b"v"])


def get(host: RunningHost, path: str) -> Any:
    answered = host.client.get(path, headers=bearer(TOKEN))
    assert answered.status_code == 200, answered.text
    return answered.json()


def test_data_of_the_version_before_are_read(host: RunningHost) -> None:
    heads = get(host, "/conversations")["conversations"]
    assert sorted(head["id"] for head in heads) == [MINE, ITEMS, WORK, BRANCH]
    mine = get(host, f"/conversations/{MINE}")
    assert (mine["title"], mine["pinned"], mine["turns"], mine["summary"]["text"]) == (
        "A cat", True, 13, "The cat is called Tom.",
    )  # fmt: skip
    read = get(host, f"/conversations/{MINE}/messages?last=100")["messages"]
    assert [message["role"] for message in read].count("user") == 13
    assert read[-1]["metadata"] == {"by": "a camera"}
    items = get(host, f"/v1/conversations/conv_{ITEMS}/items")["data"]
    assert {item["type"] for item in items} == {"message", "function_call", "function_call_output"}
    assert get(host, f"/conversations/{WORK}")["namespace"] == "work"
    memories = get(host, "/memories")["memories"]
    assert {"I live in Tallinn.", "I am allergic to nuts."} <= {one["content"] for one in memories}
    found = get(host, "/memories/relevant?prompt=Where+do+I+live+in+Tallinn%3F")["memories"]
    assert "I live in Tallinn." in [one["content"] for one in found]
    assert get(host, "/search?prompt=stove")["hits"]
    assert get(host, f"/conversations/{MINE}/relevant?prompt=cat+stove")["messages"]
    exported = host.client.get("/export", headers=bearer(TOKEN)).text.splitlines()
    assert json.loads(exported[-1])["type"] == "end"


def test_an_idempotency_key_of_the_version_before_holds(host: RunningHost) -> None:
    headers = {**bearer(TOKEN), "idempotency-key": "again"}
    body = json.dumps({"id": MINE, "prompt": "What is my cat called?"})
    repeated = host.client.post("/", content=body, headers=headers)

    assert (repeated.status_code, repeated.json()["reply"]) == (200, "I see.")
    assert get(host, f"/conversations/{MINE}")["turns"] == 13


def test_what_is_written_is_brought_up_and_what_is_only_read_is_not(
    host: RunningHost, connection: Connection
) -> None:
    own = str(SCHEMA).encode()
    for conversation_id in (MINE, ITEMS, WORK, BRANCH, OPEN):
        assert version_of(connection, conversation_id) is None
        get(host, f"/conversations/{conversation_id}")
        assert version_of(connection, conversation_id) is None

    taken = ask(host, "POST", "/", TOKEN, id=MINE, prompt=f"And now? {SAID}").json()
    ask(host, "PATCH", f"/conversations/{BRANCH}", TOKEN, title="Another")
    ask(host, "DELETE", f"/conversations/{WORK}/messages/1.0", TOKEN)
    ask(host, "POST", "/", None, id=OPEN, prompt="And who are you?")

    assert (taken["reply"], taken["usage"]["evicted_turns"] > 0) == ("I see.", True)
    for conversation_id in (MINE, BRANCH, WORK, OPEN):
        assert version_of(connection, conversation_id) == own, conversation_id
    assert version_of(connection, ITEMS) is None
    turns = connection.call([b"LRANGE", head_key(connection, MINE) + b":turns", b"0", b"-1"])
    assert isinstance(turns, list)
    versions = [json.loads(turn).get("v") for turn in turns if isinstance(turn, bytes)]
    assert versions[-1] == SCHEMA
    assert versions[0] is None, "a record is as it was until it is written again"


def make_newer(connection: Connection) -> None:
    connection.call([b"HSET", head_key(connection, MINE), b"v", str(SCHEMA + 1).encode()])


def test_what_a_newer_version_has_stored_is_refused_and_left_as_it_is(
    host: RunningHost, connection: Connection
) -> None:
    make_newer(connection)
    key = head_key(connection, MINE)
    before = connection.call([b"DUMP", key])
    path = f"/conversations/{MINE}"
    refused = [
        ask(host, "POST", "/", TOKEN, id=MINE, prompt="Hello?"),
        ask(host, "GET", path, TOKEN),
        ask(host, "GET", f"{path}/messages", TOKEN),
        ask(host, "PATCH", path, TOKEN, title="x"),
        ask(host, "DELETE", f"{path}/messages/12.0", TOKEN),
        ask(host, "DELETE", f"{path}/messages", TOKEN),
        ask(host, "POST", f"{path}/branch", TOKEN),
        ask(host, "GET", f"{path}/relevant?prompt=cat", TOKEN),
        ask(host, "GET", "/conversations", TOKEN),
        ask(host, "GET", "/search?prompt=stove", TOKEN),
    ]

    for answered in refused:
        error = answered.json()["error"]
        assert (answered.status_code, error["code"]) == (503, "newer_schema"), answered.text
        assert error["message"].startswith("a newer version of this service has stored this")
        assert answered.headers["retry-after"]
    assert connection.call([b"DUMP", key]) == before
    assert get(host, f"/conversations/{WORK}")["id"] == WORK, "what is beside it can be used"
    assert ask(host, "DELETE", "/me", TOKEN).status_code == 200, "an owner may always go"


def test_a_newer_record_is_refused_too(host: RunningHost, connection: Connection) -> None:
    key = head_key(connection, MINE) + b":turns"
    last = connection.call([b"LINDEX", key, b"-1"])
    assert isinstance(last, bytes)
    changed = json.dumps({**json.loads(last), "v": SCHEMA + 1}, separators=(",", ":"))
    connection.call([b"LSET", key, b"-1", changed.encode()])

    refused = ask(host, "GET", f"/conversations/{MINE}/messages", TOKEN)

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "newer_schema")


@pytest.mark.one_server("has records in Chroma whose names begin with the prefix of one server")
def test_chroma_of_the_version_before_is_read_brought_up_and_brings_redis_back(
    wasm: pathlib.Path,
    own_redis: RunningRedis,
    own_chroma: RunningChroma,
    endpoint: ModelEndpoint,
    tmp_path: pathlib.Path,
) -> None:
    assert wasm.exists()
    write_collections(own_chroma.address, load_kept(SCHEMA - 1)["chroma"])
    endpoint.answer = answer
    where = [f"redis_address={own_redis.address}", f"model_origin={endpoint.url}"]
    chroma = ["long_term=chroma", f"chroma_address={own_chroma.address}"]
    with run_host(tmp_path / "host", *as_flags([*where, *chroma, *SETTINGS])) as running:
        heads = get(running, "/conversations")["conversations"]
        assert sorted(head["id"] for head in heads) == [MINE, ITEMS, WORK, BRANCH]
        assert "I live in Tallinn." in {m["content"] for m in get(running, "/memories")["memories"]}
        taken = ask(running, "POST", "/", TOKEN, id=MINE, prompt=f"And now? {SAID}")

        assert taken.status_code == 200, taken.text
        read = get(running, f"/conversations/{MINE}/messages?last=100")["messages"]
        assert [message["role"] for message in read].count("user") == 14
