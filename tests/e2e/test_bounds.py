"""What strangers may cost, and that an erasure outlives what ran beside it, over real sockets."""

import json
import pathlib
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from chat.chroma.collection import collection_name
from chat.core.owners import owner_tag
from tests.e2e.test_data_rights import BREAD, END, HEAD, MEMORY, SMALL, TALK, TURN, everything
from tests.e2e.test_memories import flags, openai
from tests.e2e.test_owners import ask, bearer, new_token, start
from tests.looking import look
from tests.running import (
    Answer,
    Asked,
    ModelEndpoint,
    RunningChroma,
    RunningHost,
    RunningRedis,
    as_flags,
    run_host,
)

ADDRESS = "client_address_header=x-client"
PLANTED = "A plantedword of mine is in this sentence, again and again."
WORDS = f"{BREAD} {PLANTED}"
LINES = [
    HEAD,
    TALK,
    TURN | {"messages": [{"role": "user", "content": WORDS}]},
    TURN | {"number": 2, "messages": [{"role": "assistant", "content": WORDS}]},
    END | {"conversations": 1, "turns": 2},
]


def lines_of(*, has_memory: bool) -> bytes:
    """Render an export, with a memory where there are any."""
    lines: list[dict[str, Any]] = list(LINES)
    if has_memory:
        memory = MEMORY | {"content": WORDS}
        lines[-1:] = [memory, END | {"conversations": 1, "turns": 2, "memories": 1}]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


# an erasure beside what runs


@pytest.fixture(scope="module")
def hosts(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_chroma: RunningChroma,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, RunningHost]]:
    """Run the chat without memories, with its memories in Redis, and with Chroma behind it."""
    assert wasm.exists()
    chroma = [f"chroma_address={shared_chroma.address}", "long_term=chroma", "key_prefix=bc"]
    more = {"off": ["long_term=off", "key_prefix=bo"], "redis": ["key_prefix=br"], "chroma": chroma}
    url = shared_endpoint.url
    running = {
        name: run_host(tmp_path_factory.mktemp(name), *flags(shared_redis, url, *SMALL, *variables))
        for name, variables in more.items()
    }
    with running["off"] as off, running["redis"] as redis, running["chroma"] as with_chroma:
        yield {"off": off, "redis": redis, "chroma": with_chroma}


def erased_meanwhile(host: RunningHost, token: str, path: str) -> Any:
    """Answer as a model during whose first work of a kind the owner erases all."""
    working = openai(lambda _: PLANTED)
    erased: list[int] = []

    def answer(asked: Asked) -> Answer:
        if asked.path.endswith(path) and not erased:
            erased.append(ask(host, "DELETE", "/me", token).status_code)
        assert erased in ([], [200])
        return working(asked)

    return answer


def send(host: RunningHost, what: str, token: str, taken: int, backend: str) -> httpx.Response:
    """Send what is to be refused; what it says must stand nowhere afterwards."""
    if what == "start":
        return ask(host, "POST", "/", token, context="c", prompt=WORDS)
    if what == "resume":
        return ask(host, "POST", "/", token, id=taken, prompt=WORDS)
    if what == "add":
        messages = [{"role": "user", "content": WORDS}]
        return ask(host, "POST", f"/conversations/{taken}/messages", token, messages=messages)
    if what == "memory":
        return ask(host, "POST", "/memories", token, content=WORDS)
    body = lines_of(has_memory=backend == "redis")
    return host.client.post("/import", content=body, headers=bearer(token))


NEW = ("start", "import", "memory")
"""What an owner may do of whom nothing is stored."""
BESIDE = [
    *(("off", what, True) for what in ("start", "resume")),
    *((backend, what, True) for backend in ("redis", "chroma") for what in (*NEW, "resume", "add")),
    *((backend, what, False) for backend in ("redis", "chroma") for what in NEW),
]


@pytest.mark.parametrize(("backend", "what", "is_known"), BESIDE)
def test_what_runs_while_its_owner_is_erased_stores_nothing(
    backend: str,
    what: str,
    hosts: dict[str, RunningHost],
    shared_redis: RunningRedis,
    shared_chroma: RunningChroma,
    endpoint: ModelEndpoint,
    *,
    is_known: bool,
) -> None:
    host, token, taken = hosts[backend], secrets.token_urlsafe(32), 0
    endpoint.answer = openai()
    if is_known:
        taken = start(host, token, BREAD)
    path = "/completions" if what in ("start", "resume") else "/embeddings"
    endpoint.answer = erased_meanwhile(host, token, path)

    refused = send(host, what, token, taken, backend)

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "owner_erased")
    assert refused.headers["retry-after"] == "1"
    left = everything(shared_redis, shared_chroma)
    assert b"plantedword" not in left
    tag = owner_tag(token)
    assert left.count(tag.encode()) == 1, "the mark, and no collection"
    assert collection_name(f"b{backend[0]}", tag).encode() not in left
    endpoint.answer = openai()
    assert send(host, "start", token, 0, backend).status_code == 200, "a new owner"
    assert ask(host, "DELETE", "/me", token).status_code == 200
    assert b"plantedword" not in everything(shared_redis, shared_chroma)


