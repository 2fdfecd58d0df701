"""What tests of the model server ask it."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import httpx

from host.app.runtime_config import RemoteCompute
from host.engines.port import InferencingParams
from host.engines.remote import RemoteEngine
from tests.running import RunningModels

MODEL = "llama2-chat"
MINILM = "all-minilm-l6-v2"
TOKEN = "a-token-of-the-test"
CHEF = {"role": "system", "content": "You are a helpful chef."}
ADA = {"role": "user", "content": "My name is Ada."}
NICE = {"role": "assistant", "content": "Nice to meet you, Ada!"}
NAME = {"role": "user", "content": "What is my name?"}
LIST = {"type": "array", "items": {"type": "boolean"}, "minItems": 700}
LONG: dict[str, Any] = {
    "model": MODEL,
    "messages": [ADA],
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": LIST}},
}
"""A chat that the demo model answers with thousands of tokens."""
GREEDY = InferencingParams(max_tokens=60, temperature=0.0, repeat_penalty=1.0)


def chat(models: RunningModels, *messages: object, **fields: object) -> httpx.Response:
    given = {"model": MODEL, "messages": list(messages), **fields}
    return models.client.post("/v1/chat/completions", content=json.dumps(given))


def content(response: httpx.Response) -> str:
    return str(response.json()["choices"][0]["message"]["content"])


@contextlib.contextmanager
def connect(models: RunningModels, api_type: str, token: str = "any") -> Iterator[RemoteEngine]:
    remote = RemoteEngine(RemoteCompute(models.url, token, api_type))
    yield remote
    remote.close()
