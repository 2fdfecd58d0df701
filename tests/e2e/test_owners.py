"""Owners: what is made with a credential can be reached with it alone, whatever is tried."""

import json
import pathlib
import re
import string
from collections.abc import Iterator

import httpx
import pytest

from host.interfaces.resp import Connection
from tests.looking import look
from tests.running import (
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    remote_config,
    run_host,
)


def new_token(host: RunningHost) -> str:
    return str(host.client.post("/session").json()["token"])


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def ask(
    host: RunningHost, method: str, path: str, token: str | None = None, **fields: object
) -> httpx.Response:
    """Send a request, with fields as its JSON body."""
    headers = bearer(token) if token else {}
    content = json.dumps(fields) if fields else None
    return host.client.request(method, path, headers=headers, content=content)


def start(host: RunningHost, token: str | None, prompt: str = "a secret") -> int:
    return int(ask(host, "POST", "/", token, context="c", prompt=prompt).json()["id"])


@pytest.fixture
def mine(remote_chat: RunningHost) -> tuple[int, str]:
    """Start a conversation of somebody's, with something of everything in it."""
    token = new_token(remote_chat)
    taken = start(remote_chat, token)
    ask(remote_chat, "PATCH", f"/conversations/{taken}", token, title="my title")
    return taken, token


# credentials


def test_a_session_is_a_token_of_256_bits(remote_chat: RunningHost) -> None:
    first, second = (remote_chat.client.post("/session") for _ in range(2))

    token = first.json()["token"]
    assert first.status_code == 201
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    assert token != second.json()["token"]
    assert first.headers["cache-control"] == "no-store"
    assert "set-cookie" not in first.headers, "a program has the token"


PAGE = {"sec-fetch-site": "same-origin"}


def test_the_page_gets_its_credential_as_a_cookie(remote_chat: RunningHost) -> None:
    given = remote_chat.client.post("/session", headers=PAGE)
    by_origin = remote_chat.client.post("/session", headers={"origin": remote_chat.url})
    behind_tls = remote_chat.client.post("/session", headers=PAGE | {"x-forwarded-proto": "https"})

    kept = "Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax"
    assert given.headers["set-cookie"] == f"chat_session={given.json()['token']}; {kept}"
    assert f"chat_session={by_origin.json()['token']}; " in by_origin.headers["set-cookie"]
    assert behind_tls.headers["set-cookie"] == (
        f"__Host-chat_session={behind_tls.json()['token']}; {kept}; Secure"
    )


def test_a_cookie_over_tls_is_the_hosts_own(remote_chat: RunningHost) -> None:
    token = new_token(remote_chat)
    taken = start(remote_chat, token)
    for name, status in (("__Host-chat_session", 200), ("chat_session", 404)):
        headers = {"cookie": f"{name}={token}", "x-forwarded-proto": "https"}
        answer = remote_chat.client.get(f"/conversations/{taken}", headers=headers)
        assert answer.status_code == status, "a sister site can set one without the prefix"


def test_a_token_is_neither_stored_nor_logged(
    remote_chat: RunningHost, shared_redis: RunningRedis, mine: tuple[int, str]
) -> None:
    _, token = mine
    connection = look(shared_redis)
    everything = b"".join(
        key + (dumped if isinstance(dumped := connection.call([b"DUMP", key]), bytes) else b"")
        for key in keys_of(connection)
    )
    connection.close()

    assert token.encode() not in everything
    assert token not in remote_chat.output()


def keys_of(connection: Connection) -> list[bytes]:
    keys = connection.call([b"KEYS", b"*"])
    return [key for key in keys if isinstance(key, bytes)] if isinstance(keys, list) else []


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="nothing"),
        pytest.param("Bearer", id="no token"),
        pytest.param("Bearer x", id="too short"),
        pytest.param("Bearer " + "x" * 44, id="too long"),
        pytest.param("Bearer " + "x" * 42 + "*", id="a wild card"),
        pytest.param("Bearer " + "x" * 42 + "}", id="the end of a hash tag"),
        pytest.param("Bearer " + "x" * 10_000, id="10 KB"),
        pytest.param("Basic " + "x" * 43, id="another scheme"),
        pytest.param("Bearer " + "x" * 20 + " " + "x" * 22, id="two words"),
    ],
)
def test_what_can_be_no_token_of_ours_is_refused(remote_chat: RunningHost, value: str) -> None:
    for method, path in (
        ("GET", "/conversations"),
        ("POST", "/"),
        ("GET", "/conversations/1"),
        ("GET", "/conversations/x"),
    ):
        response = remote_chat.client.request(
            method, path, headers={"authorization": value}, content='{"context":"c","prompt":"p"}'
        )

        assert response.status_code == 401
        assert response.json()["error"]["code"] == "invalid_credential"
        assert response.headers["www-authenticate"] == "Bearer"


