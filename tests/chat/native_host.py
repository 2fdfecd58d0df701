"""A host without a guest: a real Redis, a model that answers as it is told, and turns that wait."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from chat.core.addresses import Origin, RedisAddress
from chat.http.call import Request
from chat.http.response import Response
from chat.redis.connection import Value
from chat.spin.answers import Limit
from chat.spin.engine import Engine
from chat.spin.host import Host
from chat.wiring.service import Service, make_request_id
from tests.chat.native import NativeConnection
from tests.chat.test_settings import DEFAULTS

Reply = Callable[[str], Awaitable[str]]
"""What a model says to a prompt."""
Embed = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]
"""The embeddings of texts."""


class WaitingConnection:
    """A connection behind whose calls others go on."""

    def __init__(self, connection: NativeConnection) -> None:
        self._connection = connection

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        await asyncio.sleep(0)
        reply = await self._connection.execute(command, arguments)
        await asyncio.sleep(0)
        return reply


async def embed_at_once(texts: Sequence[str]) -> list[Sequence[float]]:
    return [[1.0, float(len(text))] for text in texts]


class ToldModel:
    """An origin whose model says what `reply` makes of the prompt, and which embeds texts."""

    def __init__(self, reply: Reply, embed: Embed) -> None:
        self._reply = reply
        self._embed = embed

    async def stream(
        self, method: str, path: str, body: bytes | None
    ) -> AsyncGenerator[int | bytes, None]:
        status, answer = await self.request(method, path, body)
        yield status
        yield answer

    async def request(self, _: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        told = json.loads(body or b"{}")
        if path.endswith("/embeddings"):
            embeddings = enumerate(await self._embed(told["input"]))
            rows = [{"index": index, "embedding": embedding} for index, embedding in embeddings]
            return 200, json.dumps({"data": rows}).encode()
        prompt = told["messages"][-1]["content"]
        message = {"role": "assistant", "content": await self._reply(prompt)}
        choice = {"message": message, "finish_reason": "stop"}
        return 200, json.dumps({"choices": [choice]}).encode()


class NoModule:
    """Stands for an interface that nothing asks here."""


def make_service(
    connection: NativeConnection, reply: Reply, embed: Embed = embed_at_once, **changed: str
) -> Service:
    return make_service_over(connection, ToldModel(reply, embed), **changed)


def make_service_over(connection: NativeConnection, origin: ToldModel, **changed: str) -> Service:
    variables = {**DEFAULTS, "model_api": "openai", "key_prefix": "t", **changed}

    @asynccontextmanager
    async def open_redis(_: RedisAddress) -> AsyncIterator[WaitingConnection]:
        yield WaitingConnection(connection)

    def make_http(_: Origin, __: Mapping[str, str], ___: Limit) -> ToldModel:
        return origin

    engine = Engine(NoModule(), ArithmeticError)
    return Service(Host(variables.__getitem__, open_redis, make_http, engine, int))


async def ask(
    service: Service, method: str, uri: str, body: bytes = b"", token: str = ""
) -> tuple[Response, Any]:
    """Send a request, and note it as an entry does; return the response and its JSON."""

    async def read_body(_: int) -> bytes:
        await asyncio.sleep(0)
        return body

    headers = {"authorization": f"Bearer {token}"} if token else {}
    asked = Request(method, uri, headers, read_body)
    async with AsyncExitStack() as closing:
        response = await service.answer(asked, make_request_id(asked), closing)
        await service.note(asked, response, 0.0, is_whole=True)
    return response, json.loads(response.body)
