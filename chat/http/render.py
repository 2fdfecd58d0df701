"""Renders what callers are given."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from chat.core.errors import CallerError, ChatError, EraseIncomplete, Unhealthy
from chat.core.json_text import render_json_text
from chat.core.limits import Quota
from chat.core.messages import Forgotten, FoundMemory, Memory, Place, Summary, TurnResult
from chat.http.credentials import Caller, Session
from chat.http.log_line import REQUEST_ID_HEADER, Fact
from chat.http.page import WebFile
from chat.usecases.add_messages import Added
from chat.usecases.check_health import OK, Health
from chat.usecases.erase import Receipt
from chat.usecases.find_relevant import Relevant
from chat.usecases.ports import Cursor
from chat.usecases.read_messages import Placed
from chat.usecases.take_back import Imported


@dataclass(frozen=True)
class Response:
    """An HTTP response; header names in lower case. Where there are `chunks` they are the body.

    `facts` are what the log says of it.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: Iterator[bytes] | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)


GUARDS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Headers of every answer: it is nobody's to keep, to frame, or to take for something else."""


def guarded(response: Response, request_id: str, shared: Mapping[str, str]) -> Response:
    """Add what every answer has; `shared` are the headers for pages of other origins."""
    headers = {**GUARDS, **response.headers, **shared, REQUEST_ID_HEADER: request_id}
    return replace(response, headers=headers)


CHUNK_BYTES = 32 * 1024


def render_lines(lines: Iterator[Mapping[str, Any]]) -> Response:
    """Render JSON Lines, as they are made; what the first chunk raises is raised here."""
    chunks = _chunks(lines)
    first = next(chunks, b"")
    headers = {"content-type": "application/jsonl"}
    return Response(200, headers=headers, chunks=itertools.chain([first], chunks))


def _chunks(lines: Iterator[Mapping[str, Any]]) -> Iterator[bytes]:
    chunk = bytearray()
    for line in lines:
        chunk += render_json_text(line).encode() + b"\n"
        if len(chunk) >= CHUNK_BYTES:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


def render_imported(imported: Imported) -> Response:
    """Render what became of an export."""
    conversations = [
        {
            "id_before": taken.id_before,
            "id": taken.id,
            "turns": taken.turn_count,
            "status": "imported" if taken.is_new else "there_already",
        }
        for taken in imported.conversations
    ]
    fields = {"conversations": conversations, "memories": imported.memory_count}
    return render_json(200, fields)


def render_receipt(receipt: Receipt, caller: Caller) -> Response:
    """Render what each store did; an error with it, if something is left or a store was away."""
    stores = {
        name: {"status": "unavailable"}
        if erased is None
        else {
            "status": "erased" if erased.left == 0 else "incomplete",
            "removed": dict(erased.counts),
            "left": erased.left,
        }
        for name, erased in receipt.stores.items()
    }
    if receipt.is_complete:
        return render_json(200, {"stores": stores}, forget_cookie(caller))
    error = EraseIncomplete()
    shown = {"error": error_fields(error), "stores": stores}
    return replace(render_json(error.status, shown, error.headers), facts={"code": error.code})


