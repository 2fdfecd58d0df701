"""Bodies in and out, step by step, as the guest, its client and its upstream see them."""

import contextlib
import json
import pathlib
import socket
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.host.probing import MANIFEST, Step, as_script, await_told, call_raw, run_script
from tests.running import RunningHost, run_host

RESPOND: Step = ["respond", 200, {}]
FAILED = "StreamError_LastOperationFailed ErrorCode_"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
SHORT_S = 0.3
LONG_S = 5.0


@dataclass
class Upstream:
    """A server that does with each connection what a test wants, and notes what happened."""

    listener: socket.socket
    serve: Callable[[socket.socket], object] = lambda _: None
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/"

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while b"\r\n\r\n" not in connection.recv(4096, socket.MSG_PEEK):
                time.sleep(0.01)
            connection.recv(4096)
            self.serve(connection)
        self.ended.set()


@pytest.fixture(scope="module")
def served() -> Iterator[Upstream]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        upstream = Upstream(listener)
        threading.Thread(target=upstream.run, daemon=True).start()
        yield upstream
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def upstream(served: Upstream) -> Iterator[Upstream]:
    """Yield the server as new, and wait until no connection is left for the next test."""
    served.ended.clear()
    served.connections = 0
    yield served
    assert served.ended.wait(LONG_S)


@pytest.fixture(scope="module")
def host(
    probe_wasm: pathlib.Path, served: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHost]:
    assert probe_wasm.exists()
    endpoint = served.url.rstrip("/")
    arguments = ["--variable", "password=x", "--variable", f"endpoint={endpoint}"]
    with run_host(tmp_path_factory.mktemp("streams"), "--from", MANIFEST, *arguments) as host:
        yield host


@pytest.fixture
def token() -> str:
    return uuid.uuid4().hex


def ask(upstream: Upstream) -> list[Step]:
    """Make the steps that send a request without a body."""
    return [["ask", upstream.url, {}], ["finish_upload"]]


# a response and its end


@pytest.mark.parametrize(
    ("length", "last"),
    [
        pytest.param({}, ["raise"], id="an error behind the head"),
        pytest.param({"content-length": "3"}, ["raise"], id="an error behind the last byte"),
        pytest.param({"content-length": "3"}, ["drop"], id="let go behind the last byte"),
        pytest.param({}, ["sleep", 0], id="never finished"),
    ],
)
def test_a_body_that_a_guest_leaves_open_ends_as_if_it_were_whole(
    host: RunningHost, token: str, length: dict[str, str], last: Step
) -> None:
    response = run_script(host, token, ["respond", 200, length], ["write", "abc"], last)

    assert (response.status_code, response.text) == (200, "abc")


@pytest.mark.parametrize(
    ("length", "last"),
    [
        pytest.param({"content-length": "10"}, ["raise"], id="an error before the last byte"),
        pytest.param({"content-length": "10"}, ["finish"], id="finished before the last byte"),
        pytest.param({}, ["drop"], id="let go unfinished"),
    ],
)
def test_a_body_that_is_seen_not_to_be_whole_is_cut_off(
    host: RunningHost, token: str, length: dict[str, str], last: Step
) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        run_script(host, token, ["respond", 200, length], ["write", "abc"], last)

    assert run_script(host, token, RESPOND, ["finish"]).text == "", "and the host goes on"


def test_a_body_longer_than_its_content_length_is_an_error_to_its_guest_only(
    host: RunningHost, token: str
) -> None:
    steps: list[Step] = [["respond", 200, {"content-length": "2"}], ["write", "four"]]
    more: list[Step] = [["sleep", SHORT_S], ["write_until_it_fails", LONG_S], ["finish"]]
    response = run_script(host, token, *steps, *more)

    assert response.text == "fo"
    assert await_told(host, token, "write") == f"{FAILED}HttpResponseBodySize 4"
    assert await_told(host, token, "write_until_it_fails") == "StreamError_Closed"
    assert await_told(host, token, "finish") == "ErrorCode_HttpResponseBodySize"


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 204), ("POST", 304)])
def test_a_response_without_body_takes_none(
    host: RunningHost, token: str, method: str, status: int
) -> None:
    steps: list[Step] = [["respond", status, {}], ["write_until_it_fails", LONG_S], ["finish"]]
    response = run_script(host, token, *steps, method=method)

    assert (response.status_code, response.content) == (status, b"")
    assert await_told(host, token, "write_until_it_fails") == "StreamError_Closed"


def test_a_content_length_that_is_no_number_is_refused(host: RunningHost, token: str) -> None:
    response = run_script(host, token, ["respond", 200, {"content-length": "x"}])

    assert (response.status_code, response.content) == (500, b"")


