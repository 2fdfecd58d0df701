"""A chat for Spin in the simplest way: a conversation is one value in Redis.

Each turn reads the whole value and writes it back. Messages that do not fit the context length are
left out of the prompt, the oldest first.
"""

import json

from spin_sdk import http, llm, redis, variables
from spin_sdk.http import Request, Response

CONTEXT_LENGTH = 3500
MAX_REPLY_TOKENS = 256
CHARS_PER_TOKEN = 4


class IncomingHandler(http.IncomingHandler):
    """One turn for each request."""

    def handle_request(self, request: Request) -> Response:
        """Take a turn, or read or write a whole history for the measurement."""
        asked = json.loads(request.body or b"{}")
        with redis.open(variables.get("redis_address")) as store:
            if "contents" in asked:
                answer = self._add(store, asked["contents"])
            elif "prompt" in asked:
                answer = self._take_turn(store, asked)
            else:
                answer = json.loads(store.get(f"one_value:{asked['id']}") or b"{}")
        return Response(200, {"content-type": "application/json"}, json.dumps(answer).encode())

    def _add(self, store: redis.Connection, contents: list[str]) -> dict[str, str]:
        taken = str(store.incr("one_value:id"))
        kept = {"context": "You are a helpful chef.", "contents": contents}
        store.set(f"one_value:{taken}", json.dumps(kept).encode())
        return {"id": taken}

    def _take_turn(self, store: redis.Connection, asked: dict[str, str]) -> dict[str, str]:
        if "id" in asked:
            taken = str(asked["id"])
            kept = json.loads(store.get(f"one_value:{taken}") or b"")
        else:
            taken = str(store.incr("one_value:id"))
            kept = {"context": asked["context"], "contents": []}
        kept["contents"].append(asked["prompt"])
        options = llm.InferencingParams(max_tokens=MAX_REPLY_TOKENS)
        result = llm.infer_with_options("llama2-chat", render(kept), options)
        kept["contents"].append(result.text)
        store.set(f"one_value:{taken}", json.dumps(kept).encode())
        return {"id": taken, "reply": result.text}


def render(kept: dict) -> str:
    """Render the newest messages that fit."""
    room = (CONTEXT_LENGTH - MAX_REPLY_TOKENS) * CHARS_PER_TOKEN - len(kept["context"])
    lines: list[str] = []
    for place in range(len(kept["contents"]) - 1, -1, -1):
        speaker = "[INST] {} [/INST]" if place % 2 == 0 else "{}"
        line = speaker.format(kept["contents"][place])
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    return "\n".join([f"<<SYS>>{kept['context']}<</SYS>>", *reversed(lines)])
