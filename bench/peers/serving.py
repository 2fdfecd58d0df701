"""Serves the peers that run natively: a chat behind FastAPI, on one Redis.

`POST /` takes `{"id"?, "prompt"}` and returns `{"id", "reply"}`, as the chat with memory does.
`POST /past` and `GET /messages` are only for measuring: they fill and read a history through the
peer's own store.
"""

import uuid
from collections.abc import Sequence
from typing import Protocol

from fastapi import FastAPI
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

    async def reply(self, conversation_id: str, prompt: str) -> str:
        """Take a turn."""

    async def add(self, conversation_id: str, contents: Sequence[str]) -> None:
        """Add prompts and replies, in turn."""

    async def contents(self, conversation_id: str) -> list[str]:
        """Return all prompts and replies, in turn."""


def make_app(chat: Chat) -> FastAPI:
    """Serve a peer."""
    app = FastAPI()

    @app.post("/")
    async def take_turn(turn: Turn) -> dict[str, str]:
        conversation_id = turn.id or uuid.uuid4().hex
        return {"id": conversation_id, "reply": await chat.reply(conversation_id, turn.prompt)}

    @app.post("/past")
    async def add(past: Past) -> dict[str, str]:
        conversation_id = uuid.uuid4().hex
        await chat.add(conversation_id, past.contents)
        return {"id": conversation_id}

    @app.get("/messages")
    async def contents(id: str) -> list[str]:  # noqa: A002 - as the chat's own parameter is called
        return await chat.contents(id)

    return app
