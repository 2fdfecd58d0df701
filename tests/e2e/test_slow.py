"""What comes slowly is waited for only so long: bodies of requests, and the model's answers."""

import concurrent.futures
import contextlib
import json
import pathlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from chat.http.patience import SILENCE_S, SLOWEST_BYTES_PER_S, UNTAKEN_S
from tests.e2e.test_memories import flags
from tests.e2e.test_owners import ask, bearer, new_token, start
from tests.running import (
    Answer,
    Asked,
    ModelEndpoint,
    RunningHost,
    RunningRedis,
    as_flags,
    default_answer,
    remote_config,
    run_host,
)

TURN = json.dumps({"context": "You are a chef.", "prompt": "x" * 2000}).encode()
SLACK_S = 8
"""What a busy machine takes on top."""


def connect(host: RunningHost) -> socket.socket:
    address, port = host.url.removeprefix("http://").split(":")
    connection = socket.create_connection((address, int(port)))
    connection.settimeout(SILENCE_S + SLACK_S)
    return connection


def head(body_fields: str) -> bytes:
    return f"POST / HTTP/1.1\r\nhost: chat.test\r\n{body_fields}\r\n\r\n".encode()


def read_answer(connection: socket.socket) -> tuple[int, str]:
    """Return the status and the code of the error; no more is read than is there."""
    answer = b""
    while b"}}" not in answer and (part := connection.recv(4096)):
        answer += part
    status = int(answer.split(b" ", 2)[1])
    return status, json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"]


def drip(connection: socket.socket, data: bytes, pause_s: float) -> None:
    """Send byte by byte, until all is sent or nobody takes it."""
    with contextlib.suppress(OSError):
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(pause_s)


# bodies of requests


BODIES = {
    "no body": (f"content-length: {len(TURN)}", b""),
    "half a body": (f"content-length: {len(TURN)}", TURN[:1000]),
    "a chunk of it": ("transfer-encoding: chunked", b"3e8\r\n" + TURN[:1000] + b"\r\n"),
}


def test_a_body_that_stops_or_drips_is_given_up_and_others_are_served(
    remote_chat: RunningHost,
) -> None:
    with contextlib.ExitStack() as stack:
        begun = time.monotonic()
        connections = {}
        for what, (fields, begin) in BODIES.items():
            connections[what] = stack.enter_context(connect(remote_chat))
            connections[what].sendall(head(fields) + begin)
        connections["drips"] = stack.enter_context(connect(remote_chat))
        connections["drips"].sendall(head(f"content-length: {len(TURN)}"))
        dripping = threading.Thread(target=drip, args=(connections["drips"], TURN, 0.2))
        dripping.start()

        assert remote_chat.post(context="c", prompt="p").status_code == 200
        for what, connection in connections.items():
            assert read_answer(connection) == (408, "request_timeout"), what
            assert SILENCE_S - 1 < time.monotonic() - begun < SILENCE_S + SLACK_S, what
    dripping.join()


def test_a_body_that_comes_in_pieces_is_taken(remote_chat: RunningHost) -> None:
    with connect(remote_chat) as connection:
        connection.sendall(head(f"content-length: {len(TURN)}"))
        for begin in range(0, len(TURN), 500):
            time.sleep(0.3)
            connection.sendall(TURN[begin : begin + 500])

        assert connection.recv(12) == b"HTTP/1.1 200"


def test_a_large_body_has_more_time_as_it_comes(
    wasm: pathlib.Path, shared_redis: RunningRedis, endpoint: ModelEndpoint, tmp_path: pathlib.Path
) -> None:
    """It takes longer than a silence may, and is never slower than the slowest."""
    assert wasm.exists()
    part = b" " * (2 * SLOWEST_BYTES_PER_S)
    parts = SILENCE_S + 2
    config = ["--runtime-config-file", remote_config(tmp_path, endpoint.url)]
    variables = [f"redis_address={shared_redis.address}"]
    with (
        run_host(tmp_path / "host", *config, *as_flags(variables)) as host,
        connect(host) as connection,
    ):
        connection.sendall(head(f"content-length: {len(part) * parts + len(TURN)}"))
        for _ in range(parts):
            connection.sendall(part)
            time.sleep(1)
        connection.sendall(TURN)

        assert connection.recv(12) == b"HTTP/1.1 200"


def test_half_sent_bodies_leave_room_for_others(remote_chat: RunningHost) -> None:
    with contextlib.ExitStack() as stack:
        stalled = [stack.enter_context(connect(remote_chat)) for _ in range(40)]
        for connection in stalled:
            connection.sendall(head(f"content-length: {len(TURN)}") + TURN[:9])

        assert remote_chat.post(context="c", prompt="p").status_code == 200
        assert {read_answer(connection) for connection in stalled} == {(408, "request_timeout")}


