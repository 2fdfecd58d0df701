"""A model in a process of its own that speaks slowly, in OpenAI's format.

It thinks, and says so many parts, one at a time.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

THINKS_S = 0.1
PARTS = 40
PAUSE_S = 0.025
PART = "word "

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def render(*choices: Mapping[str, object], **fields: object) -> bytes:
    """Render an event."""
    event = {
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "speaking",
        "choices": choices, **fields,
    }  # fmt: skip
    return b"data: " + json.dumps(event).encode() + b"\n\n"


SAID = render({"index": 0, "delta": {"role": "assistant", "content": PART}, "finish_reason": None})
ENDED = render({"index": 0, "delta": {}, "finish_reason": "stop"})
COUNTED = render(
    usage={"prompt_tokens": 40, "completion_tokens": PARTS, "total_tokens": 40 + PARTS}
)
LAST = ENDED + COUNTED + b"data: [DONE]\n\n"
HEADERS = [(b"content-type", b"text/event-stream")]


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """Answer a request, whatever it asks."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await asyncio.sleep(THINKS_S)
    for _ in range(PARTS):
        await send({"type": "http.response.body", "body": SAID, "more_body": True})
        await asyncio.sleep(PAUSE_S)
    await send({"type": "http.response.body", "body": LAST})