def test_a_list_needs_a_credential(remote_chat: RunningHost) -> None:
    response = remote_chat.client.get("/conversations")

    assert (response.status_code, response.json()["error"]["code"]) == (401, "credential_needed")


# what an owner does


def start_three(host: RunningHost, token: str) -> list[int]:
    """Start conversations, and go on with the first; return their ids."""
    ids = [start(host, token, f"p{n}") for n in range(3)]
    ask(host, "POST", "/", token, id=ids[0], prompt="again")
    return ids


def test_an_owner_lists_and_reads(remote_chat: RunningHost) -> None:
    token = new_token(remote_chat)
    ids = start_three(remote_chat, token)

    listed = ask(remote_chat, "GET", "/conversations?limit=2", token).json()
    assert [row["id"] for row in listed["conversations"]] == [ids[0], ids[2]], "newest first"
    rest = ask(remote_chat, "GET", f"/conversations?cursor={listed['next_cursor']}", token).json()
    assert [row["id"] for row in rest["conversations"]] == [ids[1]]
    assert rest["next_cursor"] is None

    messages = ask(remote_chat, "GET", f"/conversations/{ids[0]}/messages", token).json()
    assert [(m["id"], m["role"], m["content"]) for m in messages["messages"]] == [
        ("1.0", "user", "p0"),
        ("1.1", "assistant", "Fine."),
        ("2.0", "user", "again"),
        ("2.1", "assistant", "Fine."),
    ]
    path = f"/conversations/{ids[0]}/messages?last=2&role=user&as_text=true"
    assert ask(remote_chat, "GET", path, token).json()["messages"] == ["p0", "again"]


def test_an_owner_changes_and_forgets(remote_chat: RunningHost, endpoint: ModelEndpoint) -> None:
    token = new_token(remote_chat)
    ids = start_three(remote_chat, token)

    changed = ask(
        remote_chat, "PATCH", f"/conversations/{ids[0]}", token,
        title="Soup", pinned=True, context="You are a pirate.",
    ).json()  # fmt: skip
    assert (changed["title"], changed["pinned"], changed["expires_at"]) == ("Soup", True, None)
    ask(remote_chat, "POST", "/", token, id=ids[0], prompt="who?")
    assert "You are a pirate." in endpoint.asked[-1].prompt

    receipt = ask(remote_chat, "DELETE", f"/conversations/{ids[0]}/messages/1.0", token).json()
    assert receipt == {"id": ids[0], "forgotten": {"message_id": "1.0"}}
    ask(remote_chat, "POST", "/", token, id=ids[0], prompt="and now?")
    assert "p0" not in endpoint.asked[-1].prompt

    receipt = ask(remote_chat, "DELETE", f"/conversations/{ids[0]}", token).json()
    assert receipt["forgotten"] == {
        "window_turns": 4, "archived_turns": 0, "memories": 0, "keys": 2,
    }  # fmt: skip
    left = ask(remote_chat, "GET", "/conversations", token).json()["conversations"]
    assert [row["id"] for row in left] == [ids[2], ids[1]]


