"""The compared systems as their clients see them: turns, and whole conversations for measuring."""

import contextlib
import http.client
import json
import pathlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx

from bench.alone.history import store_past
from host.interfaces.resp import Connection, parse_address
from tests.running import NO_COOKIES, RunningRedis

CONTEXT = "You are a helpful chef."
JSON = {"content-type": "application/json"}
OK = 200


class Failed(Exception):
    """A turn that was not answered with a reply."""


@dataclass(frozen=True)
class LightAnswer:
    """What a `LightClient` is answered."""

    status_code: int
    content: bytes

    @property
    def text(self) -> str:
        """The body."""
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        """Parse the body."""
        return json.loads(self.content)


class LightClient:
    """One connection that takes little of the processor, which the compared systems need."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, path: str, *, content: str, headers: dict[str, str]) -> LightAnswer:
        """Send a request, and wait for its answer."""
        self._connection.request("POST", path, content.encode(), headers)
        answer = self._connection.getresponse()
        return LightAnswer(answer.status, answer.read())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@dataclass
class Running:
    """A running system; `pid` is its process, `start_s` how long it took until its first answer."""

    name: str
    url: str
    pid: int
    start_s: float
    path: pathlib.Path
    client: httpx.Client
    redis: RunningRedis
    model_path: str = "/v1/chat/completions"
    stream_path: ClassVar[str] = "/stream"

    def new_client(self) -> httpx.Client:
        """Open another connection."""
        return httpx.Client(base_url=self.url, timeout=120, trust_env=False, cookies=NO_COOKIES)

    def new_user(self) -> httpx.Client:
        """Connect as another user, with a new credential if the system has credentials."""
        return self.new_client()

    def take_turn(
        self,
        prompt: str,
        conversation: str | None = None,
        client: httpx.Client | LightClient | None = None,
    ) -> tuple[str, str]:
        """Take a turn; return the conversation's id and the reply.

        Errors: Failed.
        """
        fields = {"prompt": prompt}
        fields |= {"id": conversation} if conversation else {"context": CONTEXT}
        answer = (client or self.client).post("/", content=json.dumps(fields), headers=JSON)
        if answer.status_code != OK:
            raise Failed(f"{answer.status_code} {answer.text[:200]}")
        got = answer.json()
        return str(got["id"]), str(got["reply"])

    def add(self, talk: Sequence[tuple[str, str]]) -> str:
        """Store a conversation of prompts and replies; return its id."""
        contents = [text for said in talk for text in said]
        answer = self.client.post("/past", json={"contents": contents})
        return str(answer.json()["id"])

    def contents(self, conversation: str, client: httpx.Client | None = None) -> list[str]:
        """Return all prompts and replies, in turn."""
        answer = (client or self.client).get("/messages", params={"id": conversation})
        return [str(text) for text in answer.json()]


class RunningChat(Running):
    """The chat with memory."""

    stream_path: ClassVar[str] = "/"

    def new_user(self) -> httpx.Client:
        """Connect with a new credential."""
        token = self.client.post("/session").json()["token"]
        client = self.new_client()
        client.headers["authorization"] = f"Bearer {token}"
        return client

    def add(self, talk: Sequence[tuple[str, str]]) -> str:
        """Store a conversation as the component would."""
        with contextlib.closing(Connection(parse_address(self.redis.address))) as connection:
            return str(store_past(connection, CONTEXT, talk))

    def contents(self, conversation: str, client: httpx.Client | None = None) -> list[str]:
        """Read all messages, page by page."""
        found: list[str] = []
        before: str | None = ""
        while before is not None:
            query = f"last=100&before={before}" if before else "last=100"
            page = (
                (client or self.client)
                .get(f"/conversations/{conversation}/messages?{query}")
                .json()
            )
            found[:0] = [message["content"] for message in page["messages"]]
            before = page["before"]
        return found


class RunningOneValue(Running):
    """A conversation as one value, on Spin."""

    def add(self, talk: Sequence[tuple[str, str]]) -> str:
        """Store a conversation."""
        contents = [text for said in talk for text in said]
        answer = self.client.post("/", content=json.dumps({"contents": contents}))
        return str(answer.json()["id"])

    def contents(self, conversation: str, client: httpx.Client | None = None) -> list[str]:
        """Return all prompts and replies, in turn."""
        body = json.dumps({"id": conversation})
        return list((client or self.client).post("/", content=body).json()["contents"])
