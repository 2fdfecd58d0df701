"""Parses the bodies of requests."""

from dataclasses import dataclass
from typing import Any

from chat.core.heads import Change
from chat.core.json_text import NotJson, parse_json
from chat.core.messages import SIDES, Message, Place
from chat.core.refusals import InvalidRequest
from chat.http.fields import (
    parse_content,
    parse_id,
    parse_message,
    parse_pinned,
    parse_text,
    parse_time,
    parse_title,
    refuse_others,
)
from chat.http.queries import parse_place
from chat.settings import Settings

BODY_BYTES_PER_PROMPT_BYTE = 6
"""A JSON escape of one byte takes up to six bytes."""
BODY_OVERHEAD_BYTES = 1024
MAX_MESSAGES = 100


@dataclass(frozen=True)
class TurnRequest:
    """A body of `POST /`: exactly one of `conversation_id` and `context` is not None."""

    conversation_id: int | None
    context: str | None
    prompt: str


def body_limit(takes: str | None, settings: Settings) -> int:
    """Return how many bytes a body may have; `takes` names its schema, None means no body."""
    if takes is None:
        return 0
    if takes == "Export":
        return settings.max_import_bytes
    return 2 * settings.max_prompt_bytes * BODY_BYTES_PER_PROMPT_BYTE + BODY_OVERHEAD_BYTES


def parse_turn_request(body: bytes, max_prompt_bytes: int) -> TurnRequest:
    """Parse the body of `POST /`, whatever its content type.

    Units:  `context` and `prompt` may each have `max_prompt_bytes` in UTF-8.
    Errors: InvalidRequest and TooLarge, which name the field and what is allowed.
    """
    fields = parse_object(body)
    has_id, has_context = fields.get("id") is not None, fields.get("context") is not None
    if has_id and has_context:
        raise InvalidRequest(
            "`id` and `context` are not allowed together: a conversation keeps its context",
            "context",
        )
    if not has_id and not has_context:
        raise InvalidRequest("needs `context` for a new conversation, or the `id` of one", "id")
    prompt = parse_content(fields.get("prompt"), "prompt", max_prompt_bytes)
    if has_id:
        return TurnRequest(parse_id(fields["id"]), None, prompt)
    return TurnRequest(None, parse_text(fields["context"], "context", max_prompt_bytes), prompt)


def parse_messages(body: bytes, max_prompt_bytes: int, now: float) -> list[Message]:
    """Parse the body of `POST /conversations/{id}/messages`.

    Units:  each content may have `max_prompt_bytes` in UTF-8; `now` is seconds since 1970.
    Errors: InvalidRequest and TooLarge, which name the field and what is allowed.
    """
    fields = parse_object(body)
    refuse_others(fields, ("messages",), "")
    given = fields.get("messages")
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_MESSAGES:
        raise InvalidRequest(
            f"`messages` must be a list of 1 to {MAX_MESSAGES} messages", "messages"
        )
    return [
        parse_message(message, f"messages[{place}]", max_prompt_bytes, now)
        for place, message in enumerate(given)
    ]


def parse_branch(body: bytes) -> Place | None:
    """Parse the body of `POST /conversations/{id}/branch`; an empty one is one without `before`.

    Errors: InvalidRequest.
    """
    fields = parse_object(body or b"{}")
    refuse_others(fields, ("before",), "")
    before = fields.get("before")
    if before is None:
        return None
    return parse_place(before if isinstance(before, str) else "", "before")


def parse_change(body: bytes, max_prompt_bytes: int) -> Change:
    """Parse the body of `PATCH /conversations/{id}`.

    Errors: InvalidRequest and TooLarge, which name the field and what is allowed.
    """
    names = ("context", "title", "pinned")
    fields = parse_object(body)
    refuse_others(fields, names, "")
    if not fields:
        raise InvalidRequest(f"needs at least one of {', '.join(names)}")
    context = None
    if "context" in fields:
        context = parse_text(fields["context"], "context", max_prompt_bytes)
    title = parse_title(fields["title"]) if "title" in fields else None
    return Change(context, title, parse_pinned(fields))


@dataclass(frozen=True)
class MemoryChange:
    """What is to be changed of a memory; a value of None leaves the memory's value as it is."""

    content: str | None
    is_pinned: bool | None


def parse_memory(body: bytes, max_prompt_bytes: int, now: float) -> Message:
    """Parse the body of `POST /memories`; a memory without a role is the user's.

    Errors: InvalidRequest and TooLarge, which name the field and what is allowed.
    """
    fields = parse_object(body)
    refuse_others(fields, ("content", "role", "created_at"), "")
    if fields.get("role", "user") not in SIDES:
        raise InvalidRequest(f"`role` must be one of {', '.join(SIDES)}", "role")
    return Message(
        fields.get("role", "user"),
        parse_content(fields.get("content"), "content", max_prompt_bytes),
        parse_time(fields.get("created_at"), "created_at", now),
    )


def parse_memory_change(body: bytes, max_prompt_bytes: int) -> MemoryChange:
    """Parse the body of `PATCH /memories/{memory_id}`.

    Errors: InvalidRequest and TooLarge, which name the field and what is allowed.
    """
    names = ("content", "pinned")
    fields = parse_object(body)
    refuse_others(fields, names, "")
    if not fields:
        raise InvalidRequest(f"needs at least one of {', '.join(names)}")
    content = None
    if "content" in fields:
        content = parse_content(fields["content"], "content", max_prompt_bytes)
    return MemoryChange(content, parse_pinned(fields))


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Errors: InvalidRequest.
    """
    try:
        fields = parse_json(body)
    except NotJson as error:
        problem = f"the body must be a JSON object in UTF-8: {error}"
        raise InvalidRequest(problem, error.field) from error
    if not isinstance(fields, dict):
        raise InvalidRequest("the body must be a JSON object in UTF-8")
    return fields
