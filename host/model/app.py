"""The ASGI application that serves models: its routes, who may ask, and how it refuses.

There are two families of routes: those of Spin's `remote_http`, whose refusals are plain text, and
those of OpenAI's API, whose refusals have OpenAI's shape. Each refusal is also printed at the
terminal, because Spin shows nobody the answer that it got.
"""

import asyncio
import contextlib
import hmac
import json
import secrets
import time
import traceback
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from host.engines.parts import Part
from host.model import openai_answers, openai_requests, spin_api
from host.model.fields import Refused, shown
from host.model.service import Models, UnknownModel
from host.server.asgi import Receive, Scope, Send, reply
from host.terminal import say

MAX_BODY_BYTES = 16 * 1024 * 1024
JSON = "application/json"
EVENTS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]


@dataclass(frozen=True)
class Family:
    """Routes whose refusals have the same shape."""

    denied: int
    unknown_model: int
    content_type: str
    render: Callable[[Refused], bytes]


SPIN = Family(403, 400, "text/plain; charset=utf-8", lambda refusal: str(refusal).encode())
OPENAI = Family(401, 404, JSON, lambda refusal: _as_json(openai_answers.render_refusal(refusal)))


@dataclass(frozen=True)
class Asked:
    """The body of a request, and the function that sends the answer."""

    body: bytes
    send: Send

    async def answer(self, data: dict[str, Any]) -> None:
        """Answer with JSON."""
        await reply(self.send, 200, _as_json(data), JSON)

    async def write(self, data: bytes, *, is_last: bool = False) -> None:
        """Write a part of the answer's body; the head must have been sent before."""
        await self.send({"type": "http.response.body", "body": data, "more_body": not is_last})


Handler = Callable[[Asked], Coroutine[Any, Any, None]]


class ModelApp:
    """The ASGI application; if it has no token, clients need none."""

    def __init__(self, models: Models, token: str | None) -> None:
        self._models = models
        self._token = token
        self._started = int(time.time())
        self._routes: dict[str, tuple[str, Handler]] = {
            "/infer": ("POST", self._infer),
            "/embed": ("POST", self._embed),
            "/v1/chat/completions": ("POST", self._chat),
            "/v1/embeddings": ("POST", self._embeddings),
            "/v1/models": ("GET", self._list_models),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        family = OPENAI if scope["path"].startswith("/v1/") else SPIN
        try:
            await self._answer(scope, receive, send, family)
        except Refused as refusal:
            path = shown(scope["path"])[1:-1]
            say(f"{scope['method']} {path}: {refusal.status} {refusal}")
            body = family.render(refusal)
            await reply(send, refusal.status, body, family.content_type, refusal.headers)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, family: Family) -> None:
        """Answer a request to a route of `family`.

        Errors: Refused, until the head of the response is sent.
        """
        handler = self._find_handler(scope)
        if self._token is not None and not is_bearer(scope, self._token):
            challenge = [(b"www-authenticate", b"Bearer")]
            problem = "`authorization` must be `Bearer` and this server's token"
            raise Refused(family.denied, problem, "invalid_api_key", headers=challenge)
        body = await read_body(receive)
        if body is None:
            return
        try:
            await until_gone(handler(Asked(body, send)), receive)
        except UnknownModel as unknown:
            there_are = ", ".join(unknown.there_are)
            problem = f"the model {shown(unknown.model)} is not here for this, only {there_are}"
            raise Refused(family.unknown_model, problem, "model_not_found", "model") from unknown
        except Refused:
            raise
        except Exception as error:
            traceback.print_exc()
            raise Refused(500, "this server has failed", "internal_error") from error

    def _find_handler(self, scope: Scope) -> Handler:
        if scope["path"] not in self._routes:
            raise Refused(404, f"there are only {', '.join(self._routes)}", "unknown_url")
        method, handler = self._routes[scope["path"]]
        if scope["method"] != method:
            allow = [(b"allow", method.encode())]
            raise Refused(405, f"this is for {method} only", "method_not_allowed", headers=allow)
        return handler

    async def _infer(self, asked: Asked) -> None:
        request = spin_api.parse_infer(asked.body)
        async with contextlib.aclosing(self._models.complete(request)) as parts:
            await asked.answer(spin_api.render_completion([part async for part in parts]))

    async def _embed(self, asked: Asked) -> None:
        request = spin_api.parse_embed(asked.body)
        async with contextlib.aclosing(self._models.embed(request)) as results:
            await asked.answer(spin_api.render_embeddings([made async for made in results]))

    async def _embeddings(self, asked: Asked) -> None:
        request, is_base64 = openai_requests.parse_embeddings(asked.body)
        async with contextlib.aclosing(self._models.embed(request)) as results:
            made = [made async for made in results]
        await asked.answer(
            openai_answers.render_embeddings(request.model, made, is_base64=is_base64)
        )

    async def _list_models(self, asked: Asked) -> None:
        await asked.answer(openai_answers.render_models(self._models.names, self._started))

    async def _chat(self, asked: Asked) -> None:
        request = openai_requests.parse_chat(asked.body)
        answer = openai_answers.Answer(
            f"chatcmpl-{secrets.token_hex(12)}", int(time.time()), request.model
        )
        async with contextlib.aclosing(self._models.reply(request)) as parts:
            if request.is_streamed:
                events = openai_answers.ChatEvents(answer, has_usage=request.has_usage)
                await stream(events, parts, asked)
            else:
                whole = [part async for part in parts]
                await asked.answer(openai_answers.render_chat(answer, whole))


async def stream(
    events: openai_answers.ChatEvents, parts: AsyncGenerator[Part, None], asked: Asked
) -> None:
    """Send a reply while the model writes it.

    Errors: Refused before the head is sent. After that, an event tells the error, and the event
            that marks the end of the reply is left out.
    """
    first = await anext(parts)
    await asked.send({"type": "http.response.start", "status": 200, "headers": EVENTS})
    await asked.write(events.begin() + events.render(first))
    try:
        async for part in parts:
            rendered = events.render(part)
            if rendered:
                await asked.write(rendered)
    except Refused as refusal:
        error = openai_answers.render_refusal(refusal)
        await asked.write(openai_answers.render_event(error), is_last=True)
    else:
        await asked.write(openai_answers.DONE, is_last=True)


def is_bearer(scope: Scope, token: str) -> bool:
    """Whether a request has the token; Spin writes `bearer` in lower case before it."""
    given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    word, _, credential = given.partition(b" ")
    return word.lower() == b"bearer" and hmac.compare_digest(credential.strip(), token.encode())


async def read_body(receive: Receive) -> bytes | None:
    """Read a whole body; return None if the client goes away before its end.

    Errors: Refused for a body that is too long.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            problem = f"the body may have {MAX_BODY_BYTES} bytes"
            raise Refused(413, problem, "body_too_long")
        if not message.get("more_body"):
            return bytes(body)


async def until_gone(answering: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Run `answering` until it ends, or until the client goes away."""
    answer, gone = asyncio.ensure_future(answering), asyncio.ensure_future(receive())
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            await answer
    finally:
        gone.cancel()
        answer.cancel()


def _as_json(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode()
