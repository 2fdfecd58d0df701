"""The adapters of the build for Preview 3, in a real component on a real Spin."""

import concurrent.futures
import contextlib
import pathlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.host.probing import ask
from tests.running import (
    Answer,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    run_host,
)

pytestmark = pytest.mark.spin("runs a component for Preview 3, which our host does not")
MANIFEST = "tests/guests/probe_p3/spin.toml"
SLOW = "no answer in time: broken pipe"


@pytest.fixture(scope="module")
def probe(
    probe_p3_wasm: pathlib.Path,
    shared_redis: RunningRedis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    assert probe_p3_wasm.exists()
    yield from run_probe(tmp_path_factory.mktemp("probe-p3"), shared_redis)


@pytest.fixture
def killable(
    probe_p3_wasm: pathlib.Path, own_redis: RunningRedis, tmp_path: pathlib.Path
) -> Iterator[RunningHost]:
    assert probe_p3_wasm.exists()
    yield from run_probe(tmp_path / "host", own_redis)


def run_probe(folder: pathlib.Path, redis: RunningRedis) -> Iterator[RunningHost]:
    arguments = ["--from", MANIFEST, "--variable", f"redis_address={redis.address}"]
    with run_host(folder, *arguments) as host:
        yield host


def commands(host: RunningHost, address: str, *calls: list[Any], **more: object) -> list[Any]:
    results: list[Any] = ask(host, "redis", address=address, calls=list(calls), **more)
    return results


# Redis


def test_replies_are_those_of_preview_2(probe: RunningHost, shared_redis: RunningRedis) -> None:
    results = commands(
        probe, shared_redis.address,
        ["DEL", "p3:k"], ["SET", "p3:k", "v"], ["GET", "p3:k"], ["GET", "p3:none"],
        ["APPEND", "p3:k", "w"], ["EVAL", "return {1, {2, 'x'}}", 0],
    )  # fmt: skip

    assert results[1:] == [
        {"ok": ["OK"]}, {"ok": ["v"]}, {"ok": [None]}, {"ok": [2]}, {"ok": [1, 2, "x"]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (["LPUSH", "p3:k", "x"], "WRONGTYPE: Operation against a key holding the wrong kind of va"),
        (
            ["EVALSHA", "0" * 40, 0],
            "An error was signalled by the server - NoScriptError: No match",
        ),
        (["EVAL", "return redis.error_reply('MINE of my own')", 0], "MINE: of my own"),
    ],
)
def test_errors_are_those_of_preview_2(
    probe: RunningHost, shared_redis: RunningRedis, call: list[Any], text: str
) -> None:
    _, failed = commands(probe, shared_redis.address, ["SET", "p3:k", "v"], call)

    assert failed["error"] == "RedisError"
    assert failed["text"].startswith(text)


def test_an_address_that_is_not_allowed_is_told_without_it(probe: RunningHost) -> None:
    assert commands(probe, "redis://u:hidden@127.0.0.9:1", ["PING"]) == [
        {"error": "StoreUnavailable", "text": "the host does not allow `redis_address`"}
    ]


def test_requests_of_an_instance_share_one_connection(
    killable: RunningHost, own_redis: RunningRedis
) -> None:
    at_once = commands(killable, own_redis.address, *[["CLIENT", "ID"]] * 5, at_once=True)
    later = commands(killable, own_redis.address, ["CLIENT", "ID"])

    assert {result["ok"][0] for result in [*at_once, *later]} == {later[0]["ok"][0]}


def test_a_connection_that_broke_is_replaced(
    killable: RunningHost, own_redis: RunningRedis
) -> None:
    address = own_redis.address
    assert commands(killable, address, ["PING"]) == [{"ok": ["PONG"]}]
    own_redis.kill()

    broken, refused = commands(killable, address, ["PING"], ["PING"])
    own_redis.start()
    [again] = commands(killable, address, ["PING"])

    assert broken == {"error": "RedisError", "text": "broken pipe"}
    assert refused["error"] == "NodeAway"
    assert "nothing listens" in refused["text"]
    assert again == {"ok": ["PONG"]}


def test_a_call_that_takes_too_long_is_given_up_and_ends_nothing_else(
    killable: RunningHost, own_redis: RunningRedis
) -> None:
    address = own_redis.address

    slow, next_one = commands(killable, address, ["BLPOP", "none", 2], ["PING"], timeout_s=0.3)
    time.sleep(2)  # the call ends in the instance, where nobody waits for it any more
    requests = ask(killable, "requests")

    assert slow == {"error": "RedisError", "text": SLOW}
    assert next_one == {"ok": ["PONG"]}
    assert "panicked" not in killable.output()
    assert requests >= 1


# time, and other requests of the instance


@pytest.mark.parametrize("at_once", [False, True])
def test_each_wait_ends_with_its_call_or_at_its_own_moment(
    probe: RunningHost, at_once: bool
) -> None:
    calls = [(50, 9000), (9000, 50), (900, 9000), (9000, 300), (1, 9000), (9000, 1)]

    results = ask(probe, "within", calls=calls, at_once=at_once)

    for (rest_ms, max_ms), (error, taken_ms) in zip(calls, results, strict=True):
        assert error == ("TimeUp" if max_ms < rest_ms else None)
        assert min(rest_ms, max_ms) <= taken_ms < min(rest_ms, max_ms) + 250


def test_a_request_wakes_another_of_its_instance(probe: RunningHost) -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = pool.submit(ask, probe, "gate", opens=False)
        deadline = time.monotonic() + 20
        while not waiting.done() and time.monotonic() < deadline:
            ask(probe, "gate", opens=True)

        assert waiting.result(5)["requests"] > 1


# HTTP out


@pytest.mark.parametrize(("method", "body"), [("POST", {"body": "hello"}), ("GET", {})])
def test_a_request_goes_out_whole_and_its_answer_comes_back(
    probe: RunningHost, endpoint: ModelEndpoint, method: str, body: dict[str, str]
) -> None:
    endpoint.answer = lambda _: Answer(b"fine", status=201)

    sent = ask(
        probe, "send", origin=endpoint.url, method=method, path="/x?y=1", seconds=5,
        headers={"authorization": "Bearer x"}, **body,
    )  # fmt: skip

    assert sent["ok"] == [201, "fine"]
    [asked] = endpoint.asked
    assert (asked.path, asked.body) == ("/x?y=1", body.get("body", "").encode())
    assert asked.headers["authorization"] == "Bearer x"


def test_an_answer_that_takes_too_long_is_a_timeout(
    probe: RunningHost, endpoint: ModelEndpoint
) -> None:
    endpoint.answer = lambda _: Answer(b"late", delay_s=3)

    sent = ask(probe, "send", origin=endpoint.url, method="POST", path="/", body="x", seconds=1)

    assert (sent["error"], sent["is_timeout"]) == ("HttpFailed", True)
    assert 1000 <= sent["taken_ms"] < 2500


def test_an_answer_that_drips_is_a_timeout(probe: RunningHost) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, drip(server):
        origin = f"http://127.0.0.1:{server.getsockname()[1]}"
        sent = ask(probe, "send", origin=origin, method="POST", path="/", body="x", seconds=1)

    assert (sent["error"], sent["is_timeout"]) == ("HttpFailed", True)
    assert 1000 <= sent["taken_ms"] < 2500


@contextlib.contextmanager
def drip(server: socket.socket) -> Iterator[None]:
    """Answer one request with a byte of 100 every fifth of a second."""

    def answer() -> None:
        client, _ = server.accept()
        with client, contextlib.suppress(OSError):
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
            for _ in range(100):
                client.sendall(b"x")
                time.sleep(0.2)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    yield


def test_an_origin_that_is_not_allowed_is_no_answer(probe: RunningHost) -> None:
    sent = ask(probe, "send", origin="http://127.0.0.9:1", method="GET", path="/", seconds=5)

    assert (sent["error"], sent["is_timeout"]) == ("HttpFailed", False)
    assert "the origin is not an allowed outbound host" in probe.output()


# HTTP in


def test_the_head_of_a_request_is_read(probe: RunningHost) -> None:
    response = probe.client.put("/head", headers=[(b"x-mine", "ä".encode())])

    method, uri, headers = response.json()
    assert (method, uri, headers["x-mine"]) == ("PUT", "/head", "ä")


def test_a_body_is_read_whole_up_to_its_limit(probe: RunningHost) -> None:
    whole = probe.client.post("/read", content=b"x" * 1_000_000).json()
    larger = probe.client.post("/read", content=b"x" * 1_000_001).json()

    assert whole == {"ok": 1_000_000}
    assert larger["error"] == "TooLarge"


def test_a_body_that_stays_away_is_given_up(probe: RunningHost) -> None:
    address, port = probe.url.removeprefix("http://").split(":")
    begun = time.monotonic()
    with socket.create_connection((address, int(port)), timeout=30) as client:
        client.sendall(b"POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n12345")
        answer = client.recv(4096)

    assert b"RequestTimeout" in answer
    assert 9 < time.monotonic() - begun < 15


def test_a_body_of_chunks_comes_as_it_is_made_and_its_end_is_told(probe: RunningHost) -> None:
    whole = probe.client.post("/drip", json={"count": 3, "pause_ms": 10, "token": "whole"})

    assert whole.text == "chunk 0\nchunk 1\nchunk 2\n"
    assert told(probe, "whole") == "True"


def test_a_body_that_is_cut_off_does_not_look_whole(probe: RunningHost) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        probe.client.post("/drip", json={"count": 3, "pause_ms": 10, "token": "cut", "cuts": True})

    assert told(probe, "cut") == "False"


def test_a_caller_that_has_gone_shows_at_the_next_chunk(probe: RunningHost) -> None:
    asked = {"count": 100, "pause_ms": 100, "token": "gone"}
    with probe.client.stream("POST", "/drip", json=asked) as response:
        next(response.iter_raw())

    assert told(probe, "gone") == "False"


def told(host: RunningHost, token: str) -> str:
    """Wait until the guest has told how a body ended."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for line in host.output().splitlines():
            if line.startswith(f"{token} ended: "):
                return line.rpartition(" ")[2]
        time.sleep(0.05)
    raise AssertionError(host.output())


def test_head_and_body_come_together(probe: RunningHost) -> None:
    address, port = probe.url.removeprefix("http://").split(":")
    parts = []
    with socket.create_connection((address, int(port)), timeout=10) as client:
        for _ in range(200):
            client.sendall(b"GET /head HTTP/1.1\r\nhost: x\r\n\r\n")
            parts.append(reads_of_one_answer(client))

    assert parts.count(1) >= 195


def reads_of_one_answer(client: socket.socket) -> int:
    """Return in how many parts an answer came."""
    answer, count = b"", 0
    while True:
        answer += client.recv(65536)
        count += 1
        head, end, body = answer.partition(b"\r\n\r\n")
        if end and len(body) == int(head.lower().partition(b"content-length: ")[2].split()[0]):
            return count
