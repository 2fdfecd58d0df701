"""Sends messages to a service without a host, as a client of each version of the protocol would."""

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from chat.core.refusals import TooLarge
from chat.http.call import Request
from chat.mcp.protocol import MODERN, NAMED_BY
from chat.wiring.service import Service, begin_request
from tests.mcp.shapes import wrongs_of

ADA = "a-credential-of-ada".ljust(43, "a")
BOB = "a-credential-of-bob".ljust(43, "b")
BOTH = "application/json, text/event-stream"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
}


@dataclass(frozen=True)
class Answer:
    """An answer: its status, its headers, and the messages in it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def last(self) -> dict[str, Any]:
        return self.messages[-1]

    @property
    def result(self) -> dict[str, Any]:
        found: dict[str, Any] = self.last["result"]
        return found

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = self.last["error"]
        return found

    @property
    def text(self) -> str:
        """All texts of the result of a tool."""
        return "\n".join(part["text"] for part in self.result["content"])


def messages_of(body: bytes, media: str) -> list[dict[str, Any]]:
    """Return the messages of a body: one, or one for each event."""
    if not body:
        return []
    if media != "text/event-stream":
        return [json.loads(body)]
    events = [part for part in body.decode().split("\n\n") if part.strip(":\n")]
    return [json.loads(part.partition("\ndata: ")[2]) for part in events]


def envelope(method: str, params: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Make a request as a client of a version does."""
    if version == MODERN:
        params = {**params, "_meta": {**META, **params.get("_meta", {})}}
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


def headers_of(message: Mapping[str, Any], version: str) -> dict[str, str]:
    """Return the headers that a client of a version sends with a request."""
    headers = {"mcp-protocol-version": version, "accept": BOTH}
    if version != MODERN:
        return headers
    named = message["params"].get(NAMED_BY.get(message["method"], ""))
    of_name = {"mcp-name": named} if isinstance(named, str) else {}
    return {**headers, "mcp-method": message["method"], **of_name}


@dataclass(frozen=True)
class Client:
    """One owner's client of one version."""

    service: Service
    version: str = MODERN
    token: str = ADA

    async def post(self, body: bytes, headers: Mapping[str, str], method: str = "POST") -> Answer:
        """Send any body."""
        own = {"authorization": f"Bearer {self.token}"} if self.token else {}

        async def read_body(most: int) -> bytes:
            if len(body) > most:
                raise TooLarge(f"the body has more than the {most} bytes that are allowed")
            return body

        asked = Request(method, "/mcp", {**own, **headers}, read_body)
        begin_request(asked)
        async with AsyncExitStack() as closing:
            response = await self.service.answer(asked, closing)
            whole = response.body
            if response.chunks is not None:
                whole = b"".join([chunk async for chunk in response.chunks])
            await self.service.note(asked, response, 0.0, is_whole=True)
        found = messages_of(whole, response.headers.get("content-type", ""))
        return Answer(response.status, response.headers, whole, found)

    async def ask(self, method: str, **params: Any) -> Answer:
        """Send a request; each message of the answer has the protocol's shape."""
        message = envelope(method, params, self.version)
        answer = await self.post(json.dumps(message).encode(), headers_of(message, self.version))
        wrongs = [
            wrong for one in answer.messages for wrong in wrongs_of(one, method, self.version)
        ]
        assert wrongs == []
        assert answer.last["id"] == message["id"]
        return answer

    async def call(self, tool: str, **arguments: Any) -> Answer:
        """Call a tool."""
        return await self.ask("tools/call", name=tool, arguments=arguments)