def test_what_chroma_alone_has_is_not_brought_back_by_who_reads_during_an_erasure(
    hosts: dict[str, RunningHost], shared_redis: RunningRedis, endpoint: ModelEndpoint
) -> None:
    host, token = hosts["chroma"], secrets.token_urlsafe(32)
    endpoint.answer = openai()
    taken = start(host, token, WORDS)
    tag = owner_tag(token)
    run_redis(shared_redis, "SET", f"bc:{tag}:erased", "abc 99999999999")
    for key in (f"bc:{tag}:{taken}", f"bc:{tag}:{taken}:turns"):
        run_redis(shared_redis, "DEL", key)

    refused = ask(host, "GET", f"/conversations/{taken}/messages", token)

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "owner_erased")
    assert run_redis(shared_redis, "EXISTS", f"bc:{tag}:{taken}") == 0
    assert ask(host, "DELETE", "/me", token).status_code == 200
    assert ask(host, "GET", f"/conversations/{taken}", token).status_code == 404


def run_redis(redis: RunningRedis, *words: str) -> object:
    connection = look(redis)
    reply = connection.call([word.encode() for word in words])
    connection.close()
    return reply


# credentials, owners and imports of an address


@pytest.fixture
def run_bounded(wasm: pathlib.Path, shared_redis: RunningRedis, tmp_path: pathlib.Path) -> Any:
    """Run the chat with the demo model, whose client's addresses a header names."""
    assert wasm.exists()

    def run(*variables: str) -> Any:
        prefix = f"key_prefix=b-{secrets.token_hex(4)}"
        address = f"redis_address={shared_redis.address}"
        return run_host(tmp_path / "host", *as_flags([address, prefix, ADDRESS, *variables]))

    return run


TURN_BODY = json.dumps({"context": "c", "prompt": "My name is Ada."})


def from_address(
    host: RunningHost, address: str, method: str, path: str, body: str = "", token: str = ""
) -> httpx.Response:
    headers = {"x-client": address} | (bearer(token) if token else {})
    return host.client.request(method, path, content=body, headers=headers)


def test_an_address_is_given_so_many_credentials_a_minute(run_bounded: Any) -> None:
    with run_bounded("rate_credentials_per_minute=3", "access=private") as host:
        given = [from_address(host, "192.0.2.1", "POST", "/session") for _ in range(4)]
        spread = [from_address(host, f"198.51.100.{n}", "POST", "/session") for n in range(8)]
        begun = [from_address(host, "192.0.2.2", "POST", "/", TURN_BODY) for _ in range(4)]
        own = given[0].json()["token"]
        goes_on = from_address(host, "192.0.2.1", "POST", "/", TURN_BODY, own)
        subnets = [from_address(host, f"2001:db8:0:{n}::1", "POST", "/session") for n in range(5)]
        within = [from_address(host, f"2001:db8::{n}", "POST", "/session") for n in range(2, 5)]

    assert [answer.status_code for answer in given] == [201] * 3 + [429]
    assert [answer.status_code for answer in begun] == [200] * 3 + [429]
    for answer in (given[3], begun[3]):
        assert answer.json()["error"]["code"] == "rate_limited"
        assert "3 new credentials a minute" in answer.json()["error"]["message"]
        assert 0 < int(answer.headers["retry-after"]) <= 61
        assert "set-cookie" not in answer.headers
    assert {answer.status_code for answer in (*spread, *subnets)} == {201}
    assert [answer.status_code for answer in within] == [201, 201, 429]
    assert goes_on.status_code == 200


def test_an_address_brings_so_many_owners_that_nobody_saw(run_bounded: Any) -> None:
    with run_bounded("rate_credentials_per_minute=3") as host:
        tokens = [secrets.token_urlsafe(32) for _ in range(4)]
        begun = [from_address(host, "192.0.2.1", "POST", "/", TURN_BODY, own) for own in tokens]
        again = from_address(host, "192.0.2.1", "POST", "/", TURN_BODY, tokens[0])
        other = from_address(host, "192.0.2.2", "POST", "/", TURN_BODY, tokens[3])
        nobody = from_address(host, "192.0.2.1", "POST", "/", TURN_BODY)

    assert [answer.status_code for answer in begun] == [200] * 3 + [429]
    assert begun[3].json()["error"]["code"] == "rate_limited"
    assert [answer.status_code for answer in (again, other, nobody)] == [200] * 3


