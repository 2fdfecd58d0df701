"""Parses the bodies that callers send."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from chat.changing import Change
from chat.context import SIDES
from chat.errors import InvalidRequest, TooLarge
from chat.messages import ROLES, Message

MAX_ID = 2**63 - 1
"""The largest number that Redis counts to."""
BODY_BYTES_PER_PROMPT_BYTE = 6
"""A JSON escape of one byte takes up to six."""
BODY_OVERHEAD_BYTES = 1024
MOST_MESSAGES = 100
MOST_TITLE_CHARACTERS = 200
MOST_METADATA_BYTES = 4096
MOST_AHEAD_S = 300
"""How far a caller's clock may be ahead of ours."""


@dataclass(frozen=True)
class TurnRequest:
    """A body of `POST /`: exactly one of `conversation_id` and `context` is there."""

    conversation_id: int | None
    context: str | None
    prompt: str


def parse_turn_request(body: bytes, max_prompt_bytes: int) -> TurnRequest:
    """Parse the body of `POST /`, whatever its content type.

    Units:  `context` and `prompt` may each have `max_prompt_bytes` in UTF-8.
    Errors: InvalidRequest and TooLarge, which name the field and what is allowed.
    """
    fields = _parse_object(body, max_prompt_bytes)
    has_id, has_context = fields.get("id") is not None, fields.get("context") is not None
    if has_id and has_context:
        raise InvalidRequest(
            "`id` and `context` are not allowed together: a conversation keeps its context",
            "context",
        )
    if not has_id and not has_context:
        raise InvalidRequest("needs `context` for a new conversation, or the `id` of one", "id")
    prompt = _parse_content(fields.get("prompt"), "prompt", max_prompt_bytes)
    if has_id:
        return TurnRequest(parse_id(fields["id"]), None, prompt)
    return TurnRequest(None, _parse_text(fields["context"], "context", max_prompt_bytes), prompt)


def parse_messages(body: bytes, max_prompt_bytes: int, now: float) -> list[Message]:
    """Parse the body of `POST /conversations/{id}/messages`.

    Units:  each content may have `max_prompt_bytes` in UTF-8; `now` is seconds since 1970.
    Errors: InvalidRequest and TooLarge, which name the field and what is allowed.
    """
    fields = _parse_object(body, max_prompt_bytes)
    _refuse_others(fields, ("messages",), "")
    given = fields.get("messages")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_MESSAGES:
        raise InvalidRequest(
            f"`messages` must be a list of 1 to {MOST_MESSAGES} messages", "messages"
        )
    return [
        _parse_message(message, f"messages[{place}]", max_prompt_bytes, now)
        for place, message in enumerate(given)
    ]


def _parse_message(fields: Any, name: str, max_prompt_bytes: int, now: float) -> Message:
    if not isinstance(fields, dict):
        raise InvalidRequest(f"`{name}` must be an object with `role` and `content`", name)
    _refuse_others(fields, ("role", "content", "created_at", "metadata"), f"{name}.")
    if fields.get("role") not in ROLES:
        raise InvalidRequest(f"`{name}.role` must be one of {', '.join(ROLES)}", f"{name}.role")
    return Message(
        fields["role"],
        _parse_content(fields.get("content"), f"{name}.content", max_prompt_bytes),
        _parse_time(fields.get("created_at"), f"{name}.created_at", now),
        _parse_metadata(fields.get("metadata"), f"{name}.metadata"),
    )


def _parse_time(value: Any, name: str, now: float) -> float | None:
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= now + MOST_AHEAD_S:
        raise InvalidRequest(f"`{name}` must be seconds since 1970, and not in the future", name)
    return float(value)