def test_the_newest_messages_go_and_then_all_and_the_conversation_stays(
    remote_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    token = new_token(remote_chat)
    taken = start_three(remote_chat, token)[0]
    path = f"/conversations/{taken}"
    ask(remote_chat, "PATCH", path, token, title="Soup", pinned=True)
    assert ask(remote_chat, "GET", path, token).json()["messages"] == 4

    newest = ask(remote_chat, "DELETE", f"{path}/messages?last=1", token).json()
    assert newest == {"id": taken, "forgotten": {"messages": 1, "memories": 0}}
    read = ask(remote_chat, "GET", f"{path}/messages?as_text=true", token).json()["messages"]
    assert read == ["p0", "Fine.", "again"]
    listed = ask(remote_chat, "GET", "/conversations", token).json()["conversations"]
    assert next(row["messages"] for row in listed if row["id"] == taken) == 3

    emptied = ask(remote_chat, "DELETE", f"{path}/messages", token).json()
    assert emptied["forgotten"] == {"messages": 3, "memories": 0}
    left = ask(remote_chat, "GET", path, token).json()
    assert (left["title"], left["context"], left["pinned"]) == ("Soup", "c", True)
    assert (left["turns"], left["messages"]) == (2, 0)
    ask(remote_chat, "POST", "/", token, id=taken, prompt="anew")
    assert "again" not in endpoint.asked[-1].prompt
    messages = ask(remote_chat, "GET", f"{path}/messages", token).json()["messages"]
    assert [message["id"] for message in messages] == ["3.0", "3.1"]


@pytest.mark.parametrize("query", ["last=0", "last=101", "last=x", "last=", "role=user"])
def test_what_is_not_understood_forgets_nothing(
    remote_chat: RunningHost, mine: tuple[int, str], query: str
) -> None:
    taken, token = mine

    refused = ask(remote_chat, "DELETE", f"/conversations/{taken}/messages?{query}", token)

    assert refused.status_code == 400
    assert ask(remote_chat, "GET", f"/conversations/{taken}", token).json()["messages"] == 2


def test_what_another_owner_has_is_not_emptied(
    remote_chat: RunningHost, mine: tuple[int, str]
) -> None:
    taken, token = mine

    other = new_token(remote_chat)
    refused = ask(remote_chat, "DELETE", f"/conversations/{taken}/messages", other)

    assert refused.status_code == 404
    assert ask(remote_chat, "GET", f"/conversations/{taken}", token).json()["messages"] == 2


def test_llm_is_understood_as_assistant_and_never_given_out(remote_chat: RunningHost) -> None:
    token = new_token(remote_chat)
    path = f"/conversations/{start(remote_chat, token)}/messages"
    said = [{"role": "user", "content": "Hi"}, {"role": "llm", "content": "Hello!"}]

    assert ask(remote_chat, "POST", path, token, messages=said).status_code == 201

    found = ask(remote_chat, "GET", f"{path}?role=llm", token).json()["messages"]
    assert [(message["role"], message["content"]) for message in found] == [
        ("assistant", "Fine."), ("assistant", "Hello!"),
    ]  # fmt: skip


def test_head_answers_as_get_without_a_body(
    remote_chat: RunningHost, mine: tuple[int, str]
) -> None:
    taken, token = mine
    response = ask(remote_chat, "HEAD", f"/conversations/{taken}", token)

    assert (response.status_code, response.content) == (200, b"")


# the page's cookie


def with_cookie(token: str, **headers: str) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"cookie": f"theme=dark; chat_session={token}", **named}


def test_a_cookie_is_a_credential_for_the_page_itself(
    remote_chat: RunningHost, mine: tuple[int, str]
) -> None:
    taken, token = mine
    turn = json.dumps({"id": taken, "prompt": "p"})
    same_site = with_cookie(token, sec_fetch_site="same-origin")
    same_origin = with_cookie(token, origin=remote_chat.url)

    assert remote_chat.client.get("/conversations", headers=with_cookie(token)).status_code == 200
    for headers in (same_site, same_origin):
        assert remote_chat.client.post("/", content=turn, headers=headers).status_code == 200


NOT_THE_PAGE = pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing says where from"),
        pytest.param({"sec_fetch_site": "cross-site"}, id="another site"),
        pytest.param({"sec_fetch_site": "same-site"}, id="a sister site"),
        pytest.param({"sec_fetch_site": "none"}, id="not a page"),
        pytest.param({"origin": "https://evil.test"}, id="another origin"),
        pytest.param({"origin": "null"}, id="no origin"),
        pytest.param(
            {"sec_fetch_site": "cross-site", "origin": "{own}"}, id="a browser knows better"
        ),
        pytest.param(
            {"origin": "https://evil.test", "spin_full_url": "https://evil.test/"},
            id="a forged address of ours",
        ),
    ],
)


@NOT_THE_PAGE
def test_another_site_cannot_use_a_visitors_cookie(
    remote_chat: RunningHost, mine: tuple[int, str], headers: dict[str, str]
) -> None:
    taken, token = mine
    shown = {name: value.replace("{own}", remote_chat.url) for name, value in headers.items()}
    sent = with_cookie(token, **shown)

    turn = json.dumps({"id": taken, "prompt": "p"})
    assert remote_chat.client.post("/", content=turn, headers=sent).status_code == 404
    path = f"/conversations/{taken}"
    assert remote_chat.client.delete(path, headers=sent).status_code == 404
    assert remote_chat.client.patch(path, content='{"title":"x"}', headers=sent).status_code == 404
    assert ask(remote_chat, "GET", path, token).json()["title"] == "my title"


