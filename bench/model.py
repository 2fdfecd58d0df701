"""A model that answers at once, in the default wire format and in OpenAI's, as its own process.

It repeats the last prompt, so that it is seen what belongs together, and remembers how long prompts
were: four characters count as a token. `GET /seen` says so, and forgets it.
"""

import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

CHARS_PER_TOKEN = 4
CONTEXT_LENGTH = 3500
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
        self._tokens: list[int] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        if scope["path"] == "/seen":
            answer = self._seen()
        else:
            body = await read(receive)
            answer = self._complete(json.loads(body), scope["path"])
            self._bytes.append(len(body))
        data = json.dumps(answer).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(data)).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": data})

    def _seen(self) -> Message:
        over = sum(tokens > CONTEXT_LENGTH for tokens in self._tokens)
        seen = {
            "prompts": len(self._tokens),
            "most_tokens": max(self._tokens, default=0),
            "over": over,
            "bytes": sum(self._bytes) // max(1, len(self._bytes)),
        }
        self._bytes.clear()
        self._tokens.clear()
        return seen

    def _complete(self, asked: Message, path: str) -> Message:
        if path.endswith("/infer"):
            prompt = str(asked["prompt"])
            found = LAST_PROMPT.search(prompt[-100_000:])
            reply = ECHO + (found[1].rpartition(END_OF_SYSTEM)[2].strip() if found else "")
            usage = self._count(len(prompt), reply)
            return {
                "text": reply,
                "usage": {"promptTokenCount": usage[0], "generatedTokenCount": usage[1]},
            }
        contents = [text_of(message["content"]) for message in asked["messages"]]
        reply = ECHO + contents[-1]
        read_tokens, written_tokens = self._count(sum(map(len, contents)), reply)
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

    def _count(self, chars: int, reply: str) -> tuple[int, int]:
        tokens = chars // CHARS_PER_TOKEN
        self._tokens.append(tokens)
        return tokens, len(reply) // CHARS_PER_TOKEN


def text_of(content: str | list[dict[str, str]]) -> str:
    """Give the text of a message, in either of OpenAI's forms."""
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