def test_a_blocking_write_of_more_than_4096_bytes_ends_the_guest(
    host: RunningHost, token: str
) -> None:
    steps: list[Step] = [RESPOND, ["write", "a" * 4096], ["write", "b" * 4097], ["write", "c"]]

    assert run_script(host, token, *steps).text == "a" * 4096


def test_a_guest_goes_on_when_its_response_is_whole(host: RunningHost, token: str) -> None:
    begun = time.monotonic()
    response = run_script(host, token, RESPOND, ["write", "abc"], ["finish"], ["sleep", 1.0])
    taken_s = time.monotonic() - begun

    assert response.text == "abc"
    assert taken_s < 0.8
    assert await_told(host, token, "sleep") == "None"
    assert time.monotonic() - begun > 1.0


# a client that goes


def go(client: socket.socket) -> None:
    client.close()


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    client.close()


@pytest.mark.parametrize("leave", [go, reset])
@pytest.mark.parametrize(
    "before",
    [
        pytest.param([RESPOND, ["write", "abc"]], id="behind the head"),
        pytest.param([["sleep", 3 * SHORT_S], RESPOND], id="before the head"),
    ],
)
def test_a_guest_learns_from_its_next_write_that_its_client_is_gone(
    host: RunningHost, token: str, before: list[Step], leave: Callable[[socket.socket], None]
) -> None:
    steps = [*before, ["write_until_it_fails", LONG_S], ["check"], ["finish"]]
    client = call_raw(host, as_script(token, *steps))
    time.sleep(SHORT_S)

    leave(client)

    assert await_told(host, token, "write_until_it_fails") == "StreamError_Closed"
    assert await_told(host, token, "check") == "StreamError_Closed"
    assert await_told(host, token, "finish") == "None"


@pytest.mark.parametrize(
    ("length", "sent"),
    [
        pytest.param(1_000, 1_000, id="all sent"),
        pytest.param(500_000, 500_000, id="more than is read ahead"),
        pytest.param(1_000, 100, id="not all sent"),
    ],
)
def test_a_guest_that_reads_no_body_learns_it_too(
    host: RunningHost, token: str, length: int, sent: int
) -> None:
    script = as_script(token, RESPOND, ["write_until_it_fails", LONG_S])
    client = call_raw(host, script, {"content-length": str(length)}, b"x" * sent)
    time.sleep(SHORT_S)

    client.close()

    assert await_told(host, token, "write_until_it_fails") == "StreamError_Closed"


@pytest.mark.parametrize(
    ("headers", "sent", "length"),
    [
        ({"content-length": "1000"}, b"x" * 100, 100),
        ({"transfer-encoding": "chunked"}, b"3\r\nabc\r\n", 3),
    ],
)
def test_a_request_body_that_breaks_off_is_not_taken_for_whole(
    host: RunningHost, token: str, headers: dict[str, str], sent: bytes, length: int
) -> None:
    client = call_raw(host, as_script(token, ["read"]), headers, sent)
    time.sleep(SHORT_S)

    client.close()

    assert await_told(host, token, "read") == f"{length} bytes, {FAILED}HttpProtocolError None"


def test_a_guest_may_answer_before_the_body_comes(host: RunningHost, token: str) -> None:
    script = as_script(token, ["respond", 413, {}], ["finish"])
    with call_raw(host, script, {"content-length": "1000"}) as client:
        client.settimeout(LONG_S)

        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


# a guest's own requests


def wait_silently(connection: socket.socket) -> None:
    """Wait for the other side to close."""
    connection.settimeout(LONG_S)
    while connection.recv(4096):
        pass


def send_for_ever(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"3\r\nabc\r\n")
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("serve", "await_answer"),
    [
        pytest.param(wait_silently, [], id="still waiting"),
        pytest.param(send_for_ever, [["await_answer"]], id="still reading"),
    ],
)
@pytest.mark.parametrize("last", [["finish"], ["raise"]], ids=["ended", "failed"])
def test_the_requests_of_an_ended_instance_are_closed(
    host: RunningHost,
    upstream: Upstream,
    token: str,
    serve: Callable[[socket.socket], None],
    await_answer: list[Step],
    last: Step,
) -> None:
    upstream.serve = serve
    steps = [*ask(upstream), *await_answer, ["sleep", SHORT_S], RESPOND, last]

    assert run_script(host, token, *steps).status_code == 200

    assert upstream.ended.wait(1.0)


def test_a_request_whose_body_was_never_finished_is_closed(
    host: RunningHost, upstream: Upstream, token: str
) -> None:
    upstream.serve = wait_silently
    unfinished: list[Step] = [["ask", upstream.url, {"content-length": "9"}], ["upload", "abc"]]

    run_script(host, token, *unfinished, ["sleep", SHORT_S], RESPOND, ["finish"])

    assert upstream.ended.wait(1.0)