def render_json(
    status: int, value: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """Render `value` as JSON, text as it is and not escaped."""
    body = render_json_text(value).encode()
    return Response(status, body, {"content-type": "application/json", **(headers or {})})


def render_session(session: Session, caller: Caller) -> Response:
    """Give a credential: in the body for programs, and as a cookie for the page without one."""
    return render_json(201, {"token": session.token}, session_headers(session, caller))


def session_headers(session: Session, caller: Caller) -> dict[str, str]:
    """Set the cookie, where the caller wants one."""
    if not caller.wants_cookie:
        return {}
    return {"set-cookie": session.cookie(is_secure=caller.is_secure)}


def forget_cookie(caller: Caller) -> dict[str, str]:
    """Let the page forget its credential, if that is what nothing belongs to any more."""
    if not caller.presents_cookie:
        return {}
    return {"set-cookie": Session("").cookie(is_secure=caller.is_secure, lifetime_s=0)}


def render_turn_result(
    result: TurnResult, session: Session | None, caller: Caller, quota: Quota | None
) -> Response:
    """Render a turn: the five fields of the contract, its end, and what the model saw.

    A new `session` is shown to whom it was made for, once.
    """
    headers = dict(quota.headers()) if quota else {}
    token = {}
    if session:
        headers |= session_headers(session, caller)
        token = {"token": session.token}
    usage = result.usage
    fields = {
        "id": result.conversation_id,
        "prompt": result.prompt,
        "context": result.context,
        "reply": result.reply,
        "numberOfTokens": usage.prompt_tokens + usage.generated_tokens,
        "expires_at": result.expires_at,
        "usage": asdict(usage),
    }
    facts = {
        "prompt_tokens": usage.prompt_tokens,
        "generated_tokens": usage.generated_tokens,
        "evicted_turns": usage.evicted_turns,
        "recalled_turns": len(usage.recalled),
        "recalled_memories": len(usage.memories),
    }
    return replace(render_json(200, fields | token, headers), facts=facts)


def summary_fields(summary: Summary) -> dict[str, Any]:
    """Lay out a conversation as in a list."""
    return {
        "id": summary.id,
        "title": summary.title,
        "created_at": summary.created_at,
        "active_at": summary.active_at,
        "expires_at": summary.expires_at,
        "turns": summary.turn_count,
        "evicted_turns": summary.evicted_turns,
        "pinned": summary.is_pinned,
    }


def render_summary(summary: Summary, context_length: int) -> Response:
    """Render one conversation, with its context, and how full the context length is at most."""
    fields = {
        **summary_fields(summary),
        "context": summary.context,
        "window_tokens": summary.window_tokens,
        "context_length": context_length,
    }
    return render_json(200, fields)


def render_list(page: Sequence[Summary], cursor: Cursor | None) -> Response:
    """Render a page of conversations."""
    next_cursor = render_cursor(cursor)
    conversations = [summary_fields(summary) for summary in page]
    return render_json(200, {"conversations": conversations, "next_cursor": next_cursor})


def render_cursor(cursor: Cursor | None) -> str | None:
    """Render where to go on; None where there is no more."""
    return f"{cursor.at}_{cursor.id}" if cursor else None


def render_memory_page(page: Sequence[Memory], cursor: Cursor | None) -> Response:
    """Render a page of memories."""
    fields = [memory_fields(memory) for memory in page]
    return render_json(200, {"memories": fields, "next_cursor": render_cursor(cursor)})


def render_found_memories(found: Sequence[FoundMemory]) -> Response:
    """Render memories that a search found, the nearest first."""
    fields = [memory_fields(one.memory) | distance_fields(one.distance) for one in found]
    return render_json(200, {"memories": fields})


def render_memory(memory: Memory, status: int = 200) -> Response:
    """Render one memory."""
    return render_json(status, memory_fields(memory))


def memory_fields(memory: Memory) -> dict[str, Any]:
    """Lay out a memory; `source` is the message that it was, null for a note."""
    source = None
    if memory.conversation_id is not None:
        message = memory.id.partition(".")[2]
        source = {"conversation_id": memory.conversation_id, "message_id": message}
    return {
        "id": memory.id,
        "role": memory.role,
        "content": memory.content,
        "created_at": memory.at,
        "pinned": memory.is_pinned,
        "source": source,
    }


def render_forgotten_memories(count: int) -> Response:
    """Render the receipt for memories."""
    return render_json(200, {"forgotten": {"memories": count}})


def render_messages(page: Sequence[Placed], before: Place | None, *, as_text: bool) -> Response:
    """Render messages, oldest first; as text, their contents only."""
    messages = [p.message.content if as_text else message_fields(p) for p in page]
    return render_json(200, {"messages": messages, "before": str(before) if before else None})


def render_relevant(found: Sequence[Relevant], *, as_text: bool) -> Response:
    """Render relevant messages, the nearest first; as text, their contents only."""
    messages = [
        r.placed.message.content
        if as_text
        else message_fields(r.placed) | distance_fields(r.distance)
        for r in found
    ]
    return render_json(200, {"messages": messages})


def distance_fields(distance: float | None) -> dict[str, float | None]:
    """Lay out how near something is: the cosine distance, and the cosine itself as a score."""
    if distance is None:
        return {"distance": None, "score": None}
    return {"distance": round(distance, 6), "score": round(1 - distance, 6)}


def message_fields(placed: Placed) -> dict[str, Any]:
    """Lay out a message."""
    message = placed.message
    fields = {
        "id": str(placed.place),
        "role": message.role,
        "content": message.content,
        "created_at": placed.created_at,
    }
    return fields | ({"metadata": message.metadata} if message.metadata is not None else {})


def render_added(added: Added) -> Response:
    """Render what became of messages that were added."""
    fields = {
        "id": added.conversation_id,
        "message_ids": added.message_ids,
        "evicted_turns": added.evicted_turns,
        "expires_at": added.expires_at,
    }
    return render_json(201, fields)


def render_forgotten(forgotten: Forgotten) -> Response:
    """Render the receipt for a conversation."""
    removed = asdict(forgotten)
    return render_json(200, {"id": removed.pop("id"), "forgotten": removed})


def render_forgotten_message(conversation_id: int, place: Place) -> Response:
    """Render the receipt for a message."""
    return render_json(200, {"id": conversation_id, "forgotten": {"message_id": str(place)}})


def render_health(healths: Mapping[str, Health]) -> Response:
    """Render which parts answer; an error with it, if one does not."""
    shown: dict[str, Any] = {"parts": {name: health.state for name, health in healths.items()}}
    notes = {name: health.note for name, health in healths.items() if health.note}
    if notes:
        shown["notes"] = notes
    if {health.state for health in healths.values()} <= {OK}:
        return render_json(200, {"status": "ok", **shown})
    error = Unhealthy()
    shown = {"error": error_fields(error), **shown}
    reason = "; ".join(f"{name}: {note}" for name, note in notes.items())
    facts: dict[str, Fact] = {"code": error.code, "reason": reason}
    return replace(render_json(error.status, shown, error.headers), facts=facts)


def render_web_file(file: WebFile) -> Response:
    """Render a file of the page, or that it is as it was."""
    return Response(304 if file.is_unchanged else 200, file.body, file.headers)


def render_error(error: ChatError, *, is_stored_whole: bool) -> Response:
    """Render an error in the one shape that all have.

    One that the caller cannot mend has its message in the log, too. `is_stored_whole` says that
    the request was to store something whole: the error says what became of that, if it knows.
    """
    fields = error_fields(error)
    facts: dict[str, Fact] = {"code": error.code}
    if not isinstance(error, CallerError):
        facts["reason"] = str(error)
    if is_stored_whole and error.promise:
        fields["message"] = f"{error}; {error.promise}"
    response = render_json(error.status, {"error": fields}, error.headers)
    return replace(response, facts=facts)


def render_error_line(error: ChatError) -> bytes:
    """Render an error as the last of JSON Lines, where a status has gone out already."""
    return render_json_text({"type": "error", "error": error_fields(error)}).encode() + b"\n"


def error_fields(error: ChatError) -> dict[str, str | None]:
    """Lay out an error."""
    return {"code": error.code, "message": str(error), "param": error.param}