@NOT_THE_PAGE
def test_another_site_cannot_give_a_visitor_another_cookie(
    remote_chat: RunningHost, private_chat: RunningHost, headers: dict[str, str]
) -> None:
    turn = json.dumps({"context": "c", "prompt": "p"})
    for host in (remote_chat, private_chat):
        sent = {
            name.replace("_", "-"): value.replace("{own}", host.url)
            for name, value in headers.items()
        }
        session = host.client.post("/session", headers=sent)
        begun = host.client.post("/", content=turn, headers=sent)
        token = session.json()["token"]
        erased = host.client.delete("/me", headers=sent | bearer(token))

        assert [answer.status_code for answer in (session, begun, erased)] == [201, 200, 200]
        for answer in (session, begun, erased):
            assert "set-cookie" not in answer.headers
    assert begun.json()["token"], "a start without a credential has it in its answer"


def test_a_cookie_that_is_good_is_never_replaced(
    private_chat: RunningHost, mine: tuple[int, str]
) -> None:
    taken, token = mine
    sent = with_cookie(token, sec_fetch_site="same-origin")

    again = private_chat.client.post("/session", headers=sent)
    turn = json.dumps({"context": "c", "prompt": "p"})
    begun = private_chat.client.post("/", content=turn, headers=sent)
    other = private_chat.client.delete("/me", headers=sent | bearer(again.json()["token"]))

    for answer in (again, begun, other):
        assert answer.is_success
        assert "set-cookie" not in answer.headers
    assert "token" not in begun.json()
    assert private_chat.client.get(f"/conversations/{taken}", headers=sent).status_code == 200


@pytest.mark.parametrize("cookie", ["", "chat_session=", "chat_session=broken", "x=y"])
def test_the_page_without_a_good_cookie_is_given_one(
    private_chat: RunningHost, cookie: str
) -> None:
    sent = {"cookie": cookie, "sec-fetch-site": "same-origin"}
    turn = json.dumps({"context": "c", "prompt": "p"})

    for path, content in (("/session", ""), ("/", turn)):
        answer = private_chat.client.post(path, content=content, headers=sent)
        assert f"chat_session={answer.json()['token']};" in answer.headers["set-cookie"]


def test_an_erasure_takes_the_cookie_that_asked_for_it(remote_chat: RunningHost) -> None:
    sent = with_cookie(new_token(remote_chat), sec_fetch_site="same-origin")

    erased = remote_chat.client.delete("/me", headers=sent)

    assert erased.headers["set-cookie"].startswith("chat_session=; Path=/; Max-Age=0;")


# attacks


def requests_for(taken: int | str) -> list[tuple[str, str, dict[str, object]]]:
    path = f"/conversations/{taken}"
    return [
        ("POST", "/", {"id": taken, "prompt": "p"}),
        ("GET", path, {}),
        ("PATCH", path, {"title": "stolen"}),
        ("PATCH", path, {"context": "stolen"}),
        ("DELETE", path, {}),
        ("GET", f"{path}/messages", {}),
        ("GET", f"{path}/relevant?prompt=secret&distance_threshold=2", {}),
        ("POST", f"{path}/messages", {"messages": [{"role": "user", "content": "x"}]}),
        ("DELETE", f"{path}/messages/1.0", {}),
    ]


