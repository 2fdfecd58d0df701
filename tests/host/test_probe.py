"""The host as a guest sees it: a real component on the real engine."""

import concurrent.futures
import json
import pathlib
import shutil
import socket
import time
from collections.abc import Iterator

import pytest

from host.engines.llama_cpp import DEMO_MODEL
from host.interfaces.http.messages import FORBIDDEN
from tests.host.probing import MANIFEST, ask
from tests.running import (
    Answer,
    Asked,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    default_answer,
    free_port,
    remote_config,
    run_host,
)


@pytest.fixture(scope="module")
def probe(
    probe_wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    assert probe_wasm.exists()
    folder = tmp_path_factory.mktemp("probe")
    arguments = [
        "--from", MANIFEST, "--runtime-config-file", remote_config(folder, shared_endpoint.url),
        "--variable", f"redis_address={shared_redis.address}", "--variable", "password=s3cret",
        "--variable", f"endpoint={shared_endpoint.url}", "--env", "SIZE=large",
    ]  # fmt: skip
    with run_host(folder, *arguments) as host:
        yield host


@pytest.fixture
def redis_address(shared_redis: RunningRedis) -> str:
    return shared_redis.address


# outbound Redis


def test_a_guest_uses_redis(probe: RunningHost, redis_address: str) -> None:
    calls = [
        ["execute", "DEL", "p:key", "p:number", "p:set"],
        ["set", "p:key", "Eureka!"],
        ["get", "p:key"],
        ["get", "p:nothing"],
        ["execute", "SET", "p:number", 0],
        ["incr", "p:number"],
        ["get", "p:number"],
        ["execute", "APPEND", "p:key", " I've got it!"],
        ["execute", "GET", "p:key"],
        ["sadd", "p:set", ["a", "b", "a"]],
        ["srem", "p:set", ["a"]],
        ["smembers", "p:set"],
        ["del_", ["p:key", "p:number", "p:none"]],
        ["execute", "SET", "p:key", ""],
        ["get", "p:key"],
        ["execute", "GET", "p:nothing"],
    ]

    results = ask(probe, "redis", address=redis_address, calls=calls)

    assert results[1:] == [
        {"ok": None},
        {"ok": "Eureka!"},
        {"ok": None},
        {"ok": [{"status": "OK"}]},
        {"ok": 1},
        {"ok": "1"},
        {"ok": [{"int64": 20}]},
        {"ok": [{"binary": "Eureka! I've got it!"}]},
        {"ok": 2},
        {"ok": 1},
        {"ok": ["b"]},
        {"ok": 2},
        {"ok": [{"status": "OK"}]},
        {"ok": ""},
        {"ok": [{"nil": None}]},
    ]


@pytest.mark.parametrize(
    ("calls", "failed"),
    [
        pytest.param(
            [["execute", "LPUSH", "pe", "x"], ["get", "pe"]],
            ["Error_Other", "WRONGTYPE: Operation against a key holding the wrong kind of value"],
            id="a wrong type",
        ),
        pytest.param(
            [["execute", "CONFIG GET", "port"]],
            [
                "Error_Other",
                "An error was signalled by the server - ResponseError: unknown command "
                "`CONFIG GET`, with args beginning with: `port`, ",
            ],
            id="a command is one argument",
        ),
        pytest.param(
            [["del_", []]],
            [
                "Error_Other",
                "An error was signalled by the server - ResponseError: wrong number of arguments "
                "for 'del' command",
            ],
            id="DEL of nothing",
        ),
        pytest.param(
            [["execute", "EVAL", "return redis.error_reply('MINE of my own')", 0]],
            ["Error_Other", "MINE: of my own"],
            id="an error of a script",
        ),
        pytest.param(
            [["execute", "EVAL", "return {1, redis.error_reply('MINE inside')}", 0]],
            ["Error_Other", "MINE: inside"],
            id="an error inside an array",
        ),
    ],
)
def test_a_failed_redis_call_returns_redis_rs_text(
    probe: RunningHost, redis_address: str, calls: list[object], failed: list[str]
) -> None:
    results = ask(probe, "redis", address=redis_address, calls=calls)

    assert results[-1] == {"err": failed[0], "text": failed[1]}


@pytest.mark.parametrize(
    ("address", "error"),
    [
        pytest.param(
            "redis://127.0.0.2:6379", "Error_InvalidAddress", id="a host that is not allowed"
        ),
        pytest.param("http://127.0.0.1", "Error_InvalidAddress", id="another scheme"),
        pytest.param("nonsense", "Error_InvalidAddress", id="no address"),
    ],
)
def test_an_address_that_is_not_allowed_is_invalid(
    probe: RunningHost, address: str, error: str
) -> None:
    assert ask(probe, "redis", address=address, calls=[]) == [{"err": error, "text": None}]


def test_the_hint_for_a_missing_entry_names_the_host_and_no_credentials(probe: RunningHost) -> None:
    ask(probe, "redis", address="redis://user:hidden@127.0.0.9:7", calls=[])

    assert "redis://127.0.0.9:7" in probe.output()
    assert "hidden" not in probe.output()


@pytest.mark.parametrize(
    ("given", "told"),
    [("", '"" is not an allowed outbound host format'), ("http://", 'Invalid allowed host ""')],
)
def test_one_allowed_host_that_cannot_be_used_ends_every_connection_but_not_the_start(
    probe_wasm: pathlib.Path, redis_address: str, tmp_path: pathlib.Path, given: str, told: str
) -> None:
    assert probe_wasm.exists()
    arguments = [
        "--from", MANIFEST, "--variable", f"redis_address={redis_address}",
        "--variable", f"endpoint={given}", "--variable", "password=s3cret",
    ]  # fmt: skip
    with run_host(tmp_path, *arguments) as host:
        opened = ask(host, "redis", address=redis_address, calls=[])
        sent = ask(host, "send", method="GET", url="/fixed", headers={}, body="")

    assert opened[0]["err"] == "Error_Other"
    assert opened[0]["text"].startswith(told)
    assert sent["err"] == "ErrorCode_HttpRequestDenied"
    assert "Error parsing allowed outbound hosts" in host.output()


def test_an_instance_may_hold_1024_connections(probe: RunningHost, redis_address: str) -> None:
    assert ask(probe, "many", address=redis_address, count=1025) == {
        "opened": 1024,
        "failed": "Error_TooManyConnections",
    }


def test_connections_are_closed_at_the_end_of_a_request(
    probe: RunningHost, redis_address: str
) -> None:
    ask(probe, "many", address=redis_address, count=20)

    (result,) = ask(probe, "redis", address=redis_address, calls=[["execute", "CLIENT", "LIST"]])

    assert result["ok"][0]["binary"].count("\n") == 1


def test_a_result_over_128_mib_is_refused(probe: RunningHost, redis_address: str) -> None:
    script = "return string.rep('x', 134217729)"

    (result,) = ask(probe, "redis", address=redis_address, calls=[["execute", "EVAL", script, 0]])

    assert result == {
        "err": "Error_Other",
        "text": "query result exceeds limit of 134217728 bytes",
    }


# variables and configuration


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("greeting", {"ok": "hello, world"}),
        ("password", {"ok": "s3cret"}),
        ("empty", {"ok": ""}),
        ("nope", {"err": "Error_Undefined", "text": 'no variable for "probe"."nope"'}),
        (
            "redis_address",
            {"err": "Error_Undefined", "text": 'no variable for "probe"."redis_address"'},
        ),
    ],
)
def test_a_guest_reads_its_own_variables(probe: RunningHost, name: str, result: object) -> None:
    assert ask(probe, "variable", name=name) == result


