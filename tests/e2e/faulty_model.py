"""A model that is slow, fails, hangs, drips and talks nonsense, and tells what it was shown."""

import collections
import json
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping

from tests.e2e.test_outside import NO_REPLY, completion
from tests.e2e.test_slow import drip, hang, read_request

PLACE = re.compile(r"\b(?:home|side)\d+(?:w\d+n\d+)?\b")
"""What the texts of a conversation name: none names that of another."""
NONSENSE = [
    *NO_REPLY.values(), b"", b"<html>Bad gateway</html>", b"null", b"[]", b"{}", b"\xff\xfe\x00",
    completion(""), completion(None), b'{"choices":[]}', b'{"choices":null}',
    b'{"error":{"message":"no"}}', b'{"choices":[{"message":"Hi."}]}',
]  # fmt: skip
Way = Callable[[socket.socket, bytes, random.Random], None]


def respond(connection: socket.socket, body: bytes, status: int = 200) -> None:
    fields = f"connection: close\r\ncontent-length: {len(body)}"
    connection.sendall(f"HTTP/1.1 {status} Status\r\n{fields}\r\n\r\n".encode() + body)


def answer(connection: socket.socket, body: bytes, _: random.Random) -> None:
    respond(connection, body)


def be_slow(connection: socket.socket, body: bytes, chance: random.Random) -> None:
    time.sleep(chance.uniform(0.05, 0.5))
    respond(connection, body)


def fail(connection: socket.socket, _: bytes, chance: random.Random) -> None:
    respond(connection, b"no", chance.choice([400, 401, 429, 500, 500, 500, 502, 503]))


def hang_up(_connection: socket.socket, _body: bytes, _: random.Random) -> None:
    """Close, and say nothing."""


def break_off(connection: socket.socket, body: bytes, chance: random.Random) -> None:
    """Close in the middle of the body, or of the head."""
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    whole = head + body
    connection.sendall(whole[: chance.choice([5, len(head), len(whole) - 1])])


def say_nothing(connection: socket.socket, _: bytes, _chance: random.Random) -> None:
    hang(connection)


def stop_in_the_body(connection: socket.socket, body: bytes, _: random.Random) -> None:
    connection.sendall(f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode())
    connection.sendall(body[:-1])
    hang(connection)


def drip_on(connection: socket.socket, body: bytes, _: random.Random) -> None:
    """Go on for as long as somebody takes it."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    drip(connection, body + b" " * 1000, 0.05)


def drip_to_the_end(connection: socket.socket, body: bytes, _: random.Random) -> None:
    """Send all of it in pieces, in time."""
    connection.sendall(f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n".encode())
    drip(connection, body, 0.5 / len(body))


def talk_nonsense(connection: socket.socket, _: bytes, chance: random.Random) -> None:
    respond(connection, chance.choice(NONSENSE))


def be_the_user(connection: socket.socket, body: bytes, _: random.Random) -> None:
    """Reply in a wrong role, and with counts that are none."""
    said = json.loads(body)
    said["choices"][0]["message"]["role"] = "user"
    said["usage"] = {"prompt_tokens": -1, "completion_tokens": "many"}
    respond(connection, json.dumps(said).encode())


WAYS: dict[Way, int] = {
    answer: 24, be_slow: 4, drip_to_the_end: 2, be_the_user: 1, fail: 2, hang_up: 1, break_off: 1,
    say_nothing: 1, stop_in_the_body: 1, drip_on: 1, talk_nonsense: 3,
}  # fmt: skip
"""How often it does what."""


class FaultyModel:
    """What it does follows from the seed, the prompt, and how often that was asked before.

    Shapes: `said` has the replies to each prompt; `mixed` the prompts that came with texts of
            another conversation. While `may_answer` is not set, nothing is answered.
    """

    def __init__(self, seed: int, ways: Mapping[Way, int] = WAYS) -> None:
        self.is_well = False
        self._ways = ways
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.said: dict[str, set[str]] = {}
        self.mixed: list[str] = []
        self.seed = seed
        self._counts: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()

    def __call__(self, connection: socket.socket) -> None:
        """Answer a request for a completion."""
        messages = json.loads(read_request(connection).body)["messages"]
        prompt = messages[-1]["content"]
        places = set(PLACE.findall("\n".join(message["content"] for message in messages)))
        with self._lock:
            self._counts[prompt] += 1
            count = self._counts[prompt]
            reply = f"I heard, for time {count}: {prompt}"
            self.said.setdefault(prompt, set()).add(reply)
            if len(places) != 1:
                self.mixed.append(f"{prompt} with {sorted(places)}")
        chance = random.Random(f"{self.seed} {prompt} {count}")
        [way] = chance.choices(list(self._ways), list(self._ways.values()))
        self.may_answer.wait()
        body = completion(reply, prompt_tokens=9, completion_tokens=9)
        (answer if self.is_well else way)(connection, body, chance)
