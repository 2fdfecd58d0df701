"""Parses what callers send."""

import json
from dataclasses import dataclass
from typing import Any

from chat.errors import InvalidRequest, TooLarge

MAX_ID = 2**63 - 1
"""The largest number that Redis counts to."""
BODY_BYTES_PER_PROMPT_BYTE = 6
"""A JSON escape of one byte takes up to six."""
BODY_OVERHEAD_BYTES = 1024


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
    limit = 2 * max_prompt_bytes * BODY_BYTES_PER_PROMPT_BYTE + BODY_OVERHEAD_BYTES
    if len(body) > limit:
        raise TooLarge(f"the body has {len(body)} bytes; up to {limit} are allowed")
    fields = _parse_object(body)
    has_id, has_context = fields.get("id") is not None, fields.get("context") is not None
    if has_id and has_context:
        raise InvalidRequest(
            "`id` and `context` are not allowed together: a conversation keeps its context",
            "context",
        )
    if not has_id and not has_context:
        raise InvalidRequest("needs `context` for a new conversation, or the `id` of one", "id")
    prompt = _parse_text(fields, "prompt", max_prompt_bytes)
    if not prompt.strip():
        raise InvalidRequest("`prompt` must not be empty", "prompt")
    if has_id:
        return TurnRequest(parse_id(fields["id"]), None, prompt)
    return TurnRequest(None, _parse_text(fields, "context", max_prompt_bytes), prompt)


def _parse_object(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body must be a JSON object in UTF-8") from error
    if not isinstance(fields, dict):
        raise InvalidRequest("the body must be a JSON object in UTF-8")
    return fields


def _parse_text(fields: dict[str, Any], name: str, most_bytes: int) -> str:
    text = fields.get(name)
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