@pytest.mark.parametrize("name", ["invalid-name", "invalid!name", "4invalidname"])
def test_a_bad_variable_name_is_an_error_of_its_own(probe: RunningHost, name: str) -> None:
    result = ask(probe, "variable", name=name)

    assert result["err"] == "Error_InvalidName"
    assert result["text"].startswith(f'"{name}": ')


def test_wasi_config_has_the_same_values_and_none_for_the_rest(probe: RunningHost) -> None:
    everything = [["empty", ""], ["greeting", "hello, world"], ["password", "s3cret"]]

    assert ask(probe, "config", name="greeting") == ["hello, world", everything]
    assert ask(probe, "config", name="invalid!name") == [None, everything]


def test_the_guests_environment_is_the_manifests_and_the_flags(probe: RunningHost) -> None:
    assert ask(probe, "environ") == {"COLOUR": "blue", "SIZE": "large"}


# HTTP


def test_a_guest_is_told_the_request_and_spins_headers(probe: RunningHost) -> None:
    headers = [(b"host", b"example.com"), (b"x-mine", "ä".encode()), (b"keep-alive", b"1")]
    response = probe.client.get("/base/path/end/rest/headers?key=value", headers=headers)

    seen = response.json()
    assert seen["uri"] == "/base/path/end/rest/headers?key=value"
    spin = {name: value for name, value in seen["headers"].items() if name.startswith("spin-")}
    host, _, port = spin.pop("spin-client-addr").rpartition(":")
    assert host == "127.0.0.1"
    assert 0 < int(port) < 65536
    assert spin == {
        "spin-full-url": "http://example.com/base/path/end/rest/headers?key=value",
        "spin-path-info": "/rest/headers",
        "spin-matched-route": "/base/:path_segment/:path_end/...",
        "spin-base-path": "/",
        "spin-raw-component-route": "/base/:path_segment/:path_end/...",
        "spin-component-route": "/base/:path_segment/:path_end",
        "spin-path-match-path-segment": "path",
        "spin-path-match-path-end": "end",
    }
    assert not FORBIDDEN & set(seen["headers"])