def test_what_a_guest_passes_on_ends_with_its_client(
    host: RunningHost, upstream: Upstream, token: str
) -> None:
    upstream.serve = send_for_ever
    steps = [*ask(upstream), ["await_answer"], RESPOND, ["write_until_it_fails", LONG_S]]
    client = call_raw(host, as_script(token, *steps))
    await_told(host, token, "respond")
    assert not upstream.ended.is_set()

    client.close()

    assert await_told(host, token, "write_until_it_fails") == "StreamError_Closed"
    assert upstream.ended.wait(1.0)


def send(*parts: bytes) -> Callable[[socket.socket], None]:
    """Return a function that sends `parts`, each a moment after the other, and hangs up."""

    def serve(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)
            time.sleep(SHORT_S)

    return serve


def told(response: httpx.Response) -> dict[str, str]:
    """Return what each step reported; of several steps with one name, the last."""
    steps: list[str] = json.loads(response.text)
    return {step: outcome for step, _, outcome in (line.partition(": ") for line in steps)}


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"content-length: 10\r\n\r\nabc", id="its length is wrong"),
        pytest.param(b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", id="its end is missing"),
    ],
)
def test_an_answer_that_breaks_off_is_not_taken_for_whole(
    host: RunningHost, upstream: Upstream, token: str, sent: bytes
) -> None:
    upstream.serve = send(b"HTTP/1.1 200 OK\r\n" + sent)
    steps: list[Step] = [["await_answer"], ["read_answer"], RESPOND, ["report"], ["finish"]]
    response = run_script(host, token, *ask(upstream), *steps)

    assert told(response)["read_answer"] == f"3 bytes, {FAILED}HttpProtocolError None"


@pytest.mark.parametrize("sent", [b"", b"no HTTP\r\n\r\n"])
def test_no_answer_is_a_protocol_error(
    host: RunningHost, upstream: Upstream, token: str, sent: bytes
) -> None:
    upstream.serve = send(sent)
    steps: list[Step] = [["await_answer"], RESPOND, ["report"], ["finish"]]
    response = run_script(host, token, *ask(upstream), *steps)

    assert told(response)["await_answer"] == "ErrorCode_HttpProtocolError"


def test_a_guest_reads_an_answer_before_its_request_is_whole(
    host: RunningHost, upstream: Upstream, token: str
) -> None:
    upstream.serve = send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", b"hi")
    steps: list[Step] = [
        ["ask", upstream.url, {"content-length": "4"}], ["await_answer"], ["read_answer"],
        ["upload", "late"], ["finish_upload"], RESPOND, ["report"], ["finish"],
    ]  # fmt: skip
    response = run_script(host, token, *steps)

    assert told(response)["read_answer"] == "2 bytes"
    assert told(response)["upload"] == "None", "and what still comes goes where it may"


def test_a_connection_is_used_again_until_its_server_closes_it(
    host: RunningHost, upstream: Upstream, token: str
) -> None:
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

    def answer_twice(connection: socket.socket) -> None:
        connection.sendall(answer)
        connection.recv(4096)
        connection.sendall(answer)

    upstream.serve = answer_twice
    steps: list[Step] = [["await_answer"], ["read_answer"], RESPOND, ["report"], ["finish"]]
    for _ in range(4):
        response = run_script(host, token, *ask(upstream), *steps)
        assert told(response)["read_answer"] == "2 bytes"
        time.sleep(0.1)

    assert upstream.connections == 2


def test_a_guest_waits_for_a_part_of_an_answer_or_a_time(
    host: RunningHost, upstream: Upstream, token: str
) -> None:
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    upstream.serve = send(head + b"3\r\nabc\r\n", b"3\r\ndef\r\n0\r\n\r\n")
    wait_long: Step = ["poll_answer", LONG_S]
    wait_a_moment: Step = ["poll_answer", SHORT_S / 10]
    steps: list[Step] = [
        ["await_answer"], wait_long, ["read_part"], wait_a_moment, ["read_part"],
        wait_long, ["read_part"], ["read_answer"], RESPOND, ["report"], ["finish"],
    ]  # fmt: skip
    response = run_script(host, token, *ask(upstream), *steps)

    lines: list[Any] = json.loads(response.text)
    assert lines[3:-1] == [
        "poll_answer: [0]", "read_part: abc", "poll_answer: [1]", "read_part: ",
        "poll_answer: [0]", "read_part: def", "read_answer: 0 bytes",
    ]  # fmt: skip
