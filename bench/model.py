"""A model in a process of its own that answers at once, in Spin's default format and in OpenAI's.

It repeats the last prompt, so that a test can see which reply belongs to which prompt. Four
characters count as a token. `GET /seen` returns the mean size of the requests since it was last
called, `GET /last` the text of the last request. After `GET /hold?s=0.5` each answer takes 0.5 s.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

CHARS_PER_TOKEN = 4
LAST_PROMPT = re.compile(r"\[INST\] ?((?:(?!\[INST\]).)*?) ?\[/INST\]\s*$", re.DOTALL)
ECHO = "You said: "
END_OF_SYSTEM = "<</SYS>>"

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Model:
    """The ASGI application."""

    def __init__(self) -> None:
        self._bytes: list[int] = []
        self._last = ""
        self._hold_s = 0.0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/seen":
            answer = self._seen()
        elif scope["path"] == "/last":
            answer = {"text": self._last}
        elif scope["path"] == "/hold":
            self._hold_s = float(scope["query_string"].removeprefix(b"s="))
            answer = {"s": self._hold_s}
        else:
            body = await read(receive)
            answer = self._complete(json.loads(body), scope["path"])
            self._bytes.append(len(body))
            if self._hold_s:
                await asyncio.sleep(self._hold_s)
        data = json.dumps(answer).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(data)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    def _seen(self) -> Message:
        seen = {"bytes": sum(self._bytes) // max(1, len(self._bytes))}
        self._bytes.clear()
        return seen

    def _complete(self, asked: Message, path: str) -> Message:
        if path.endswith("/infer"):
            prompt = self._last = str(asked["prompt"])
            found = LAST_PROMPT.search(prompt[-100_000:])
            reply = ECHO + (found[1].rpartition(END_OF_SYSTEM)[2].strip() if found else "")
            usage = count(len(prompt), reply)
            return {
                "text": reply,
                "usage": {"promptTokenCount": usage[0], "generatedTokenCount": usage[1]},
            }
        contents = [text_of(message["content"]) for message in asked["messages"]]
        self._last = "\n".join(contents)
        reply = ECHO + contents[-1]
        read_tokens, written_tokens = count(sum(map(len, contents)), reply)
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": asked.get("model", "instant"),
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": reply},
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": read_tokens,
                "completion_tokens": written_tokens,
                "total_tokens": read_tokens + written_tokens,
            },
        }


def count(chars: int, reply: str) -> tuple[int, int]:
    """Return the tokens of prompt and reply as a tokenizer might count them."""
    return chars // CHARS_PER_TOKEN, len(reply) // CHARS_PER_TOKEN


def text_of(content: str | list[dict[str, str]]) -> str:
    """Return the text of a message, in either of OpenAI's forms."""
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


async def read(receive: Receive) -> bytes:
    """Read a body."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


app = Model()