def test_a_host_and_a_path_of_any_bytes_are_passed_on(probe: RunningHost) -> None:
    host, port = probe.url.removeprefix("http://").split(":")
    request = "GET /headers/ö HTTP/1.1\r\nHost: exämple.test\r\nConnection: close\r\n\r\n"
    with socket.create_connection((host, int(port))) as client:
        client.sendall(request.encode())
        answer = b"".join(iter(lambda: client.recv(4096), b""))

    assert answer.startswith(b"HTTP/1.1 ")
    assert probe.client.get("/headers").status_code == 200, "and the host goes on"


def test_a_clients_own_spin_header_does_not_win(probe: RunningHost) -> None:
    seen = probe.client.get("/headers", headers={"spin-client-addr": "6.6.6.6:6"}).json()

    assert seen["headers"]["spin-client-addr"].startswith("127.0.0.1:")


def test_bodies_of_any_bytes_and_size_come_back(probe: RunningHost) -> None:
    body = bytes(range(256)) * 4096

    assert probe.client.post("/echo", content=body).content == body
    assert probe.client.post("/echo", content=b"").content == b""
    assert (
        probe.client.post("/echo", content=(body[i : i + 999] for i in range(0, 9990, 999))).content
        == (body[:9990])
    )


@pytest.mark.parametrize("path", ["/raise", "/exit"])
def test_a_guest_that_fails_is_answered_500_with_an_empty_body(
    probe: RunningHost, path: str
) -> None:
    response = probe.client.post(path)

    assert (response.status_code, response.content) == (500, b"")
    assert ask(probe, "environ"), "and the next request is served"


def test_a_forbidden_response_header_traps(probe: RunningHost) -> None:
    response = probe.client.post(
        "/respond", content=json.dumps({"status": 200, "headers": {"connection": "x"}, "body": ""})
    )

    assert (response.status_code, response.content) == (500, b"")


def test_a_response_has_the_guests_status_and_headers(probe: RunningHost) -> None:
    asked = {"status": 418, "headers": {"x-mine": "yes"}, "body": "ä"}
    response = probe.client.post("/respond", content=json.dumps(asked))

    assert (response.status_code, response.text, response.headers["x-mine"]) == (418, "ä", "yes")


