"""A guest that does what a test asks it to, and tells what it saw, as JSON.

Source of the cases: fermyon/conformance-tests, and spin's own test components.
"""

import functools
import json
import os
import pathlib
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from script import run_script
from spin_sdk import http, key_value, llm, redis, variables
from spin_sdk.http import Request, Response
from spin_sdk.wit.imports import wasi_config_store
from spin_sdk.wit.imports.redis import (
    Connection,
    RedisParameter_Binary,
    RedisParameter_Int64,
    RedisResult_Nil,
)
from spin_sdk.wit.imports.types import IncomingRequest, ResponseOutparam
from spin_sdk.wit.types import Err


def outcome(call: Callable[[], Any]) -> dict[str, Any]:
    """Show what a host function gave or failed with."""
    try:
        return {"ok": shown(call())}
    except Err as error:
        value = error.value
        return {"err": type(value).__name__, "text": getattr(value, "value", None)}


def shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list):
        return [shown(item) for item in value]
    if isinstance(value, RedisResult_Nil):
        return {"nil": None}
    if hasattr(value, "value"):
        return {type(value).__name__.removeprefix("RedisResult_").lower(): shown(value.value)}
    return value


def parameters(arguments: list[Any]) -> list[Any]:
    return [
        RedisParameter_Int64(a) if isinstance(a, int) else RedisParameter_Binary(a.encode())
        for a in arguments
    ]


def probe_redis(asked: dict[str, Any]) -> Any:
    opened = outcome(lambda: redis.open(asked["address"]) and None)
    if "err" in opened:
        return [opened]
    with redis.open(asked["address"]) as connection:
        return [
            outcome(functools.partial(call_redis, connection, *call)) for call in asked["calls"]
        ]


def call_redis(connection: Connection, name: str, *arguments: Any) -> Any:
    if name == "execute":
        return connection.execute(arguments[0], parameters(list(arguments[1:])))
    if name == "set":
        return connection.set(arguments[0], arguments[1].encode())
    return getattr(connection, name)(*arguments)


def probe_many(asked: dict[str, Any]) -> Any:
    held = []
    failed = None
    for _ in range(asked["count"]):
        try:
            held.append(redis.open(asked["address"]))
        except Err as error:
            failed = type(error.value).__name__
            break
    return {"opened": len(held), "failed": failed}


def probe_llm(asked: dict[str, Any]) -> Any:
    options = llm.InferencingParams(**asked["params"])

    def call() -> Any:
        result = llm.infer_with_options(asked["model"], asked["prompt"], options)
        return [result.text, result.usage.prompt_token_count, result.usage.generated_token_count]

    return outcome(call)


def probe_embed(asked: dict[str, Any]) -> Any:
    def call() -> Any:
        result = llm.generate_embeddings(asked["model"], asked["texts"])
        return [[list(v) for v in result.embeddings], result.usage.prompt_token_count]

    return outcome(call)


def probe_send(asked: dict[str, Any]) -> Any:
    request = Request(asked["method"], asked["url"], asked["headers"], asked["body"].encode())

    def call() -> Any:
        response = http.send(request)
        return [
            response.status,
            dict(response.headers),
            (response.body or b"").decode("utf-8", "replace"),
        ]

    return outcome(call)


def probe_files(asked: dict[str, Any]) -> Any:
    path = pathlib.Path(asked["path"])
    if asked["do"] == "list":
        return sorted(str(found) for found in path.rglob("*"))
    try:
        if asked["do"] == "write":
            path.write_text("no")
            return "written"
        return path.read_text()
    except OSError as error:
        return type(error).__name__


CALLS: list[int] = []
"""Grows with each request that an instance serves."""


def probe_calls(_: dict[str, Any]) -> Any:
    CALLS.append(1)
    return len(CALLS)


PROBES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "redis": probe_redis,
    "many": probe_many,
    "llm": probe_llm,
    "embed": probe_embed,
    "send": probe_send,
    "files": probe_files,
    "variable": lambda asked: outcome(lambda: variables.get(asked["name"])),
    "config": lambda asked: [
        wasi_config_store.get(asked["name"]),
        sorted(wasi_config_store.get_all()),
    ],
    "calls": probe_calls,
    "keyvalue": lambda _: outcome(lambda: key_value.open_default() and None),
    "environ": lambda _: dict(os.environ),
    "time": lambda _: [time.time(), time.monotonic_ns()],
}


class IncomingHandler(http.IncomingHandler):
    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        for script in request.headers().get("script"):
            run_script(request, response_out, script)
            return
        super().handle(request, response_out)

    def handle_request(self, request: Request) -> Response:
        parts = urlsplit(request.uri)
        name = parts.path.rsplit("/", 1)[-1]
        if name == "echo":
            return Response(200, {"content-type": "application/octet-stream"}, request.body)
        if name == "headers":
            seen = {"uri": request.uri, "method": request.method, "headers": dict(request.headers)}
            return Response(200, {}, json.dumps(seen).encode())
        if name == "respond":
            asked = json.loads(request.body or b"")
            return Response(asked["status"], asked["headers"], asked["body"].encode())
        if name == "raise":
            raise RuntimeError("on purpose")
        if name == "exit":
            sys.exit(1)
        if name == "print":
            print("to stdout")
            print("to stderr", file=sys.stderr)
            return Response(200, {}, b"")
        if name == "query":
            return Response(200, {}, json.dumps(parse_qs(parts.query)).encode())
        return Response(200, {}, json.dumps(PROBES[name](json.loads(request.body or b""))).encode())
