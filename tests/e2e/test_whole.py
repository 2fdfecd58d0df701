"""What Redis lost is told from what is whole, and put right where it can be."""

import json
import pathlib
from collections.abc import Iterator

import pytest

from host.interfaces.resp import Connection
from tests.e2e.test_owners import ask, bearer, new_token, start
from tests.looking import look
from tests.running import (
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    remote_config,
    run_host,
)


@pytest.fixture(scope="module")
def chat(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    """Run a chat whose ids are its own."""
    assert wasm.exists()
    folder = tmp_path_factory.mktemp("whole")
    variables = [f"redis_address={shared_redis.address}", "key_prefix=whole"]
    config = ["--runtime-config-file", remote_config(folder, shared_endpoint.url)]
    with run_host(folder, *config, *as_flags(variables)) as host:
        yield host


@pytest.fixture
def redis(shared_redis: RunningRedis) -> Iterator[Connection]:
    connection = look(shared_redis)
    yield connection
    connection.close()


def test_a_conversation_that_lost_its_turns_is_corrupt_until_it_is_forgotten(
    chat: RunningHost, redis: Connection
) -> None:
    taken = start(chat, None, "Hello!")
    path = f"/conversations/{taken}"
    key = f"whole:{{anyone:{taken}}}:{taken}:turns".encode()
    assert redis.call([b"DEL", key]) == 1

    refused = [
        chat.post(id=taken, prompt="And on."),
        ask(chat, "GET", path, None),
        ask(chat, "GET", f"{path}/messages", None),
        ask(chat, "PATCH", path, None, title="t"),
        ask(chat, "POST", f"{path}/messages", None, messages=[{"role": "user", "content": "x"}]),
        ask(chat, "DELETE", f"{path}/messages/1.0", None),
    ]

    assert {(r.status_code, r.json()["error"]["code"]) for r in refused} == {
        (500, "corrupt_conversation")
    }
    assert redis.call([b"EXISTS", key, key.replace(b":turns", b":lock")]) == 0
    assert ask(chat, "DELETE", path, None).status_code == 200
    assert chat.post(id=taken, prompt="And on.").status_code == 404


def test_after_the_counter_was_lost_no_id_is_given_out_twice(
    chat: RunningHost, redis: Connection
) -> None:
    token = new_token(chat)
    before = [start(chat, owner, "Hello!") for owner in (None, token, token)]
    redis.call([b"DEL", b"whole:next_id"])
    after = [start(chat, owner, "Hello!") for owner in (None, token)]

    redis.call([b"SET", b"whole:next_id", str(before[0] - 1).encode()])
    latest = [start(chat, owner, "Hello!") for owner in (None, token, None)]

    assert sorted({*before, *after, *latest}) == [*before, *after, *latest]
    for taken in (before[0], after[0], *latest[::2]):
        assert ask(chat, "GET", f"/conversations/{taken}", None).json()["turns"] == 1


def test_an_import_takes_no_id_that_is_there(chat: RunningHost, redis: Connection) -> None:
    token = new_token(chat)
    mine = start(chat, token, "Hello!")
    exported = ask(chat, "GET", "/export", token).text
    other = new_token(chat)
    theirs = [start(chat, other, "Hello!") for _ in range(3)]
    redis.call([b"SET", b"whole:next_id", str(theirs[0] - 1).encode()])

    lines = [json.loads(line) for line in exported.splitlines()]
    lines[1]["id"] = lines[2]["conversation_id"] = 10**9
    body = "\n".join(map(json.dumps, lines))
    taken = chat.client.post("/import", content=body, headers=bearer(other))

    assert taken.status_code == 200, taken.text
    (one,) = taken.json()["conversations"]
    assert one["id"] > max(theirs) > mine
