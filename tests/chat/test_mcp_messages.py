"""Messages of every version, and of none: each gets the answer that the protocol asks for."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from chat.mcp.protocol import HANDSHAKE, MODERN, OLDEST, SUPPORTED
from tests.chat.native import NativeConnection
from tests.chat.native_host import ask, make_service
from tests.mcp.messages import ADA, BOTH, META, Client, envelope, headers_of

CLIENT = {
    "protocolVersion": OLDEST,
    "capabilities": {},
    "clientInfo": {"name": "t", "version": "1"},
}
VERSION, CAPABILITIES, WHO = META
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
OLD = {"mcp-protocol-version": OLDEST, "accept": BOTH}
LISTS = {
    "tools/list": "tools",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
    "prompts/list": "prompts",
}


async def reply(prompt: str) -> str:
    return f"You said {prompt}"


@pytest.fixture
def client(connection: NativeConnection) -> Client:
    return Client(make_service(connection, reply))


def of(client: Client, version: str) -> Client:
    return Client(client.service, version)


@pytest.mark.parametrize("version", HANDSHAKE)
async def test_a_handshake_agrees_on_the_version_that_the_client_speaks(
    client: Client, version: str
) -> None:
    asked = {**envelope("initialize", {**CLIENT, "protocolVersion": version}, version)}

    answer = await client.post(json.dumps(asked).encode(), {"accept": BOTH})

    assert answer.status == 200
    assert answer.result["protocolVersion"] == version
    assert set(answer.result["capabilities"]) == {"tools", "resources", "prompts", "completions"}
    assert "mcp-session-id" not in answer.headers


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "1999-01-01", MODERN])
async def test_a_client_of_another_version_is_told_the_newest_that_has_a_handshake(
    client: Client, version: str
) -> None:
    asked = envelope("initialize", {**CLIENT, "protocolVersion": version}, OLDEST)

    answer = await client.post(json.dumps(asked).encode(), {"accept": BOTH})

    assert answer.result["protocolVersion"] == HANDSHAKE[0]


async def test_a_client_finds_out_what_is_served_without_a_handshake(client: Client) -> None:
    answer = await client.ask("server/discover")

    assert answer.result["supportedVersions"] == list(SUPPORTED)
    assert answer.result["resultType"] == "complete"
    assert answer.result["cacheScope"] == "public"
    assert answer.result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"]


@pytest.mark.parametrize("version", SUPPORTED)
@pytest.mark.parametrize("method", LISTS)
async def test_every_list_is_there_in_every_version(
    client: Client, version: str, method: str
) -> None:
    answer = await of(client, version).ask(method)

    assert isinstance(answer.result[LISTS[method]], list)
    assert ("ttlMs" in answer.result) == (version == MODERN)


@pytest.mark.parametrize("version", SUPPORTED)
@pytest.mark.parametrize("method", [name for name in LISTS if name != "resources/list"])
async def test_a_cursor_that_was_never_given_is_refused(
    client: Client, version: str, method: str
) -> None:
    answer = await of(client, version).ask(method, cursor="wrong")

    assert answer.error["code"] == -32602
    assert answer.status == (400 if version == MODERN else 200)


@pytest.mark.parametrize("cursor", ["", "wrong", "conversations", "more:1", "memories:x", 5])
async def test_a_wrong_cursor_of_resources_is_refused(
    connection: NativeConnection, cursor: object
) -> None:
    client = Client(make_service(connection, reply, long_term="redis"))

    assert (await client.ask("resources/list", cursor=cursor)).error["code"] == -32602


@pytest.mark.parametrize("version", HANDSHAKE)
async def test_ping_is_answered_with_nothing(client: Client, version: str) -> None:
    assert (await of(client, version).ask("ping")).result == {}


@pytest.mark.parametrize(
    ("version", "method"),
    [
        (MODERN, "ping"),
        (MODERN, "initialize"),
        (MODERN, "subscriptions/listen"),
        (OLDEST, "server/discover"),
        (HANDSHAKE[0], "logging/setLevel"),
        (HANDSHAKE[0], "resources/subscribe"),
        (MODERN, "__class__"),
    ],
)
async def test_a_method_that_the_version_has_not_is_unknown(
    client: Client, version: str, method: str
) -> None:
    answer = await of(client, version).ask(method)

    assert answer.error["code"] == -32601
    assert answer.status == (404 if version == MODERN else 200)


@pytest.mark.parametrize("version", [*SUPPORTED, None])
@pytest.mark.parametrize(
    "body",
    [
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}},
        {"jsonrpc": "2.0", "method": "notifications/nobody/knows"},
    ],
)
async def test_a_notification_is_taken_and_gets_no_answer(
    client: Client, version: str | None, body: Mapping[str, Any]
) -> None:
    headers = {"accept": BOTH, **({"mcp-protocol-version": version} if version else {})}

    answer = await client.post(json.dumps(body).encode(), headers)

    assert (answer.status, answer.body) == (202, b"")


async def test_an_answer_of_a_client_is_taken_only_where_clients_may_send_one(
    client: Client,
) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"result":{}}'

    assert (await client.post(body, OLD)).status == 202
    modern = await client.post(body, {**OLD, "mcp-protocol-version": MODERN})
    assert (modern.status, modern.error["code"]) == (400, -32600)


@pytest.mark.parametrize("version", SUPPORTED)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"", -32700, id="nothing"),
        pytest.param(b"{", -32700, id="no JSON"),
        pytest.param(b'\xff{"jsonrpc":"2.0"}', -32700, id="no UTF-8"),
        pytest.param(b"[" * 100_000, -32700, id="deep"),
        pytest.param(b'{"a":' * 100_000, -32700, id="deep objects"),
        pytest.param(b"[" * 65 + b"]" * 65, -32700, id="one too deep"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32700, id="two ids"),
        pytest.param(b'{"jsonrpc":"2.0","id":"\\ud800","method":"ping"}', -32700, id="half"),
        pytest.param(b'{"jsonrpc":"2.0","id":' + b"9" * 400 + b"}", -32700, id="long number"),
        pytest.param(b"[]", -32600, id="an empty batch"),
        pytest.param(b"[" + b",".join([PING] * 500) + b"]", -32600, id="a huge batch"),
        pytest.param(b"[" + PING + b"," + PING + b"]", -32600, id="a batch with an id twice"),
        pytest.param(b'"ping"', -32600, id="a text"),
        pytest.param(b"null", -32600, id="null"),
        pytest.param(b'{"id":1,"method":"ping"}', -32600, id="no version of JSON-RPC"),
        pytest.param(b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600, id="JSON-RPC 1.0"),
        pytest.param(b'{"jsonrpc":2.0,"id":1,"method":"ping"}', -32600, id="a number"),
        pytest.param(b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, id="id null"),
        pytest.param(b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600, id="id true"),
        pytest.param(b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, id="id 1.5"),
        pytest.param(b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', -32600, id="id a list"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":5}', -32600, id="method a number"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":""}', -32600, id="method empty"),
        pytest.param(b'{"jsonrpc":"2.0","id":1}', -32600, id="no method"),
        pytest.param(
            b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}', -32600, id="params a list"
        ),
    ],
)
async def test_what_is_no_message_is_refused_in_every_version(
    client: Client, version: str, body: bytes, code: int
) -> None:
    headers = {"mcp-protocol-version": version, "mcp-method": "ping", "accept": BOTH}

    answer = await client.post(body, headers)

    assert (answer.status, answer.error["code"]) == (400, code)
    assert "id" not in answer.last, "it could not be read"


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"mcp-protocol-version": None}, id="no version"),
        pytest.param({"mcp-protocol-version": OLDEST}, id="another version"),
        pytest.param({"mcp-method": None}, id="no method"),
        pytest.param({"mcp-method": "tools/list"}, id="another method"),
        pytest.param({"mcp-method": "TOOLS/CALL"}, id="the method in capitals"),
        pytest.param({"mcp-name": None}, id="no name"),
        pytest.param({"mcp-name": "forget"}, id="another name"),
        pytest.param({"mcp-name": "=?base64?Zm9yZ2V0?="}, id="another name, encoded"),
        pytest.param({"mcp-name": "=?base64?%%%?="}, id="a name in no encoding"),
        pytest.param({"mcp-name": "=?base64?/w==?="}, id="an encoded name that is no UTF-8"),
    ],
)
async def test_headers_that_do_not_say_what_the_body_says_are_refused(
    client: Client, changed: Mapping[str, str | None]
) -> None:
    message = envelope("tools/call", {"name": "list_conversations", "arguments": {}}, MODERN)
    headers = {**headers_of(message, MODERN), **changed}
    sent = {name: value for name, value in headers.items() if value is not None}

    answer = await client.post(json.dumps(message).encode(), sent)

    assert (answer.status, answer.error["code"]) == (400, -32020)
    assert answer.last["id"] == message["id"]


async def test_a_name_may_be_encoded(client: Client) -> None:
    message = envelope("tools/call", {"name": "list_conversations", "arguments": {}}, MODERN)
    headers = {**headers_of(message, MODERN), "mcp-name": "=?base64?bGlzdF9jb252ZXJzYXRpb25z?="}

    answer = await client.post(json.dumps(message).encode(), headers)

    assert not answer.result["isError"]


@pytest.mark.parametrize(
    "meta",
    [
        pytest.param(None, id="none"),
        pytest.param([], id="a list"),
        pytest.param({}, id="empty"),
        *(
            pytest.param({key: value for key, value in META.items() if key != name}, id=name)
            for name in (VERSION, CAPABILITIES)
        ),
        pytest.param({**META, VERSION: 5}, id="version a number"),
        pytest.param({**META, CAPABILITIES: []}, id="capabilities a list"),
        pytest.param({**META, WHO: "me"}, id="client a text"),
    ],
)
async def test_a_request_that_does_not_say_what_it_has_to_is_refused(
    client: Client, meta: object
) -> None:
    message = {"jsonrpc": "2.0", "id": "a", "method": "tools/list", "params": {"_meta": meta}}
    headers = {"mcp-protocol-version": MODERN, "mcp-method": "tools/list", "accept": BOTH}

    answer = await client.post(json.dumps(message).encode(), headers)

    assert (answer.status, answer.error["code"], answer.last["id"]) == (400, -32602, "a")


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2027-01-01", "x" * 5000, ""])
async def test_a_version_that_is_not_served_is_refused_with_those_that_are(
    client: Client, version: str
) -> None:
    meta = {**META, VERSION: version}
    modern = json.dumps(envelope("tools/list", {"_meta": meta}, MODERN)).encode()
    headers = {"mcp-protocol-version": version, "mcp-method": "tools/list", "accept": BOTH}
    bodies = (modern, PING, b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    modern_answer, old, notification = [await client.post(body, headers) for body in bodies]

    for answer in (modern_answer, old, notification):
        assert (answer.status, answer.error["code"]) == (400, -32022)
        assert answer.error["data"] == {"supported": list(SUPPORTED), "requested": version[:40]}


async def test_a_request_of_no_version_is_refused(client: Client) -> None:
    answer = await client.post(PING, {"accept": BOTH})

    assert (answer.status, answer.error["code"]) == (400, -32020)


@pytest.mark.parametrize(
    ("accept", "status", "media"),
    [
        ("application/json, text/event-stream", 200, "application/json"),
        ("text/event-stream, application/json;q=0.1", 200, "application/json"),
        ("", 200, "application/json"),
        ("*/*", 200, "application/json"),
        ("application/*", 200, "application/json"),
        ("text/event-stream", 200, "text/event-stream"),
        ("text/html", 406, "application/json"),
        ("application/json;q=0", 406, "application/json"),
    ],
)
async def test_the_answer_is_of_a_kind_that_the_client_takes(
    client: Client, accept: str, status: int, media: str
) -> None:
    answer = await client.post(PING, {**OLD, "accept": accept})

    assert (answer.status, answer.headers["content-type"]) == (status, media)
    assert ("result" in answer.last) == (status == 200)


@pytest.mark.parametrize("token", ["", "short"])
async def test_without_a_credential_it_is_401_and_says_which_kind_is_needed(
    client: Client, token: str
) -> None:
    answer = await Client(client.service, OLDEST, token).post(PING, OLD)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.error["data"]["code"] in {"credential_needed", "invalid_credential"}


async def test_a_page_is_let_in_only_if_its_origin_is_named(connection: NativeConnection) -> None:
    client = Client(make_service(connection, reply, cors_origins="https://page.example"), OLDEST)
    origins = ("https://page.example", "https://other.example", "null", "http://127.0.0.1:3000", "")
    answers = [await client.post(PING, {**OLD, "origin": origin}) for origin in origins]

    assert [answer.status for answer in answers] == [200, 403, 403, 403, 403]
    assert answers[1].error["data"]["code"] == "foreign_origin"
    preflight = {"origin": origins[0], "access-control-request-method": "POST"}
    allowed = await client.post(b"", preflight, "OPTIONS")
    for name in ("mcp-protocol-version", "mcp-method", "mcp-name", "authorization"):
        assert name in allowed.headers["access-control-allow-headers"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "HEAD"])
async def test_only_messages_are_taken(client: Client, method: str) -> None:
    answer = await client.post(b"", {"accept": "text/event-stream"}, method)

    assert answer.status == 405
    assert answer.headers["allow"] == "OPTIONS, POST"


async def test_a_body_that_is_too_large_is_refused_as_an_error_of_the_protocol(
    client: Client,
) -> None:
    answer = await client.post(b" " * 10_000_000, OLD)

    assert answer.status == 413
    assert answer.error["data"]["code"] == "too_large"


async def test_what_nobody_thought_of_is_an_error_of_the_protocol(
    connection: NativeConnection,
) -> None:
    async def breaks(_: str) -> str:
        raise RuntimeError("nobody thought of this")

    client = Client(make_service(connection, breaks), OLDEST)
    plain = await client.post(_turn(None), {**OLD, "accept": "application/json"})
    told = await client.post(_turn(None), OLD)

    assert (plain.status, plain.error["code"]) == (500, -32603)
    assert told.result["isError"]
    assert "internal_error" in told.text


def _turn(token: object) -> bytes:
    arguments = {"context": "", "prompt": "Hi"}
    meta = {} if token is None else {"_meta": {"progressToken": token}}
    params = {"name": "start_conversation", "arguments": arguments, **meta}
    return json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    ).encode()


@pytest.mark.parametrize("token", [True, 1.5, [], {}])
async def test_a_token_for_progress_that_is_none_is_refused(client: Client, token: object) -> None:
    assert (await client.post(_turn(token), OLD)).error["code"] == -32602


async def test_parts_of_a_reply_come_as_progress_and_then_the_result(client: Client) -> None:
    answer = await client.post(_turn("t"), OLD)
    without = await client.post(_turn(None), OLD)

    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["x-accel-buffering"] == "no"
    progress = [one["params"] for one in answer.messages[:-1]]
    assert "".join(one["message"] for one in progress) == "You said Hi"
    assert [one["progressToken"] for one in progress] == ["t"] * len(progress)
    assert [one["progress"] for one in progress] == sorted({one["progress"] for one in progress})
    assert answer.result["structuredContent"]["reply"] == "You said Hi"
    assert len(without.messages) == 1, "who has no token is told nothing"


async def test_a_turn_is_answered_in_one_if_the_client_takes_no_events(client: Client) -> None:
    answer = await client.post(_turn("t"), {**OLD, "accept": "application/json"})

    assert answer.headers["content-type"] == "application/json"
    assert answer.result["structuredContent"]["reply"] == "You said Hi"


async def test_a_turn_that_is_sent_again_with_its_key_is_taken_once(client: Client) -> None:
    headers = {**OLD, "idempotency-key": "once"}
    first, second = [await client.post(_turn(None), headers) for _ in range(2)]
    _, listed = await ask(client.service, "GET", "/conversations", token=ADA)

    assert first.result == second.result
    assert len(listed["conversations"]) == 1


@pytest.mark.parametrize("body", [PING, b'{"jsonrpc":"2.0","method":"notifications/initialized"}'])
async def test_an_unusable_key_is_refused_with_any_message(client: Client, body: bytes) -> None:
    answer = await client.post(body, {**OLD, "idempotency-key": "two words"})

    assert answer.status == 400
    assert "`Idempotency-Key`" in answer.error["message"]
