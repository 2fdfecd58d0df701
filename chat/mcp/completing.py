"""Completes the ids in the URIs of resources: by their beginning, or by what they are called."""

from collections.abc import Sequence
from typing import Any

from chat.core.refusals import MemoryOff
from chat.http.call import Call
from chat.http.queries import MOST
from chat.mcp.asking import ask
from chat.mcp.exchange import Exchange
from chat.mcp.prompts import KNOWN, TOPIC
from chat.mcp.protocol import INVALID_PARAMS, Fields, Refused
from chat.mcp.resources import CONVERSATION, MEMORY

PLACES = {
    ("ref/prompt", KNOWN): TOPIC,
    ("ref/resource", CONVERSATION): "conversation_id",
    ("ref/resource", MEMORY): "memory_id",
}
"""The one argument of each prompt and template."""


async def complete(exchange: Exchange) -> dict[str, Any]:
    """Answer `completion/complete`: of the newest conversations or memories, those that fit.

    Errors: Refused.
    """
    name, value = _parse_argument(exchange.params)
    values: Sequence[str] = ()
    has_more = False
    if name != TOPIC:
        values, has_more = await _ids(exchange.call, name, value)
    return {"completion": {"values": values, "hasMore": has_more}}


def _parse_argument(params: Fields) -> tuple[str, str]:
    ref, argument = params.get("ref"), params.get("argument")
    if not isinstance(ref, dict) or not isinstance(argument, dict):
        raise Refused(INVALID_PARAMS, "needs `ref` and `argument`")
    kind, place = ref.get("type"), ref.get("name" if ref.get("type") == "ref/prompt" else "uri")
    is_known = isinstance(kind, str) and isinstance(place, str)
    wanted = PLACES.get((str(kind), str(place))) if is_known else None
    if wanted is None:
        raise Refused(INVALID_PARAMS, "`ref` must be a prompt or a template of a resource here")
    if argument.get("name") != wanted or not isinstance(argument.get("value"), str):
        raise Refused(INVALID_PARAMS, f"`argument` must have `{wanted}`, with a text as `value`")
    return wanted, argument["value"]


async def _ids(call: Call, name: str, value: str) -> tuple[Sequence[str], bool]:
    path, items, called = (
        ("/conversations", "conversations", "title")
        if name == "conversation_id"
        else ("/memories", "memories", "content")
    )
    try:
        page = await ask(call, path, limit=MOST)
    except MemoryOff:
        return (), False
    found = [str(one["id"]) for one in page[items] if _fits(one, called, value)]
    return found, page["next_cursor"] is not None


def _fits(one: Fields, called: str, value: str) -> bool:
    name: Any = one[called] or ""
    return str(one["id"]).startswith(value) or value.casefold() in name.casefold()