def shape(response: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return all of an answer but its date and the request's own id."""
    own = ("date", "x-request-id")
    headers = [(name, value) for name, value in response.headers.items() if name not in own]
    return response.status_code, response.content, headers


@pytest.mark.parametrize("credential", ["none", "another's"])
def test_anothers_an_unknown_and_a_forgotten_id_look_the_same(
    remote_chat: RunningHost, mine: tuple[int, str], credential: str
) -> None:
    taken, token = mine
    attacker = new_token(remote_chat) if credential != "none" else None
    gone = start(remote_chat, attacker)
    ask(remote_chat, "DELETE", f"/conversations/{gone}", attacker)
    before = ask(remote_chat, "GET", f"/conversations/{taken}", token).json()

    answers = [
        [shape(ask(remote_chat, method, path, attacker, **fields))
         for method, path, fields in requests_for(id_)]
        for id_ in (taken, 999_999_999, gone)
    ]  # fmt: skip

    assert answers[0] == answers[1] == answers[2]
    assert {answer[0] for answer in answers[0]} == {404}
    assert b"secret" not in answers[0][0][1]
    assert ask(remote_chat, "GET", f"/conversations/{taken}", token).json() == before
    messages = ask(remote_chat, "GET", f"/conversations/{taken}/messages", token).json()
    assert [message["content"] for message in messages["messages"]] == ["a secret", "Fine."]


def test_every_guessed_id_is_unknown(remote_chat: RunningHost, mine: tuple[int, str]) -> None:
    taken, _ = mine
    attacker = new_token(remote_chat)

    for guess in range(max(1, taken - 20), taken + 20):
        answer = ask(remote_chat, "GET", f"/conversations/{guess}/messages", attacker)
        assert b"a secret" not in answer.content


def token_attempts(token: str) -> list[str]:
    swapped = "A" if token[-1] != "A" else "B"
    flipped = token[0].swapcase() if token[0].isalpha() else "a"
    return [
        token[:-1],
        token[:20],
        token[1:],
        token[:-1] + swapped,
        flipped + token[1:],
        token[::-1],
        token + token,
        token + "\t" + token,
        "*" * 43,
        "?" * 43,
    ]


def test_a_part_of_a_token_opens_nothing(remote_chat: RunningHost, mine: tuple[int, str]) -> None:
    taken, token = mine

    for attempt in token_attempts(token):
        for headers in (bearer(attempt), with_cookie(attempt, sec_fetch_site="same-origin")):
            answer = remote_chat.client.get(f"/conversations/{taken}/messages", headers=headers)
            assert answer.status_code in (401, 404)
            assert b"a secret" not in answer.content


def test_the_hash_in_the_keys_is_no_credential(
    remote_chat: RunningHost, shared_redis: RunningRedis, mine: tuple[int, str]
) -> None:
    taken, _ = mine
    connection = look(shared_redis)
    key = next(k for k in keys_of(connection) if k.endswith(f":{taken}".encode()))
    connection.close()
    tag = key.decode().partition("{")[2].partition("}")[0]

    for attempt in (tag, tag.ljust(43, "0"), f"{{{tag}}}"):
        answer = remote_chat.client.get(f"/conversations/{taken}", headers=bearer(attempt))
        assert answer.status_code in (401, 404)


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Bearer {own}"), ("authorization", "Bearer {own}, Bearer {other}")],
        [("authorization", "Bearer {own}"), ("x-owner", "{tag}"), ("x-session", "{tag}")],
        [("authorization", "Bearer {own}"), ("spin-path-info", "/conversations/{taken}")],
        [("authorization", "Bearer {own}"), ("x-http-method-override", "DELETE")],
        [("cookie", "chat_session={own}; chat_session={tag}")],
        [("authorization", "Bearer {own}\t{tag}")],
    ],
)
def test_no_header_makes_one_owner_another(
    remote_chat: RunningHost, mine: tuple[int, str], headers: list[tuple[str, str]]
) -> None:
    taken, _ = mine
    own = new_token(remote_chat)
    values = {"own": own, "other": "x" * 43, "tag": "x" * 43, "taken": str(taken)}
    sent = [(name, value.format(**values)) for name, value in headers]

    answer = remote_chat.client.get(f"/conversations/{taken}/messages", headers=sent)

    assert answer.status_code in (401, 404)
    assert b"a secret" not in answer.content


def test_lists_are_held_apart(remote_chat: RunningHost, mine: tuple[int, str]) -> None:
    taken, token = mine
    attacker = new_token(remote_chat)
    own = start(remote_chat, attacker)
    listed = ask(remote_chat, "GET", "/conversations", attacker).json()["conversations"]
    cursor = f"99999999999_{taken + 1}"
    paged = ask(remote_chat, "GET", f"/conversations?cursor={cursor}", attacker).json()

    assert [row["id"] for row in listed] == [own]
    assert [row["id"] for row in paged["conversations"]] == [own]
    listed = ask(remote_chat, "GET", "/conversations", token).json()["conversations"]
    assert [row["id"] for row in listed] == [taken]


INJECTIONS = [
    ":", "{", "}", "*", "?", "[a-z]", "\n", "\r\n", "\x00", "{anyone:1}", "}:1:turns", ":1:lock",
    "chat:next_id", "\n*1\r\n$8\r\nFLUSHALL\r\n", "../1", "1:turns", "x" * 10_000,
]  # fmt: skip
OURS = re.compile(
    rb"[a-z0-9_-]+:(next_id|rate|cleanup|model_health|probe|stats(:\d+(:owners)?)?|\{[0-9a-f]{40}\}:(rate|conversations|started:[0-9a-f]{40}"
    rb"|erased|usage|ends|seen|newcomers|credentials|imported"
    rb"|memories(:(times|texts|signatures|embeddings|rows))?)"
    rb"|\{([0-9a-f]{40}|anyone:\d+)\}:\d+(:(turns|archive|done|lock|embeddings|index))?)"
)


