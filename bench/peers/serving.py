"""Serves the peers that run natively: a chat behind FastAPI, on one Redis.

`POST /` takes `{"id"?, "prompt"}` and returns `{"id", "reply"}`, as the chat with memory does;
`POST /stream` takes the same, and sends a `delta` event for each part.
`POST /past` and `GET /messages` are only for measuring: they fill and read a history through the
peer's own store.
"""

import json
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

SYSTEM = "You are a helpful chef."
MODEL = "instant"


class Turn(BaseModel):
    """A prompt; without an id it begins a new conversation."""

    prompt: str
    id: str | None = None


class Past(BaseModel):
    """Prompts and replies, in turn."""

    contents: list[str]


class Chat(Protocol):
    """A peer."""

    async def begin(self) -> str:
        """Return the id of a new conversation."""

    async def reply(self, conversation_id: str, prompt: str) -> str:
        """Take a turn."""

    def parts(self, conversation_id: str, prompt: str) -> AsyncIterator[str]:
        """Take a turn, and yield the parts of its reply."""

    async def add(self, conversation_id: str, contents: Sequence[str]) -> None:
        """Add prompts and replies, in turn."""

    async def contents(self, conversation_id: str) -> list[str]:
        """Return all prompts and replies, in turn."""


class Named:
    """A peer whose conversations may have any id."""

    async def begin(self) -> str:
        """Return the id of a new conversation."""
        return uuid.uuid4().hex


def make_app(chat: Chat) -> FastAPI:
    """Serve a peer."""
    app = FastAPI()

    @app.post("/")
    async def take_turn(turn: Turn) -> dict[str, str]:
        conversation_id = turn.id or await chat.begin()
        return {"id": conversation_id, "reply": await chat.reply(conversation_id, turn.prompt)}

    @app.post("/stream")
    async def stream(turn: Turn) -> StreamingResponse:
        async def events() -> AsyncIterator[str]:
            async for part in chat.parts(turn.id or await chat.begin(), turn.prompt):
                yield f"event: delta\ndata: {json.dumps({'text': part})}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    @app.post("/past")
    async def add(past: Past) -> dict[str, str]:
        conversation_id = await chat.begin()
        await chat.add(conversation_id, past.contents)
        return {"id": conversation_id}

    @app.get("/messages")
    async def contents(id: str) -> list[str]:  # noqa: A002 - as the chat's own parameter is called
        return await chat.contents(id)

    return app