def test_an_import_counts_by_its_size(run_bounded: Any) -> None:
    body = lines_of(has_memory=False).decode()
    most = len(body) // 20
    with run_bounded(f"import_bytes_per_minute={most}") as host:
        token = new_token(host)
        taken = from_address(host, "192.0.2.1", "POST", "/import", body, token)
        waits = from_address(host, "192.0.2.1", "POST", "/import", "nonsense", new_token(host))
        other = from_address(host, "192.0.2.2", "POST", "/import", body, token)

    assert taken.status_code == 200, "a larger one is taken"
    assert (waits.status_code, waits.json()["error"]["code"]) == (429, "rate_limited")
    assert f"may import {most} bytes a minute" in waits.json()["error"]["message"]
    assert 18 * 60 < int(waits.headers["retry-after"]) < 21 * 60
    assert other.status_code == 200


# what an owner has


def test_an_owner_has_so_many_conversations(run_bounded: Any) -> None:
    with run_bounded("conversations_per_owner=2") as host:
        token = new_token(host)
        ids = [start(host, token) for _ in range(2)]
        refused = [
            ask(host, "POST", "/", token, context="c", prompt="p"),
            host.client.post("/import", content=lines_of(has_memory=False), headers=bearer(token)),
        ]
        assert ask(host, "POST", "/", token, id=ids[0], prompt="p").status_code == 200
        assert start(host, new_token(host)), "another owner has room"
        ask(host, "DELETE", f"/conversations/{ids[1]}", token)
        begun = ask(host, "POST", "/", token, context="c", prompt="p")

    for answer in refused:
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "storage_full")
        assert "which is 2" in answer.json()["error"]["message"]
        assert "forget a conversation" in answer.json()["error"]["message"]
    assert begun.status_code == 200


def test_an_owner_has_so_many_bytes(run_bounded: Any) -> None:
    with run_bounded("bytes_per_owner=20000", "long_term=redis", "memory_min_chars=99999") as host:
        token = new_token(host)
        ids = [start(host, token, "word " * 700) for _ in range(2)]
        messages = [{"role": "user", "content": "word " * 700}] * 5
        path = f"/conversations/{ids[1]}/messages"
        ask(host, "POST", path, token, messages=messages)
        before = ask(host, "GET", "/export", token).text.partition("\n")[2]
        refused = [
            ask(host, "POST", "/", token, context="c", prompt="p"),
            ask(host, "POST", "/", token, id=ids[0], prompt="p"),
            ask(host, "POST", path, token, messages=messages),
            ask(host, "POST", "/memories", token, content="a note"),
            host.client.post("/import", content=lines_of(has_memory=False), headers=bearer(token)),
        ]
        after = ask(host, "GET", "/export", token).text.partition("\n")[2]
        ask(host, "DELETE", f"/conversations/{ids[1]}", token)
        goes_on = ask(host, "POST", "/", token, id=ids[0], prompt="p")

    for answer in refused:
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "storage_full")
        assert "which is 20000" in answer.json()["error"]["message"]
    assert after == before, "nothing was stored"
    assert goes_on.status_code == 200


def test_without_a_credential_nothing_is_pinned(demo_chat: RunningHost) -> None:
    taken, token = start(demo_chat, None), new_token(demo_chat)
    for credential in (None, token):
        path = f"/conversations/{taken}"
        refused = ask(demo_chat, "PATCH", path, credential, pinned=True, title="t")
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "pinned")
        assert "without a credential" in refused.json()["error"]["message"]

    shown = ask(demo_chat, "GET", f"/conversations/{taken}").json()
    assert (shown["pinned"], shown["title"]) == (False, "a secret")
    own = start(demo_chat, token)
    pinned = ask(demo_chat, "PATCH", f"/conversations/{own}", token, pinned=True)
    assert pinned.json()["pinned"] is True


@pytest.mark.one_server("kills the server: test_cluster.py kills nodes")
def test_a_credential_needs_redis_where_credentials_are_counted(
    wasm: pathlib.Path, own_redis: RunningRedis, tmp_path: pathlib.Path
) -> None:
    assert wasm.exists()
    limit = "rate_credentials_per_minute=3"
    with run_host(tmp_path, *as_flags([f"redis_address={own_redis.address}", limit])) as host:
        own_redis.kill()
        refused = host.client.post("/session")

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "store_unavailable")


@pytest.mark.own_host("our host says at the start what the variables mean for strangers")
@pytest.mark.parametrize(("access", "is_told"), [("open", True), ("private", False)])
def test_an_open_service_says_so_once_at_the_start(
    run_bounded: Any, access: str, *, is_told: bool
) -> None:
    with run_bounded(f"access={access}") as host:
        told = host.output().count("access=open: what is begun without a credential belongs to")

    assert told == int(is_told)
