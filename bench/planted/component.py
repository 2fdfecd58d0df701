"""Talks with the component as a client does, over HTTP; the model is an endpoint of its own."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from bench.planted.dialogues import Said
from bench.planted.native import AT_ONCE
from chat.core.messages import Role
from tests.chat.tokenizers import load_sentencepiece, mistral_data
from tests.running import Answer, Asked, ModelEndpoint, RunningHost, default_answer


class ComponentTalker:
    """The `Talker` port over a host with the component."""

    def __init__(self, host: RunningHost, endpoint: ModelEndpoint) -> None:
        self._host = host
        self._endpoint = endpoint
        self._count = load_sentencepiece(mistral_data() / "tokenizer.model.v1")
        self._reply = ""
        self._id = 0
        endpoint.answer = self._answer

    def _answer(self, asked: Asked) -> Answer:
        """Say what is to be said; without a reply, fail."""
        if not self._reply:
            return Answer(b"", 500)
        tokens = 1 + self._count(asked.prompt)
        return default_answer(self._reply, tokens, 1 + self._count(self._reply))

    async def begin(self, prompt: Said, reply: Said) -> None:
        """Begin a conversation with a turn."""
        self._reply = reply.text
        self._id = (await self._post("/", {"context": "", "prompt": prompt.text}))["id"]

    async def turn(self, prompt: Said, reply: Said) -> int:
        """Take a turn; return how many turns the conversation evicted for it."""
        self._reply = reply.text
        told = await self._post("/", {"id": self._id, "prompt": prompt.text})
        return len(told["usage"]["evicted"])

    async def add(self, said: Sequence[tuple[Role, Said]]) -> None:
        """Add messages, `AT_ONCE` with each request."""
        for begin in range(0, len(said), AT_ONCE):
            some = said[begin : begin + AT_ONCE]
            rows = [{"role": role, "content": s.text, "created_at": s.at} for role, s in some]
            await self._post(f"/conversations/{self._id}/messages", {"messages": rows})

    async def ask(self, prompt: str, at: float) -> str:
        """Return what the model is shown, which then fails; the time `at` is the host's own."""
        assert at
        self._reply = ""
        body = json.dumps({"id": self._id, "prompt": prompt})
        await asyncio.to_thread(self._host.client.post, "/", content=body)
        return self._endpoint.asked[-1].prompt

    async def _post(self, path: str, fields: object) -> dict[str, Any]:
        answer = await asyncio.to_thread(self._host.client.post, path, content=json.dumps(fields))
        told: dict[str, Any] = answer.raise_for_status().json()
        return told
