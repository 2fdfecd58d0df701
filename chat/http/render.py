"""Renders the answers to callers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from chat.core.cuts import ForgottenMessages
from chat.core.errors import Unhealthy
from chat.core.heads import Forgotten, Summary
from chat.core.limits import Quota
from chat.core.messages import FoundMemory, Memory, Place, Placed
from chat.core.receipts import parse_receipt, usage_fields
from chat.core.usage import TurnResult
from chat.http.credentials import Caller, Session
from chat.http.log_line import Fact
from chat.http.render_owner import session_headers
from chat.http.response import Response, error_fields, render_json
from chat.http.usage_fields import usage_facts
from chat.usecases.add_messages import Added
from chat.usecases.check_health import HEALTHY, Health
from chat.usecases.find_relevant import Relevant
from chat.usecases.ports import Cursor
from chat.usecases.search import Found


def render_turn_result(
    result: TurnResult, session: Session | None, caller: Caller, quota: Quota | None
) -> Response:
    """Render a turn: the five fields of the contract, when it expires, and what the model saw.

    A new `session` is shown once, to the caller for whom it was made.
    """
    token = {"token": session.token} if session else {}
    usage = result.usage
    fields = {
        "id": result.conversation_id,
        "prompt": result.prompt,
        "context": result.context,
        "reply": result.reply,
        "numberOfTokens": usage.prompt_tokens + usage.generated_tokens,
        "expires_at": result.expires_at,
        "usage": usage_fields(usage),
    }
    headers = turn_headers(session, caller, quota)
    return render_json(200, fields | token, headers, usage_facts(usage))


def turn_headers(session: Session | None, caller: Caller, quota: Quota | None) -> dict[str, str]:
    """Return the headers of a turn: what is left of the limit, and a new credential's cookie."""
    headers = dict(quota.headers()) if quota else {}
    return headers | session_headers(session, caller) if session else headers


def summary_fields(summary: Summary) -> dict[str, Any]:
    """Return the fields of a conversation in a list."""
    return {
        "id": summary.id,
        "title": summary.title,
        "created_at": summary.created_at,
        "active_at": summary.active_at,
        "expires_at": summary.expires_at,
        "turns": summary.turn_count,
        "messages": summary.message_count,
        "evicted_turns": summary.evicted_turns,
        "pinned": summary.is_pinned,
        "namespace": summary.namespace,
    }


def render_summary(summary: Summary, context_length: int) -> Response:
    """Render one conversation, with its context and an upper bound of what its window takes."""
    fields = {
        **summary_fields(summary),
        "context": summary.context,
        "window_tokens": summary.window_tokens,
        "context_length": context_length,
    }
    if summary.summary:
        fields["summary"] = {"turns": summary.summary.last, "text": summary.summary.text}
    return render_json(200, fields)


def render_branch(summary: Summary) -> Response:
    """Render a new conversation that began as a branch of another one."""
    return render_json(201, summary_fields(summary))


def render_list(page: Sequence[Summary], cursor: Cursor | None) -> Response:
    """Render a page of conversations."""
    next_cursor = render_cursor(cursor)
    conversations = [summary_fields(summary) for summary in page]
    return render_json(200, {"conversations": conversations, "next_cursor": next_cursor})


def render_found(found: Found) -> Response:
    """Render what a search found in all conversations, the best first."""
    hits = [
        {
            "conversation_id": hit.conversation_id,
            "title": hit.title,
            "message_id": str(hit.place),
            "role": hit.role,
            "snippet": hit.snippet(),
            "score": score,
            "created_at": hit.created_at,
        }
        for hit, score in found.hits
    ]
    return render_json(200, {"hits": hits, "next_cursor": render_cursor(found.cursor)})


def render_cursor(cursor: Cursor | None) -> str | None:
    """Render the cursor of the next page; None if there is no next page."""
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
    """Return the fields of a memory; `source` is the message that it was, None for a note."""
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
        "namespace": memory.namespace,
        "source": source,
    }


def render_forgotten_memories(count: int) -> Response:
    """Render how many memories were forgotten."""
    return render_json(200, {"forgotten": {"memories": count}})


def render_messages(page: Sequence[Placed], before: Place | None, *, as_text: bool) -> Response:
    """Render messages, the oldest first; `as_text`: whether only their contents are shown."""
    messages = [p.message.content if as_text else message_fields(p) for p in page]
    return render_json(200, {"messages": messages, "before": str(before) if before else None})


def render_relevant(found: Sequence[Relevant], *, as_text: bool) -> Response:
    """Render relevant messages, nearest first; `as_text`: whether only their contents are shown."""
    messages = [
        r.placed.message.content
        if as_text
        else message_fields(r.placed) | distance_fields(r.distance)
        for r in found
    ]
    return render_json(200, {"messages": messages})


def distance_fields(distance: float | None) -> dict[str, float | None]:
    """Return the fields that say how near something is: cosine distance, and cosine as a score."""
    if distance is None:
        return {"distance": None, "score": None}
    return {"distance": round(distance, 6), "score": round(1 - distance, 6)}


def message_fields(placed: Placed) -> dict[str, Any]:
    """Return the fields of a message."""
    message = placed.message
    fields: dict[str, Any] = {
        "id": str(placed.place),
        "role": message.role,
        "content": message.content,
        "created_at": placed.created_at,
    }
    if message.metadata is not None:
        fields["metadata"] = message.metadata
    if message.calls:
        fields["calls"] = [call._asdict() for call in message.calls]
    if message.call_id is not None:
        fields["call_id"] = message.call_id
    if message.images:
        fields["images"] = [{"url": one.url, "detail": one.detail} for one in message.images]
    usage = parse_receipt(message.receipt) if message.receipt else None
    return fields | ({"usage": usage_fields(usage)} if usage else {})


def render_added(added: Added) -> Response:
    """Render what became of added messages."""
    fields = {
        "id": added.conversation_id,
        "message_ids": [str(placed.place) for placed in added.placed],
        "evicted_turns": added.evicted_turns,
        "expires_at": added.expires_at,
    }
    return render_json(201, fields)


def render_forgotten(forgotten: Forgotten) -> Response:
    """Render what was removed with a conversation."""
    removed = asdict(forgotten)
    return render_json(200, {"id": removed.pop("id"), "forgotten": removed})


def render_forgotten_conversations(conversations: int, memories: int) -> Response:
    """Render how much of a namespace was removed."""
    removed = {"conversations": conversations, "memories": memories}
    return render_json(200, {"forgotten": removed})


def render_forgotten_messages(conversation_id: int, forgotten: ForgottenMessages) -> Response:
    """Render how many messages were forgotten."""
    return render_json(200, {"id": conversation_id, "forgotten": asdict(forgotten)})


def render_forgotten_message(conversation_id: int, place: Place) -> Response:
    """Render which message was forgotten."""
    return render_json(200, {"id": conversation_id, "forgotten": {"message_id": str(place)}})


def render_health(healths: Mapping[str, Health]) -> Response:
    """Render which parts answer, as an error if one does not."""
    shown: dict[str, Any] = {"parts": {name: health.state for name, health in healths.items()}}
    notes = {name: health.note for name, health in healths.items() if health.note}
    if notes:
        shown["notes"] = notes
    if {health.state for health in healths.values()} <= {HEALTHY}:
        return render_json(200, {"status": "ok", **shown})
    error = Unhealthy()
    shown = {"error": error_fields(error), **shown}
    reason = "; ".join(f"{name}: {note}" for name, note in notes.items())
    facts: dict[str, Fact] = {"code": error.code, "reason": reason}
    return render_json(error.status, shown, error.headers, facts)