def test_a_header_that_is_not_utf_8_is_answered_500(probe: RunningHost) -> None:
    host, port = probe.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(
            b"GET /headers HTTP/1.1\r\nHost: a\r\nx-bad: \xff\r\nConnection: close\r\n\r\n"
        )
        assert client.recv(100).startswith(b"HTTP/1.1 500 ")


def test_the_hosts_own_paths_are_answered(probe: RunningHost) -> None:
    health = probe.client.get("/.well-known/spin/health")
    info = probe.client.get("/.well-known/spin/info").json()

    assert (health.status_code, health.text) == (200, "OK")
    assert (info["name"], info["version"]) == ("probe", "1.2.3")
    assert probe.client.get("/.well-known/spin/other").status_code == 404


def test_a_static_response_needs_no_component(probe: RunningHost) -> None:
    response = probe.client.get("/fixed")

    assert (response.status_code, response.text, response.headers["x-fixed"]) == (
        203,
        "fixed",
        "yes",
    )


def test_a_guests_output_goes_to_the_terminal_and_to_its_log(probe: RunningHost) -> None:
    probe.client.get("/print")

    logs = probe.log.parent / "state" / "logs"
    assert "to stdout\n" in (logs / "probe_stdout.txt").read_text()
    assert "to stderr\n" in (logs / "probe_stderr.txt").read_text()
    assert "to stdout\n" in probe.output()
    assert "to stderr\n" in probe.output()


