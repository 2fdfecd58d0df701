"""Renders answers for OpenAI's clients: as a whole, or event by event.

Source: OpenAI's API reference.
"""

import base64
import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from host.engines.parts import Part, Usage
from host.engines.port import Embeddings
from host.model.fields import Refused

DONE = b"data: [DONE]\n\n"
SERVER_ERROR = 500


class Trimmer:
    """Removes the white space around a reply that comes in parts.

    The templates of some models end just before a space, so that the reply begins with it.
    """

    def __init__(self) -> None:
        self._held = ""
        self._is_begun = False

    def take(self, text: str) -> str:
        """Take the next part, and return all text that is now certain to be inside the reply."""
        text = self._held + text if self._is_begun else text.lstrip()
        inside = text.rstrip()
        self._held = text[len(inside) :]
        self._is_begun = self._is_begun or bool(inside)
        return inside


@dataclass(frozen=True)
class Answer:
    """The fields that all events of one answer have."""

    id: str
    created: int
    model: str

    def head(self, kind: str) -> dict[str, Any]:
        """Return the fields that identify the answer."""
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def render_chat(answer: Answer, parts: Iterable[Part]) -> dict[str, Any]:
    """Render a whole reply."""
    texts, reasoning, reason, usage, trimmer = [], [], None, None, Trimmer()
    for part in parts:
        texts.append(trimmer.take(part.text))
        reasoning.append(part.reasoning)
        reason = part.finish_reason or reason
        usage = part.usage or usage
    message = {"role": "assistant", "content": "".join(texts), "refusal": None}
    if any(reasoning):
        message["reasoning_content"] = "".join(reasoning)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    return {
        **answer.head("chat.completion"),
        "choices": [choice],
        "usage": usage and render_usage(usage),
    }


class ChatEvents:
    """Renders a reply event by event."""

    def __init__(self, answer: Answer, *, has_usage: bool) -> None:
        self._head = answer.head("chat.completion.chunk")
        self._has_usage = has_usage
        self._trimmer = Trimmer()

    def begin(self) -> bytes:
        """Render the first event, which names the role."""
        return self._choice({"role": "assistant", "content": ""})

    def render(self, part: Part) -> bytes:
        """Render the events that a part adds; there may be none."""
        text = self._trimmer.take(part.text)
        events = b""
        if part.reasoning:
            events += self._choice({"reasoning_content": part.reasoning})
        if text:
            events += self._choice({"content": text})
        if part.finish_reason is not None:
            events += self._choice({}, part.finish_reason)
        if part.usage is not None and self._has_usage:
            usage = {"choices": [], "usage": render_usage(part.usage)}
            events += render_event({**self._head, **usage})
        return events

    def _choice(self, delta: dict[str, str], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        rest = {"usage": None} if self._has_usage else {}
        return render_event({**self._head, "choices": [choice], **rest})


def render_event(data: dict[str, Any]) -> bytes:
    """Render one server-sent event."""
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def render_usage(usage: Usage) -> dict[str, Any]:
    """Render how many tokens an answer took."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def render_embeddings(
    model: str, results: Sequence[Embeddings], *, is_base64: bool
) -> dict[str, Any]:
    """Render embeddings, each made in a call of its own."""
    vectors = [vector for result in results for vector in result.embeddings]
    tokens = sum(result.prompt_tokens for result in results)
    data = [
        {"object": "embedding", "index": n, "embedding": as_base64(v) if is_base64 else v}
        for n, v in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data, "model": model, "usage": usage}


def as_base64(vector: Sequence[float]) -> str:
    """Return a vector as base64 of its 32-bit floats, little-endian."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def render_models(names: Sequence[str], created: int) -> dict[str, Any]:
    """Render the list of models."""
    data = [
        {"id": name, "object": "model", "created": created, "owned_by": "local"} for name in names
    ]
    return {"object": "list", "data": data}


def render_refusal(refusal: Refused) -> dict[str, Any]:
    """Render an error."""
    is_servers = refusal.status >= SERVER_ERROR
    return {
        "error": {
            "message": str(refusal),
            "type": "server_error" if is_servers else "invalid_request_error",
            "param": refusal.param,
            "code": refusal.code,
        }
    }