# a model's answers


TIMEOUT_S = 3
MORE_S = 5
"""What a busy machine takes on top: less than the models below would make of it."""
Manner = Callable[[socket.socket], None]


class SlowModel:
    """A model's endpoint on a bare socket: `manner` does what it likes with each connection."""

    def __init__(self) -> None:
        self.manner: Manner = hang
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self.manner(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def hang(connection: socket.socket) -> None:
    """Read all and answer nothing."""
    while connection.recv(65536):
        pass


def read_nothing(connection: socket.socket) -> None:
    """Do not even read."""
    time.sleep(3 * TIMEOUT_S)
    connection.close()


def read_request(connection: socket.socket) -> Asked:
    """Read one request.

    Errors: ConnectionError if it breaks off.
    """
    request = b""
    while b"\r\n\r\n" not in request:
        request += read_some(connection)
    before, _, body = request.partition(b"\r\n\r\n")
    first, *fields = before.decode().split("\r\n")
    headers = dict(field.lower().split(": ", 1) for field in fields)
    while len(body) < int(headers["content-length"]):
        body += read_some(connection)
    return Asked(first.split(" ")[1], headers, body)


def read_some(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    if not part:
        raise ConnectionError
    return part


def send_answer(connection: socket.socket, asked: Asked) -> None:
    """Answer as a model should; the connection is not used again."""
    body: dict[str, object] = {"choices": [{"message": {"role": "assistant", "content": "Fine."}}]}
    if asked.path.endswith("/embeddings"):
        count = len(json.loads(asked.body)["input"])
        body = {"data": [{"index": n, "embedding": [1.0] * 384} for n in range(count)]}
    answer = json.dumps(body).encode()
    fields = f"connection: close\r\ncontent-length: {len(answer)}"
    connection.sendall(f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode() + answer)


def answer_at_once(connection: socket.socket) -> None:
    """Do what a model should."""
    send_answer(connection, read_request(connection))


def drip_body(connection: socket.socket) -> None:
    """Answer at once, and go on for three times as long as a turn may take."""
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")
    drip(connection, b" " * 1000, TIMEOUT_S * 3 / 1000)


def stop_in_body(connection: socket.socket) -> None:
    """Answer late, and stop in the middle."""
    read_request(connection)
    time.sleep(TIMEOUT_S * 0.7)
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
    hang(connection)


def drip_head(connection: socket.socket) -> None:
    """Send the head of the answer byte by byte."""
    read_request(connection)
    drip(connection, b"HTTP/1.1 200 OK\r\n" + b"x-x: y\r\n" * 100, TIMEOUT_S * 3 / 800)


def late_each_time(connection: socket.socket) -> None:
    """Answer embeddings and completions, each late, and within the limit by itself."""
    asked = read_request(connection)
    time.sleep(TIMEOUT_S * 0.7)
    send_answer(connection, asked)


@pytest.fixture(scope="module")
def slow_model() -> Iterator[SlowModel]:
    model = SlowModel()
    yield model
    model.close()


@pytest.fixture(scope="module")
def slow_chat(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    slow_model: SlowModel,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    assert wasm.exists()
    folder = tmp_path_factory.mktemp("slow")
    config = ["--runtime-config-file", remote_config(folder, shared_endpoint.url)]
    more = [
        f"turn_timeout_s={TIMEOUT_S}", "context_length=9000000", "max_prompt_bytes=9000000",
        "memory_min_chars=1", "key_prefix=slow",
    ]  # fmt: skip
    with run_host(folder, *config, *flags(shared_redis, slow_model.url, *more)) as host:
        yield host


@pytest.mark.parametrize(
    "manner", [hang, read_nothing, drip_body, stop_in_body, drip_head, late_each_time]
)
def test_a_turn_is_over_when_its_time_is_whatever_it_waits_for(
    slow_chat: RunningHost, slow_model: SlowModel, manner: Manner
) -> None:
    token = new_token(slow_chat)
    slow_model.manner = manner
    prompt = "x" * (8_000_000 if manner is read_nothing else 100)
    begun = time.monotonic()

    answered = ask(slow_chat, "POST", "/", token, context="c", prompt=prompt)

    assert answered.json().get("error", {}).get("code") == "model_timeout", answered.text[:500]
    assert answered.status_code == 504
    assert TIMEOUT_S - 1 < time.monotonic() - begun < TIMEOUT_S + MORE_S
    assert ask(slow_chat, "GET", "/conversations", token).json()["conversations"] == []


@pytest.mark.spin("our host takes a whole answer from the guest, and holds it for its client")
def test_an_answer_that_nobody_takes_is_given_up(
    slow_chat: RunningHost, slow_model: SlowModel
) -> None:
    slow_model.manner = answer_at_once
    taken = start(slow_chat, None, "x" * 8_000_000)
    fields = "host: x\r\nx-request-id: untaken\r\n\r\n"
    with connect(slow_chat) as connection:
        begun = time.monotonic()
        connection.sendall(f"GET /conversations/{taken}/messages HTTP/1.1\r\n{fields}".encode())
        while '"untaken"' not in slow_chat.output():
            assert time.monotonic() - begun < UNTAKEN_S + SLACK_S
            time.sleep(0.2)

    line = next(line for line in slow_chat.output().splitlines() if '"untaken"' in line)
    assert json.loads(line[line.index("{") :])["is_whole"] is False
    assert time.monotonic() - begun > UNTAKEN_S - 1


def test_a_conversation_whose_turn_took_too_long_goes_on_at_once(
    slow_chat: RunningHost, slow_model: SlowModel
) -> None:
    token = new_token(slow_chat)
    slow_model.manner = answer_at_once
    taken = start(slow_chat, token, "Hello!")
    slow_model.manner = drip_body
    path = f"/conversations/{taken}"
    added = {"messages": [{"role": "user", "content": "That is the news."}]}

    assert ask(slow_chat, "POST", "/", token, id=taken, prompt="And on.").status_code == 504
    assert ask(slow_chat, "POST", f"{path}/messages", token, **added).status_code == 504

    slow_model.manner = answer_at_once
    again = ask(slow_chat, "POST", "/", token, id=taken, prompt="And on.")
    assert (again.status_code, again.json()["usage"]["window_turns"]) == (200, 2)


def test_a_key_that_is_repeated_while_its_start_runs_starts_nothing_else(
    slow_chat: RunningHost, slow_model: SlowModel
) -> None:
    token = new_token(slow_chat)
    headers = {**bearer(token), "idempotency-key": "once"}
    slow_model.manner = drip_body

    def begin() -> tuple[int, int | None]:
        answered = slow_chat.client.post("/", content=TURN, headers=headers)
        return answered.status_code, answered.json().get("id")

    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        first = threads.submit(begin)
        repeated = []
        while not first.done():
            time.sleep(0.3)
            repeated.append(begin()[0])

    assert first.result()[0] == 504
    assert set(repeated[:-1]) == {409}
    slow_model.manner = answer_at_once
    after = [begin(), begin()]
    assert after[0][0] == 200
    assert after[1] == after[0]
    assert len(ask(slow_chat, "GET", "/conversations", token).json()["conversations"]) == 1


# Spin's own models: a call that takes longer than a turn may cannot be ended


@pytest.fixture(scope="module")
def impatient_chat(
    wasm: pathlib.Path,
    shared_redis: RunningRedis,
    shared_endpoint: ModelEndpoint,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHost]:
    assert wasm.exists()
    folder = tmp_path_factory.mktemp("impatient")
    config = ["--runtime-config-file", remote_config(folder, shared_endpoint.url)]
    variables = [f"redis_address={shared_redis.address}", "turn_timeout_s=1"]
    with run_host(folder, *config, *as_flags(variables)) as host:
        yield host


def late(text: str) -> Callable[[Asked], Answer]:
    def answer(_: Asked) -> Answer:
        answered = default_answer(text)
        answered.delay_s = 2.5
        return answered

    return answer


def test_a_start_that_a_model_of_spins_holds_up_is_still_the_only_one_of_its_key(
    impatient_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    headers = {**bearer(new_token(impatient_chat)), "idempotency-key": "once"}
    endpoint.answer = late("Late.")

    def begin() -> tuple[int, int | None]:
        answered = impatient_chat.client.post("/", content=TURN, headers=headers)
        return answered.status_code, answered.json().get("id")

    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        first = threads.submit(begin)
        time.sleep(1.7)

        assert begin() == (409, None)

        assert first.result()[0] == 200
        assert begin() == first.result()
    assert len(endpoint.asked) == 1


@pytest.mark.preview_2("a model of Spin's holds all requests of an instance")
def test_a_turn_that_a_model_of_spins_holds_up_is_stored_unless_another_came_between(
    impatient_chat: RunningHost, endpoint: ModelEndpoint
) -> None:
    taken = start(impatient_chat, None, "Hello!")
    endpoint.answer = late("Late.")

    alone = impatient_chat.post(id=taken, prompt="alone")
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        first = threads.submit(impatient_chat.post, id=taken, prompt="first")
        time.sleep(1.5)
        second = impatient_chat.post(id=taken, prompt="second")

    assert alone.status_code == 200
    assert sorted([first.result().status_code, second.status_code]) == [200, 409]
    stored = "first" if first.result().status_code == 200 else "second"
    read = ask(impatient_chat, "GET", f"/conversations/{taken}/messages?last=20", None).json()
    assert [m["content"] for m in read["messages"]][::2] == ["Hello!", "alone", stored]
