"""A guest that uses the adapters of the build for Preview 3 as a test asks it to."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

from spin_sdk.wit import exports
from spin_sdk.wit.imports.wasi_http_types_0_3_0_rc_2026_03_15 import Request, Response

from chat.core.addresses import Origin
from chat.core.errors import ChatError
from chat.redis.failures import RedisError
from chat.spin.answers import CutOff, HttpFailed, Limit, TimeUp
from chat.spin.p3.incoming import make_response, read_request
from chat.spin.p3.outgoing import SpinHttp
from chat.spin.p3.redis import InstanceRedis
from chat.spin.p3.waiting import Gate, moment_in, now, rest, within

NS_PER_MS = 1_000_000
MAX_BYTES = 1_000_000

Asked = Mapping[str, Any]


class Instance:
    """What stays between the requests of an instance."""

    def __init__(self) -> None:
        self.requests_count = 0
        self.redis: dict[str, InstanceRedis] = {}
        self.gate = Gate()


INSTANCE = Instance()


async def outcome(call: Awaitable[Any]) -> Any:
    """Show what a call gave or failed with."""
    try:
        return {"ok": shown(await call)}
    except HttpFailed as error:
        return {"error": "HttpFailed", "is_timeout": error.is_timeout}
    except (ChatError, RedisError, TimeUp) as error:
        return {"error": type(error).__name__, "text": str(error)}


def shown(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return [shown(item) for item in value] if isinstance(value, list | tuple) else value


async def probe_redis(asked: Asked) -> Any:
    """Run commands on the instance's connection, one after the other or all at once."""
    address = asked["address"]
    redis = INSTANCE.redis.get(address)
    if redis is None:
        redis = INSTANCE.redis[address] = InstanceRedis(address, asked.get("timeout_s", 5.0))
    calls = [
        outcome(redis.execute(name, [str(a).encode() for a in arguments]))
        for name, *arguments in asked["calls"]
    ]
    if asked.get("at_once"):
        return await asyncio.gather(*calls)
    return [await call for call in calls]


async def probe_send(asked: Asked) -> Any:
    """Send a request, and time it."""
    scheme, _, authority = asked["origin"].partition("://")
    http = SpinHttp(Origin(scheme, authority), asked.get("headers", {}), Limit(asked["seconds"]))
    body = asked["body"].encode() if "body" in asked else None
    begun = now()
    result = await outcome(http.request(asked["method"], asked["path"], body))
    return result | {"taken_ms": (now() - begun) // NS_PER_MS}


async def probe_within(asked: Asked) -> Any:
    """Rest so long, and wait for it no longer than so long; one behind the other, or at once."""
    calls = [timed_rest(*call) for call in asked["calls"]]
    if asked.get("at_once"):
        return await asyncio.gather(*calls)
    return [await call for call in calls]


async def timed_rest(rest_ms: int, max_ms: int) -> Any:
    begun = now()
    result = await outcome(within(rest(rest_ms * NS_PER_MS), moment_in(max_ms / 1000)))
    return result.get("error"), (now() - begun) // NS_PER_MS


async def probe_gate(asked: Asked) -> Any:
    """Wait at the instance's gate, or open it."""
    if asked["opens"]:
        INSTANCE.gate.open()
    else:
        await INSTANCE.gate.wait()
    return {"requests": INSTANCE.requests_count}


async def probe_requests(_: Asked) -> Any:
    """Say how many requests the instance has had."""
    return INSTANCE.requests_count


PROBES: Mapping[str, Callable[[Asked], Awaitable[Any]]] = {
    "redis": probe_redis,
    "send": probe_send,
    "within": probe_within,
    "gate": probe_gate,
    "requests": probe_requests,
}


async def one(text: bytes) -> AsyncGenerator[bytes, None]:
    yield text


async def dripped(asked: Asked) -> AsyncGenerator[bytes, None]:
    """Give so many chunks, so far from each other; then cut off, if that is asked."""
    for number in range(asked["count"]):
        yield f"chunk {number}\n".encode()
        await rest(asked["pause_ms"] * NS_PER_MS)
    if asked.get("cuts"):
        raise CutOff


class HttpHandler(exports.HttpHandler):
    """Spin's entry."""

    async def handle(self, request: Request) -> Response:
        """Answer a probe with its outcome, as JSON."""
        INSTANCE.requests_count += 1
        head = read_request(request)
        name = head.uri.strip("/")
        read = await outcome(head.read_body(MAX_BYTES))
        if name == "head":
            return await answered([head.method, head.uri, head.headers])
        if name == "read" or "error" in read:
            return await answered(read if "error" in read else {"ok": len(read["ok"])})
        asked = json.loads(read["ok"])
        if name == "drip":
            return await make_response(200, [], dripped(asked), told(asked["token"]))
        return await answered(await PROBES[name](asked))


async def answered(value: Any) -> Response:
    body = json.dumps(value).encode()
    headers = [("content-length", str(len(body)).encode()), ("content-type", b"application/json")]
    return await make_response(200, headers, one(body), lambda _: None)


def told(token: str) -> Callable[[bool], None]:
    def tell(is_whole: bool) -> None:
        sys.stderr.write(f"{token} ended: {is_whole}\n")

    return tell
