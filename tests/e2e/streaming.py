"""A model that speaks when a test tells it to, and a caller that reads events as they come."""

import contextlib
import json
import pathlib
import queue
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.test_slow import SlowModel, read_request
from tests.running import RunningHost, RunningRedis, as_flags, run_host

PATIENCE_S = 30.0
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(**fields: object) -> bytes:
    return b"data: " + json.dumps(fields, ensure_ascii=False).encode() + b"\n\n"


def delta(text: str, reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    return event(choices=[choice], usage=None)


USED = event(choices=[], usage={"prompt_tokens": 11, "completion_tokens": 3})
DONE = b"data: [DONE]\n\n"


class Speaker:
    """Answers one request with what it is told to say; `left` is set once nobody listens."""

    def __init__(self) -> None:
        self._bytes: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.asked, self.left = threading.Event(), threading.Event()
        self.request: dict[str, Any] = {}
        self.headers: dict[str, str] = {}

    def send(self, data: bytes) -> None:
        """Send bytes of the answer, the head included."""
        self._bytes.put(data)

    def begin(self) -> None:
        self.send(HEAD)

    def say(self, text: str) -> None:
        self.send(chunk(delta(text)))

    def end(self, reason: str = "stop") -> None:
        self.send(chunk(delta("", reason)) + chunk(USED + DONE) + b"0\r\n\r\n")
        self.send(b"")

    def __call__(self, connection: socket.socket) -> None:
        asked = read_request(connection)
        self.headers, self.request = asked.headers, json.loads(asked.body)
        self.asked.set()
        threading.Thread(target=self._watch, args=(connection,), daemon=True).start()
        try:
            while data := self._bytes.get(timeout=PATIENCE_S):
                connection.sendall(data)
        except OSError:
            self.left.set()
        else:
            connection.shutdown(socket.SHUT_RDWR)

    def _watch(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while connection.recv(1024):
                pass
        self.left.set()


class SpokenModel(SlowModel):
    """A model's endpoint: each request is answered by the next of the test's speakers."""

    def __init__(self) -> None:
        super().__init__()
        self._speakers: queue.SimpleQueue[Speaker] = queue.SimpleQueue()
        self.manner = self._speak

    def speaker(self) -> Speaker:
        """Return what answers the next request."""
        speaker = Speaker()
        self._speakers.put(speaker)
        return speaker

    def answer_at_once(self, *texts: str) -> Speaker:
        speaker = self.speaker()
        speaker.begin()
        for text in texts:
            speaker.say(text)
        speaker.end()
        return speaker

    def _speak(self, connection: socket.socket) -> None:
        """Answer the request of a connection; one that has none is only tried out."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(queue.Empty):
            if connection.recv(1, socket.MSG_PEEK):
                self._speakers.get(timeout=PATIENCE_S)(connection)


@contextlib.contextmanager
def run_spoken(
    folder: pathlib.Path, redis: RunningRedis, model: SpokenModel, *variables: str
) -> Iterator[RunningHost]:
    """Run the chat with a model that speaks when a test tells it to."""
    asks = (f"redis_address={redis.address}", "model_api=openai", f"model_origin={model.url}")
    with run_host(folder, *as_flags([*asks, *variables])) as host:
        yield host


@dataclass
class Listening:
    """A turn in parts, as its caller reads it; an event without a name is a comment."""

    response: httpx.Response
    begun_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._events = self._read()

    def _read(self) -> Iterator[tuple[str, Any]]:
        name = ""
        for line in self.response.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))
            elif line.startswith(":"):
                yield "", None

    def next(self) -> tuple[str, Any]:
        """Return the next event that is no comment."""
        return next(event for event in self._events if event[0])

    def any(self) -> tuple[str, Any]:
        """Return the next event or comment."""
        return next(self._events)

    def text(self) -> str:
        """Return the text of the next part."""
        name, data = self.next()
        assert name == "delta", data
        return str(data["text"])

    def rest(self) -> list[tuple[str, Any]]:
        return [event for event in self._events if event[0]]

    def lasted_s(self) -> float:
        return time.monotonic() - self.begun_s


@contextlib.contextmanager
def listening(
    host: RunningHost, headers: dict[str, str] | None = None, **fields: object
) -> Iterator[Listening]:
    """Take a turn in parts."""
    accept = {"accept": "text/event-stream", **(headers or {})}
    content = json.dumps(fields)
    # A client of its own: to leave in the middle is to close the connection
    with (
        httpx.Client(base_url=host.url, timeout=60, trust_env=False) as client,
        client.stream("POST", "/", content=content, headers=accept) as response,
    ):
        yield Listening(response)