@pytest.mark.parametrize("hostile", INJECTIONS, ids=range(len(INJECTIONS)))
def test_no_string_of_a_callers_becomes_part_of_a_key(
    remote_chat: RunningHost, shared_redis: RunningRedis, mine: tuple[int, str], hostile: str
) -> None:
    taken, token = mine
    messages = [
        {"role": "user", "content": f"x{hostile}", "metadata": {hostile[:99]: hostile[:99]}}
    ]
    header = (
        "".join(c for c in hostile if c in string.printable and c not in "\r\n\x0b\x0c\t ") or "x"
    )
    quoted = str(httpx.QueryParams({"x": hostile}))[2:]
    connection = look(shared_redis)
    before = set(keys_of(connection))

    ask(remote_chat, "POST", "/", token, context=hostile, prompt=f"x{hostile}")
    ask(remote_chat, "POST", "/", token, id=hostile, prompt="p")
    ask(remote_chat, "POST", "/", token, id=f"{taken}{hostile}", prompt="p")
    ask(remote_chat, "PATCH", f"/conversations/{taken}", token, title=hostile[:200])
    ask(remote_chat, "POST", f"/conversations/{taken}/messages", token, messages=messages)
    for method, path in (
        ("GET", f"/conversations/{quoted}"),
        ("DELETE", f"/conversations/{taken}{quoted}"),
        ("DELETE", f"/conversations/{taken}/messages/{quoted}"),
        ("GET", f"/conversations?cursor={quoted}"),
        ("GET", f"/conversations/{taken}/messages?before={quoted}&role={quoted}"),
    ):
        assert ask(remote_chat, method, path, token).status_code in (400, 404, 405)
    for headers in (
        {"idempotency-key": header},
        {"authorization": f"Bearer {header}"},
        {"cookie": f"chat_session={header}", "sec-fetch-site": "same-origin"},
    ):
        turn = json.dumps({"context": "c", "prompt": "p"})
        assert remote_chat.client.post("/", content=turn, headers=headers).status_code < 500

    keys = set(keys_of(connection)) - before
    connection.close()
    assert [key for key in keys if not OURS.fullmatch(key)] == []
    assert ask(remote_chat, "GET", f"/conversations/{taken}", token).status_code == 200


# access


@pytest.fixture(scope="module")
def private_chat(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    assert wasm.exists()
    folder = tmp_path_factory.mktemp("private-chat")
    variables = [f"redis_address={shared_redis.address}", "access=private"]
    flags = as_flags(variables)
    config = remote_config(folder, shared_endpoint.url)
    with run_host(folder, "--runtime-config-file", config, *flags) as host:
        yield host


def test_open_access_lets_whoever_knows_the_id_go_on(
    remote_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    open_id = start(remote_chat, None)

    for token in (None, new_token(remote_chat)):
        answer = ask(remote_chat, "POST", "/", token, id=open_id, prompt="p")
        assert answer.status_code == 200
        assert ask(remote_chat, "GET", f"/conversations/{open_id}", token).status_code == 200
    assert endpoint.asked[-1].prompt.count("[INST]") == 3


def test_private_access_gives_every_start_a_credential_and_opens_nothing(
    private_chat: RunningHost, remote_chat: RunningHost
) -> None:
    begun = ask(private_chat, "POST", "/", None, context="c", prompt="p")
    taken, token = begun.json()["id"], begun.json()["token"]
    open_id = start(remote_chat, None)

    assert "set-cookie" not in begun.headers, "no browser says that the page asks"
    assert begun.headers["cache-control"] == "no-store"
    assert ask(private_chat, "POST", "/", token, id=taken, prompt="p").status_code == 200
    for id_ in (taken, open_id):
        for method, path, fields in requests_for(id_):
            assert ask(private_chat, method, path, None, **fields).status_code == 404
    resumed = ask(private_chat, "POST", "/", token, id=taken, prompt="p")
    assert "token" not in resumed.json()
    assert "set-cookie" not in resumed.headers


def test_private_access_without_a_credential_repeats_nothing(private_chat: RunningHost) -> None:
    turn = json.dumps({"context": "c", "prompt": "p"})
    answer = private_chat.client.post("/", content=turn, headers={"idempotency-key": "k"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "credential_needed")