def test_a_guest_sends_requests_to_allowed_hosts(
    probe: RunningHost, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = lambda asked: Answer(asked.body[::-1], status=207)

    result = ask(
        probe,
        "send",
        method="POST",
        url=f"{endpoint.url}/a?b=c",
        headers={"x-mine": "1"},
        body="abc",
    )

    status, headers, body = result["ok"]
    assert (status, body) == (207, "cba")
    assert headers["content-length"] == "3"
    (asked,) = endpoint.asked
    assert (asked.path, asked.body, asked.headers["x-mine"]) == ("/a?b=c", b"abc", "1")
    assert set(asked.headers) == {"host", "content-length", "x-mine"}


def test_a_cookie_is_the_guests_own_to_send_again(
    probe: RunningHost, endpoint: ModelEndpoint
) -> None:
    """A cookie that was set for one request would otherwise be sent with all other requests."""
    endpoint.answer = lambda _: Answer(b"", headers={"set-cookie": "a=b; Path=/"})

    for _ in range(2):
        result = ask(probe, "send", method="GET", url=endpoint.url, headers={}, body="")
        assert result["ok"][1]["set-cookie"] == "a=b; Path=/"

    assert ["cookie" in asked.headers for asked in endpoint.asked] == [False, False]


@pytest.mark.parametrize(
    ("url", "error"),
    [
        pytest.param("http://127.0.0.3/", "ErrorCode_HttpRequestDenied", id="not allowed"),
        pytest.param(
            "https://example.invalid/", "ErrorCode_HttpRequestDenied", id="not allowed either"
        ),
    ],
)
def test_a_request_to_another_host_is_denied(probe: RunningHost, url: str, error: str) -> None:
    result = ask(probe, "send", method="GET", url=url, headers={}, body="")

    assert result["err"] == error


def test_a_guest_calls_its_own_application(probe: RunningHost) -> None:
    result = ask(probe, "send", method="GET", url="http://self.alt/fixed", headers={}, body="")

    assert result["ok"][0] == 203


def test_a_refused_connection_has_its_error_code(
    probe_wasm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    assert probe_wasm.exists()
    away = f"http://127.0.0.1:{free_port()}"
    arguments = ["--from", MANIFEST, "--variable", f"endpoint={away}", "--variable", "password=x"]
    with run_host(tmp_path, *arguments, "--quiet") as host:
        result = ask(host, "send", method="GET", url=away, headers={}, body="")
        host.client.get("/print")

        assert result["err"] == "ErrorCode_ConnectionRefused"
        assert "to stderr" not in host.output(), "quiet keeps the guest's output off the terminal"


def test_every_request_has_a_fresh_instance(probe: RunningHost) -> None:
    assert [ask(probe, "calls") for _ in range(3)] == [1, 1, 1]


@pytest.mark.own_host("Spin has key-value stores, SQL and MQTT; our host names what it lacks")
def test_an_interface_that_is_not_here_ends_the_instance_and_is_named(probe: RunningHost) -> None:
    response = probe.client.post("/keyvalue", content=b"{}")

    assert (response.status_code, response.content) == (500, b"")
    assert (
        "the component called fermyon:spin/key-value@2.0.0#[static]store.open; "
        "Spin has that interface, this host does not\n"
    ) in probe.output()


def test_a_path_without_route_is_404_with_an_empty_body(
    probe_wasm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    manifest = tmp_path / "spin.toml"
    manifest.write_text(
        'spin_manifest_version = 2\n[application]\nname = "r"\n[[trigger.http]]\nroute = "/only"\n'
        f'component = "r"\n[component.r]\nsource = "{probe_wasm}"\n'
    )
    with run_host(tmp_path / "run", "--from", str(manifest)) as host:
        missing = host.client.get("/other")

        assert (missing.status_code, missing.content) == (404, b"")


# files


def test_a_guest_reads_its_files_and_nothing_else(probe: RunningHost) -> None:
    assert ask(probe, "files", do="list", path="/") == [
        "/data", "/data/a.txt", "/data/deep", "/data/deep/b.txt",
        "/mounted", "/mounted/a.txt", "/mounted/deep", "/mounted/deep/b.txt",
    ]  # fmt: skip
    assert ask(probe, "files", do="read", path="/data/a.txt") == "a file"
    assert ask(probe, "files", do="read", path="/mounted/deep/b.txt") == "deep down"
    assert ask(probe, "files", do="read", path="/data/../data/a.txt") == "a file"


@pytest.mark.parametrize(
    ("do", "path", "error"),
    [
        ("read", "/data/secret.txt", "FileNotFoundError"),
        ("read", "/nothing/../../x", "FileNotFoundError"),
        ("read", "/data/a.txt/../a.txt", "NotADirectoryError"),
        ("read", "/data", "IsADirectoryError"),
        ("read", "/../../etc/passwd", "PermissionError"),
        ("read", "/data/../../x", "PermissionError"),
        ("write", "/data/a.txt", "PermissionError"),
        ("write", "/new.txt", "PermissionError"),
    ],
)
def test_a_path_that_a_guest_may_not_take_has_its_error(
    probe: RunningHost, do: str, path: str, error: str
) -> None:
    assert ask(probe, "files", do=do, path=path) == error


def test_a_guest_is_told_the_time_and_its_own_age(probe: RunningHost) -> None:
    (first, age_ns), (second, another_age_ns) = ask(probe, "time"), ask(probe, "time")

    assert abs(first - time.time()) < 10
    assert 0 <= second - first < 10
    assert max(age_ns, another_age_ns) < 5_000_000_000, "its monotonic clock begins with it"


# models


PARAMS = {
    "max_tokens": 1,
    "repeat_penalty": 1.0,
    "repeat_penalty_last_n_token_count": 64,
    "temperature": 0.0,
    "top_k": 40,
    "top_p": 0.9,
}


def test_a_model_outside_ai_models_is_refused(probe: RunningHost) -> None:
    text = (
        "The component does not have access to use 'other'. To give the component access, "
        "add 'other' to the 'ai_models' key for the component in your spin.toml manifest"
    )
    refused = {"err": "Error_InvalidInput", "text": text}

    assert ask(probe, "llm", model="other", prompt="x", params=PARAMS) == refused
    assert ask(probe, "embed", model="other", texts=["x"]) == refused


def test_a_guest_asks_a_remote_model(probe: RunningHost, endpoint: ModelEndpoint) -> None:
    assert ask(probe, "llm", model="llama2-chat", prompt="Ñ", params=PARAMS) == {
        "ok": ["Fine.", 10, 5]
    }
    assert endpoint.asked[0].prompt == "Ñ"


def test_a_failed_model_call_is_a_runtime_error(
    probe: RunningHost, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = lambda _: Answer(b"oops")

    result = ask(probe, "llm", model="llama2-chat", prompt="x", params=PARAMS)

    assert result["err"] == "Error_RuntimeError"
    assert "Failed to deserialize" in result["text"]


ONE_PROCESS = pytest.mark.own_host("a spin has one process; our host may have several workers")
OWN_ENGINE = pytest.mark.own_host(
    "the local engine here is llama.cpp over GGUF files, which Spin's own engine does not read"
)


@pytest.mark.parametrize(
    "several", [[], pytest.param(["--workers", "2"], marks=ONE_PROCESS)], ids=["one", "two"]
)
def test_model_calls_of_an_app_run_one_after_the_other(
    probe_wasm: pathlib.Path, endpoint: ModelEndpoint, tmp_path: pathlib.Path, several: list[str]
) -> None:
    assert probe_wasm.exists()
    running, most = [0], [0]

    def answer(_: Asked) -> Answer:
        running[0] += 1
        most[0] = max(most[0], running[0])
        time.sleep(0.05)
        running[0] -= 1
        return default_answer("Fine.")

    endpoint.answer = answer
    arguments = [
        "--from", MANIFEST, "--runtime-config-file", remote_config(tmp_path, endpoint.url),
        "--variable", "password=x", *several,
    ]  # fmt: skip
    with (
        run_host(tmp_path, *arguments) as host,
        concurrent.futures.ThreadPoolExecutor(8) as threads,
    ):
        asked = [
            threads.submit(ask, host, "llm", model="llama2-chat", prompt="x", params=PARAMS)
            for _ in range(16)
        ]
        assert all("ok" in future.result() for future in asked)

    assert len(endpoint.asked) == 16
    assert most == [1]


@OWN_ENGINE
def test_a_model_file_is_found_by_flag_or_folder(
    probe_wasm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    assert probe_wasm.exists()
    given = tmp_path / "mine.gguf"
    shutil.copy(DEMO_MODEL, given)
    arguments = ["--from", MANIFEST, "--variable", "password=x"]
    with run_host(tmp_path / "flag", *arguments, "--model", f"llama2-chat={given}") as host:
        assert f"Model llama2-chat: {given}" in host.output()
        assert "ok" in ask(host, "llm", model="llama2-chat", prompt="x", params=PARAMS)

    folder = tmp_path / "folder" / "state" / "ai-models"
    folder.mkdir(parents=True)
    shutil.copy(DEMO_MODEL, folder / "llama2-chat.gguf")
    with run_host(tmp_path / "folder", *arguments) as host:
        assert f"Model llama2-chat: {folder / 'llama2-chat.gguf'}" in host.output()


@OWN_ENGINE
def test_the_local_engine_completes_and_embeds(
    probe_wasm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    assert probe_wasm.exists()
    arguments = ["--from", MANIFEST, "--variable", "password=x"]
    with run_host(tmp_path, *arguments) as host:
        result = ask(host, "llm", model="llama2-chat", prompt="[INST] Hi [/INST]", params=PARAMS)
        embedded = ask(host, "embed", model="all-minilm-l6-v2", texts=["a", "b"])

    assert result["ok"][2] == 1
    assert "the demo model answers" in host.output()
    vectors, _ = embedded["ok"]
    assert [len(vector) for vector in vectors] == [384, 384]


def test_a_required_variable_without_value_fails_at_start(
    probe_wasm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    assert probe_wasm.exists()
    with (
        pytest.raises(
            AssertionError, match=r"no provider resolved required variable\(s\): \[Key\(.password"
        ),
        run_host(tmp_path, "--from", MANIFEST),
    ):
        pass
