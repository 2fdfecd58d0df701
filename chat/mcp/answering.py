"""Answers a message: finds the method, asks for its result, and renders that or the error."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chat.core.errors import ChatError
from chat.core.refusals import InvalidRequest
from chat.http.call import Call
from chat.http.events import accepted
from chat.http.queries import parse_idempotency_key
from chat.http.response import Response
from chat.mcp.calling import call_tool
from chat.mcp.completing import complete
from chat.mcp.envelope import find_version, parse_message
from chat.mcp.exchange import SERVER, Exchange, refusal_of, render_refusal
from chat.mcp.prompts import PROMPT, get_prompt
from chat.mcp.protocol import (
    HANDSHAKE,
    INVALID_MESSAGE,
    INVALID_PARAMS,
    SUPPORTED,
    UNKNOWN_METHOD,
    Fields,
    Refused,
    RequestId,
)
from chat.mcp.resources import TEMPLATES, list_resources, read_resource
from chat.mcp.texts import QUOTED
from chat.mcp.tools import OFF, TOOLS, describe_tool

CAPABILITIES: Fields = {"tools": {}, "resources": {}, "prompts": {}, "completions": {}}
INSTRUCTIONS = (
    "This server is a memory of the user that lasts, and a chat bot with that memory. `recall` "
    "what is known before you ask the user for it, and `remember` what lasts. Conversations with "
    f"the bot are kept, and can be searched. {QUOTED}"
)
HOUR_MS = 3_600_000
FOR_ALL: Fields = {"ttlMs": HOUR_MS, "cacheScope": "public"}
"""What is the same for everybody, and changes only with the service or its settings."""
FOR_OWNER: Fields = {"ttlMs": 0, "cacheScope": "private"}


async def answer_message(call: Call) -> Response:
    """Answer `POST /mcp`; a message that wants no answer is 202.

    Errors: those that nobody thought of; all others become an answer.
    """
    request_id: RequestId | None = None
    try:
        message = parse_message(call.body)
        request_id = message.id
        takes_json, takes_events = _accepted(call)
        version = find_version(message, call.headers)
        _check_key(call)
    except Refused as refused:
        return render_refusal(refused, request_id, refused.status)
    if request_id is None:
        return Response(202)
    return await _answer(Exchange(call, message, version, takes_json, takes_events))


def _accepted(call: Call) -> tuple[bool, bool]:
    takes_json, takes_events = accepted(call.headers.get("accept", ""))
    if not takes_json and not takes_events:
        needed = "`Accept` must have `application/json` or `text/event-stream`"
        raise Refused(INVALID_MESSAGE, needed, status=406)
    return takes_json, takes_events


def _check_key(call: Call) -> None:
    """Refuse an unusable Idempotency-Key with any message, as the other routes do."""
    try:
        parse_idempotency_key(call.headers)
    except InvalidRequest as error:
        raise Refused(INVALID_MESSAGE, str(error)) from error


async def _answer(exchange: Exchange) -> Response:
    try:
        if exchange.message.method == "tools/call":
            return await call_tool(exchange)
        method = _find_method(exchange)
        hints = method.hints if exchange.is_modern else {}
        return exchange.answer({**await method.act(exchange), **hints})
    except Refused as refused:
        return exchange.refusal(refused)
    except ChatError as error:
        return exchange.refusal(refusal_of(error))


@dataclass(frozen=True)
class Method:
    """A method; `hints` say how long a client may keep its result, and for whom."""

    act: Callable[[Exchange], Awaitable[dict[str, Any]]]
    versions: tuple[str, ...] = SUPPORTED
    hints: Fields = field(default_factory=dict)


def _find_method(exchange: Exchange) -> Method:
    method = METHODS.get(exchange.message.method)
    if method is None or exchange.version not in method.versions:
        raise Refused(UNKNOWN_METHOD, "there is no such method in this version", status=404)
    return method


async def _initialize(exchange: Exchange) -> dict[str, Any]:
    """Agree on a version: the one that the client wants, or the newest that has a handshake."""
    wanted = exchange.params.get("protocolVersion")
    if not isinstance(wanted, str):
        raise Refused(INVALID_PARAMS, "`protocolVersion` must be the version that you speak")
    return {
        "protocolVersion": wanted if wanted in HANDSHAKE else HANDSHAKE[0],
        "capabilities": CAPABILITIES,
        "serverInfo": SERVER,
        "instructions": _instructions(exchange.call),
    }


async def _discover(exchange: Exchange) -> dict[str, Any]:
    return {
        "supportedVersions": list(SUPPORTED),
        "capabilities": CAPABILITIES,
        "instructions": _instructions(exchange.call),
    }


def _instructions(call: Call) -> str:
    return INSTRUCTIONS if call.settings.long_term.is_on else f"{INSTRUCTIONS} Memories: {OFF}"


async def _ping(_: Exchange) -> dict[str, Any]:
    return {}


async def _list_tools(exchange: Exchange) -> dict[str, Any]:
    _refuse_cursor(exchange)
    has_memory = exchange.call.settings.long_term.is_on
    return {"tools": [describe_tool(tool, has_memory=has_memory) for tool in TOOLS.values()]}


async def _list_templates(exchange: Exchange) -> dict[str, Any]:
    _refuse_cursor(exchange)
    return {"resourceTemplates": list(TEMPLATES)}


async def _list_prompts(exchange: Exchange) -> dict[str, Any]:
    _refuse_cursor(exchange)
    return {"prompts": [PROMPT]}


def _refuse_cursor(exchange: Exchange) -> None:
    """Refuse a cursor where all is on one page, so that none was ever given."""
    if exchange.params.get("cursor") is not None:
        raise Refused(INVALID_PARAMS, "`cursor` must be a `nextCursor` that was given")


METHODS: Mapping[str, Method] = {
    "server/discover": Method(_discover, SUPPORTED[:1], FOR_ALL),
    "initialize": Method(_initialize, HANDSHAKE),
    "ping": Method(_ping, HANDSHAKE),
    "tools/list": Method(_list_tools, hints=FOR_ALL),
    "resources/list": Method(list_resources, hints=FOR_OWNER),
    "resources/templates/list": Method(_list_templates, hints=FOR_ALL),
    "resources/read": Method(read_resource, hints=FOR_OWNER),
    "prompts/list": Method(_list_prompts, hints=FOR_ALL),
    "prompts/get": Method(get_prompt),
    "completion/complete": Method(complete),
}
