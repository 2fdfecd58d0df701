"""How much of the host's server clients may use, over real sockets."""

import concurrent.futures
import contextlib
import json
import pathlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.running import Held, ModelEndpoint, RunningHost, remote_config, run_host

pytestmark = pytest.mark.own_host("Spin's server has limits of its own, which no flag changes")
SHORT = ["--head-timeout", "1", "--body-timeout", "1"]
POST = "POST /echo HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def probe(
    probe_wasm: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHost]:
    assert probe_wasm.exists()
    arguments = ["--from", "tests/guests/probe/spin.toml", "--variable", "password=x", *SHORT]
    with run_host(tmp_path_factory.mktemp("door"), *arguments) as host:
        yield host


@contextlib.contextmanager
def connected(host: RunningHost) -> Iterator[socket.socket]:
    name, port = host.url.removeprefix("http://").split(":")
    with socket.create_connection((name, int(port)), timeout=20) as client:
        yield client


def answer(client: socket.socket) -> str:
    """Read until the server closes."""
    with contextlib.suppress(ConnectionResetError):
        return b"".join(iter(lambda: client.recv(65536), b"")).decode("latin-1")
    return ""


def status(client: socket.socket) -> str:
    return answer(client).partition("\r\n")[0]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param("x: " + "y" * 70_000, "431", id="a long field"),
        pytest.param("x" * 70_000 + ": y", "431", id="a long name"),
        pytest.param("\r\n".join(f"x{n}: {'y' * 1000}" for n in range(70)), "431", id="in all"),
        pytest.param("\r\n".join(f"x{n}: y" for n in range(200)), "431", id="many fields"),
        pytest.param("\r\n".join(f"x{n}: {'y' * 600}" for n in range(90)), "200", id="allowed"),
        pytest.param("x\x01: y", "400", id="no head at all"),
    ],
)
def test_a_head_has_a_most_of_bytes_and_fields(
    probe: RunningHost, head: str, expected: str
) -> None:
    with connected(probe) as client:
        client.sendall(
            f"GET /headers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n\r\n".encode()
        )

        assert status(client).split()[1] == expected


def test_a_path_may_not_be_longer_than_a_head(probe: RunningHost) -> None:
    with connected(probe) as client:
        client.sendall(f"GET /{'a' * 70_000} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

        assert status(client) == "HTTP/1.1 431 Request Header Fields Too Large"


def test_a_head_without_end_takes_no_memory(probe: RunningHost) -> None:
    before = probe.resident_mib()
    with connected(probe) as client:
        client.sendall(b"GET /headers HTTP/1.1\r\nx: ")
        with contextlib.suppress(OSError):
            for _ in range(300):
                client.sendall(b"y" * 1_000_000)

    assert probe.resident_mib() - before < 20


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param("", id="nothing"),
        pytest.param("GET /headers HTTP/1.1\r\nHost: x\r\n", id="half a head"),
        pytest.param(f"{POST}Content-Length: 9\r\n\r\nhalf", id="half a body"),
        pytest.param(f"{POST}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", id="a chunk"),
    ],
)
def test_what_does_not_come_is_given_up_in_time(probe: RunningHost, sent: str) -> None:
    begun = time.monotonic()
    with connected(probe) as client:
        client.sendall(sent.encode())

        assert status(client) == "HTTP/1.1 408 Request Timeout"
    assert 0.9 < time.monotonic() - begun < 5


def test_a_second_head_on_a_connection_has_its_time_too(probe: RunningHost) -> None:
    with connected(probe) as client:
        client.sendall(b"GET /fixed HTTP/1.1\r\nHost: x\r\n\r\nGET /fixed HTTP/1.1\r\n")

        first, second = answer(client).split("\r\n\r\nfixed")

    assert first.startswith("HTTP/1.1 203 ")
    assert second.startswith("HTTP/1.1 408 ")


def test_a_slow_body_that_moves_is_waited_for(probe: RunningHost) -> None:
    with connected(probe) as client:
        client.sendall(f"{POST}Connection: close\r\nContent-Length: 6\r\n\r\n".encode())
        for letter in b"slowly":
            time.sleep(0.4)
            client.sendall(bytes([letter]))

        whole = answer(client)

    assert whole.startswith("HTTP/1.1 200")
    assert whole.endswith("slowly")


def test_a_thousand_silent_connections_leave_the_others_alone(probe: RunningHost) -> None:
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connected(probe)) for _ in range(1_100)]
        opened = time.monotonic()
        for client in silent[::2]:
            client.sendall(b"GET /headers HTTP/1.1\r\n")

        assert {probe.client.get("/fixed").status_code for _ in range(20)} == {203}
        assert time.monotonic() - opened < 5


def test_a_client_that_leaves_in_its_body_is_forgotten(probe: RunningHost) -> None:
    def leave() -> None:
        with connected(probe) as client:
            client.sendall(f"{POST}Content-Length: 9\r\n\r\nhalf".encode())

    threads = [threading.Thread(target=leave) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert probe.client.get("/fixed").status_code == 203


def test_requests_over_the_most_wait_and_over_that_are_told_when_to_come_again(
    probe_wasm: pathlib.Path, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    assert probe_wasm.exists()
    held = Held("Fine.")
    endpoint.answer = held
    arguments = [
        "--from", "tests/guests/probe/spin.toml", "--variable", "password=x",
        "--runtime-config-file", remote_config(tmp_path, endpoint.url),
        "--max-instances", "1", "--max-waiting", "1",
    ]  # fmt: skip
    infer = json.dumps({"model": "llama2-chat", "prompt": "p", "params": {}})
    with (
        run_host(tmp_path, *arguments) as host,
        concurrent.futures.ThreadPoolExecutor() as threads,
    ):
        running = threads.submit(host.client.post, "/llm", content=infer)
        held.await_request()
        waiting = threads.submit(host.client.post, "/echo", content=b"waited")
        time.sleep(0.5)
        refused = host.client.post("/echo", content=b"refused")
        held.let_go()

        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert (running.result().status_code, waiting.result().text) == (200, "waited")