def _parse_metadata(value: Any, name: str) -> Mapping[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidRequest(f"`{name}` must be an object", name)
    _parse_text(json.dumps(value, ensure_ascii=False), name, MOST_METADATA_BYTES)
    return value


def parse_change(body: bytes, max_prompt_bytes: int) -> Change:
    """Parse the body of `PATCH /conversations/{id}`.

    Errors: InvalidRequest and TooLarge, which name the field and what is allowed.
    """
    names = ("context", "title", "pinned")
    fields = _parse_object(body, max_prompt_bytes)
    _refuse_others(fields, names, "")
    if not fields:
        raise InvalidRequest(f"needs at least one of {', '.join(names)}")
    context = None
    if "context" in fields:
        context = _parse_text(fields["context"], "context", max_prompt_bytes)
    title = _parse_title(fields["title"]) if "title" in fields else None
    return Change(context, title, _parse_pinned(fields))


@dataclass(frozen=True)
class MemoryChange:
    """What is to be changed of a memory; None leaves it as it is."""

    content: str | None
    is_pinned: bool | None


def parse_memory(body: bytes, max_prompt_bytes: int, now: float) -> Message:
    """Parse the body of `POST /memories`; without a role it is the user's.

    Errors: InvalidRequest and TooLarge, which name the field and what is allowed.
    """
    fields = _parse_object(body, max_prompt_bytes)
    _refuse_others(fields, ("content", "role", "created_at"), "")
    if fields.get("role", "user") not in SIDES:
        raise InvalidRequest(f"`role` must be one of {', '.join(SIDES)}", "role")
    return Message(
        fields.get("role", "user"),
        _parse_content(fields.get("content"), "content", max_prompt_bytes),
        _parse_time(fields.get("created_at"), "created_at", now),
    )


def parse_memory_change(body: bytes, max_prompt_bytes: int) -> MemoryChange:
    """Parse the body of `PATCH /memories/{memory_id}`.

    Errors: InvalidRequest and TooLarge, which name the field and what is allowed.
    """
    names = ("content", "pinned")
    fields = _parse_object(body, max_prompt_bytes)
    _refuse_others(fields, names, "")
    if not fields:
        raise InvalidRequest(f"needs at least one of {', '.join(names)}")
    content = None
    if "content" in fields:
        content = _parse_content(fields["content"], "content", max_prompt_bytes)
    return MemoryChange(content, _parse_pinned(fields))


def _parse_pinned(fields: Mapping[str, Any]) -> bool | None:
    if "pinned" not in fields:
        return None
    pinned = fields["pinned"]
    if not isinstance(pinned, bool):
        raise InvalidRequest("`pinned` must be true or false", "pinned")
    return pinned


def _parse_content(value: Any, name: str, max_prompt_bytes: int) -> str:
    content = _parse_text(value, name, max_prompt_bytes)
    if not content.strip():
        raise InvalidRequest(f"`{name}` must not be empty", name)
    return content


def _parse_title(value: Any) -> str:
    """Parse a title; null takes it away."""
    title = _parse_text("" if value is None else value, "title", MOST_METADATA_BYTES)
    if len(title) > MOST_TITLE_CHARACTERS:
        raise TooLarge(f"`title` may have up to {MOST_TITLE_CHARACTERS} characters", "title")
    return title


def _refuse_others(fields: Collection[str], allowed: tuple[str, ...], within: str) -> None:
    """Refuse fields that would be lost."""
    for name in fields:
        if name not in allowed:
            raise InvalidRequest(
                f"`{within}{name[:40]}` is not a field here; {', '.join(allowed)} are",
                f"{within}{name[:40]}",
            )


def _parse_object(body: bytes, max_prompt_bytes: int) -> dict[str, Any]:
    limit = 2 * max_prompt_bytes * BODY_BYTES_PER_PROMPT_BYTE + BODY_OVERHEAD_BYTES
    if len(body) > limit:
        raise TooLarge(f"the body has {len(body)} bytes; up to {limit} are allowed")
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body must be a JSON object in UTF-8") from error
    if not isinstance(fields, dict):
        raise InvalidRequest("the body must be a JSON object in UTF-8")
    return fields


def _parse_text(text: Any, name: str, most_bytes: int) -> str:
    if not isinstance(text, str):
        raise InvalidRequest(f"`{name}` must be a string", name)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            f"`{name}` must be Unicode text, without lone surrogates", name
        ) from error
    if size > most_bytes:
        raise TooLarge(f"`{name}` has {size} bytes; up to {most_bytes} are allowed", name)
    return text


def parse_id(value: Any) -> int:
    """Parse a conversation's id: a number, or its digits in a string.

    Errors: InvalidRequest.
    """
    if (
        isinstance(value, str)
        and value.isascii()
        and value.isdigit()
        and len(value) <= len(str(MAX_ID))
    ):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_ID:
        raise InvalidRequest(
            f"`id` must be a whole number from 1 to {MAX_ID}, or its digits in a string", "id"
        )
    return value
