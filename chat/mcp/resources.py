"""The resources: an owner's conversations and memories, each under a URI of its own."""

import re
from typing import Any

from chat.core.errors import ChatError
from chat.core.memories import MEMORY_ID
from chat.core.refusals import InvalidRequest, MemoryOff, UnknownConversation, UnknownMemory
from chat.http.call import Call
from chat.http.queries import MOST
from chat.mcp import texts
from chat.mcp.asking import ask
from chat.mcp.calling import SHOWN_CHARACTERS
from chat.mcp.exchange import Exchange
from chat.mcp.protocol import INVALID_PARAMS, UNKNOWN_RESOURCE, Refused

CONVERSATION = "chat://conversations/{conversation_id}"
MEMORY = "chat://memories/{memory_id}"
OF_CONVERSATION = re.compile(r"chat://conversations/([1-9][0-9]{0,18})", re.ASCII)
OF_MEMORY = re.compile(rf"chat://memories/({MEMORY_ID.pattern})", re.ASCII)
KINDS = ("conversations", "memories")
"""What is listed, in this order; a cursor begins with one of them."""
TEXT = "text/plain"
TEMPLATES = (
    {
        "uriTemplate": CONVERSATION,
        "name": "conversation",
        "title": "A conversation",
        "description": f"The newest {MOST} messages of a conversation, word for word",
        "mimeType": TEXT,
    },
    {
        "uriTemplate": MEMORY,
        "name": "memory",
        "title": "A memory",
        "description": "What is remembered, with its age and source",
        "mimeType": TEXT,
    },
)


async def list_resources(exchange: Exchange) -> dict[str, Any]:
    """Answer `resources/list`: all conversations in pages, and then all memories.

    Errors: Refused.
    """
    kind, behind = _parse_cursor(exchange.params.get("cursor"))
    listed, cursor = await (
        _conversations(exchange.call, behind)
        if kind == KINDS[0]
        else _memories(exchange.call, behind)
    )
    following = None
    if cursor is not None:
        following = f"{kind}:{cursor}"
    elif kind == KINDS[0] and exchange.call.settings.long_term.is_on:
        following = f"{KINDS[1]}:"
    return {"resources": listed, **({} if following is None else {"nextCursor": following})}


def _parse_cursor(cursor: Any) -> tuple[str, str]:
    if cursor is None:
        return KINDS[0], ""
    kind, colon, behind = cursor.partition(":") if isinstance(cursor, str) else ("", "", "")
    if kind not in KINDS or not colon:
        raise Refused(INVALID_PARAMS, "`cursor` must be a `nextCursor` that was given")
    return kind, behind


def _page(behind: str) -> dict[str, Any]:
    return {"limit": MOST, **({"cursor": behind} if behind else {})}


async def _conversations(call: Call, behind: str) -> tuple[list[dict[str, Any]], str | None]:
    page = await ask(call, "/conversations", **_page(behind))
    listed = [
        {
            "uri": CONVERSATION.replace("{conversation_id}", str(summary["id"])),
            "name": f"conversation {summary['id']}",
            "title": summary["title"] or f"Conversation {summary['id']}",
            "mimeType": TEXT,
        }
        for summary in page["conversations"]
    ]
    return listed, page["next_cursor"]


async def _memories(call: Call, behind: str) -> tuple[list[dict[str, Any]], str | None]:
    page = await ask(call, "/memories", **_page(behind))
    listed = [
        {
            "uri": MEMORY.replace("{memory_id}", memory["id"]),
            "name": f"memory {memory['id']}",
            "title": memory["content"][:SHOWN_CHARACTERS],
            "mimeType": TEXT,
        }
        for memory in page["memories"]
    ]
    return listed, page["next_cursor"]


async def read_resource(exchange: Exchange) -> dict[str, Any]:
    """Answer `resources/read`.

    Errors: Refused; the resource of another owner is as unknown as one that never was.
    """
    uri = exchange.params.get("uri")
    if not isinstance(uri, str):
        raise Refused(INVALID_PARAMS, "`params.uri` must be the URI of a resource")
    try:
        text = await _read(exchange.call, uri)
    except (UnknownConversation, UnknownMemory, InvalidRequest, MemoryOff) as error:
        raise _unknown(exchange, uri, error) from error
    if text is None:
        raise _unknown(exchange, uri, None)
    return {"contents": [{"uri": uri, "mimeType": TEXT, "text": text}]}


async def _read(call: Call, uri: str) -> str | None:
    """Return the text of a resource; None if no resource can have this URI."""
    if (match := OF_CONVERSATION.fullmatch(uri)) is not None:
        path = "/conversations/{id}/messages"
        page = await ask(call, path, conversation_id=match[1], last=MOST)
        return texts.as_data(*texts.tell_messages(page, call.now()))
    if (match := OF_MEMORY.fullmatch(uri)) is not None:
        memory = await ask(call, "/memories/{memory_id}", memory_id=match[1])
        return texts.as_data(*texts.tell_memory(memory, call.now()))
    return None


def _unknown(exchange: Exchange, uri: str, error: ChatError | None) -> Refused:
    code = INVALID_PARAMS if exchange.is_modern else UNKNOWN_RESOURCE
    problem = "there is no resource with this URI" if error is None else str(error)
    return Refused(code, problem, data={"uri": uri})
