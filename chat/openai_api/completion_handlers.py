"""Answers a chat completion: as one object, or as events while the reply is made.

Source: OpenAI's API reference, "The chat completion object" and "The chat completion chunk object".
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from chat.core.errors import ChatError
from chat.core.json_text import render_json_text
from chat.core.tool_calls import CallPart, ToolCall
from chat.http.call import Call
from chat.http.events import COMMENT, HEADERS
from chat.http.log_line import Fact
from chat.http.response import Response, render_json
from chat.openai_api.completion_bodies import REASONS, parse_completion
from chat.usecases.complete import Completed, CompletionEvents
from chat.usecases.parts import outcome
from chat.usecases.replies import finish_reason
from chat.usecases.stopwatch import Stopwatch

END = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Head:
    """What each chunk of an answer begins with."""

    name: str
    created: int
    model: str

    def render(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Return the fields of an answer or of a chunk."""
        about = {"id": self.name, "object": kind, "created": self.created, "model": self.model}
        return about | fields


async def openai_complete(call: Call) -> Response:
    """Answer `POST /v1/chat/completions`."""
    settings = call.settings
    request = parse_completion(call.body, settings)
    stores = await call.connect("memory" if settings.long_term.is_on else "")
    events = stores.completer.complete(request.asked)
    head = Head(f"chatcmpl-{call.fencing[:24]}", int(call.now()), settings.model)
    most = request.asked.sampling.max_reply_tokens
    headers = stores.turns.quota.headers() if stores.turns.quota else {}
    if not request.is_streamed:
        completed = await outcome(events)
        facts = _facts(completed, stores.stopwatch)
        return render_json(200, _render(head, completed, most), headers, facts)
    shown: dict[str, Fact] = {}
    await anext(events)  # nothing is against the reply
    streamed = Streamed(head, most, has_usage=request.has_usage)
    chunks = _chunks(streamed, events, shown, stores.stopwatch)
    return Response(
        200, headers={**headers, **HEADERS}, chunks=chunks, facts=shown, error_event=_error_event
    )


def _facts(completed: Completed, stopwatch: Stopwatch) -> dict[str, Fact]:
    return {
        "prompt_tokens": completed.prompt_tokens,
        "generated_tokens": completed.completion.generated_tokens,
        "model_ms": round(stopwatch.model_ms, 1),
    }


def _error_event(_: ChatError, body: bytes) -> bytes:
    return b"data: %s\n\n" % body


def _render(head: Head, completed: Completed, most: int) -> dict[str, Any]:
    completion = completed.completion
    message: dict[str, Any] = {
        "role": "assistant",
        "content": completion.text or None,
        "refusal": None,
        "annotations": [],
    }
    if completion.calls:
        message["tool_calls"] = [_render_call(call) for call in completion.calls]
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": _reason(completed, most),
        "logprobs": None,
    }
    return head.render(
        "chat.completion",
        choices=[choice],
        usage=_render_usage(completed),
        receipt=_render_receipt(completed),
    )


def _render_call(call: ToolCall) -> Mapping[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _reason(completed: Completed, most: int) -> str:
    reason = finish_reason(completed.completion, most)
    return reason if reason in REASONS else "stop"


def _render_usage(completed: Completed) -> Mapping[str, int]:
    generated = completed.completion.generated_tokens
    return {
        "prompt_tokens": completed.prompt_tokens,
        "completion_tokens": generated,
        "total_tokens": completed.prompt_tokens + generated,
    }


def _render_receipt(completed: Completed) -> Mapping[str, Any]:
    """Return what this service did beside what the caller asked for."""
    return {
        "evicted_messages": completed.evicted_count,
        "recalled": [
            {"memory": one.memory, "score": one.score, "age_s": one.age_s}
            for one in completed.recalled
        ],
        "remembered": list(completed.remembered),
    }


@dataclass(frozen=True)
class Streamed:
    """Renders the events of one answer."""

    head: Head
    most: int
    has_usage: bool

    def begin(self) -> bytes:
        """Render the first event: whose message it is."""
        return self._event(self._choices({"role": "assistant", "content": ""}))

    def part(self, part: str | CallPart) -> bytes:
        """Render a part of a reply; an empty one is a comment."""
        if isinstance(part, CallPart):
            return self._event(self._choices({"tool_calls": [_render_call_part(part)]}))
        return self._event(self._choices({"content": part})) if part else COMMENT

    def end(self, completed: Completed) -> bytes:
        """Render the last events: why the reply ends, its receipt, and its usage if wanted."""
        ended = self._choices({}, _reason(completed, self.most))
        events = self._event(ended | {"receipt": _render_receipt(completed)})
        if self.has_usage:
            events += self._event({"choices": [], "usage": _render_usage(completed)})
        return events + END

    def _choices(self, delta: Mapping[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return {"choices": [choice]} | ({"usage": None} if self.has_usage else {})

    def _event(self, fields: Mapping[str, Any]) -> bytes:
        shown = self.head.render("chat.completion.chunk", **fields)
        return b"data: %s\n\n" % render_json_text(shown).encode()


def _render_call_part(part: CallPart) -> Mapping[str, Any]:
    if not part.id:
        return {"index": part.place, "function": {"arguments": part.arguments}}
    function = {"name": part.name, "arguments": part.arguments}
    return {"index": part.place, "id": part.id, "type": "function", "function": function}


async def _chunks(
    streamed: Streamed,
    events: CompletionEvents,
    facts: dict[str, Fact],
    stopwatch: Stopwatch,
) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        yield streamed.begin()
        async for event in events:
            if isinstance(event, Completed):
                facts.update(_facts(event, stopwatch))
                yield streamed.end(event)
            else:
                yield streamed.part(event)
