"""Parses the fields of requests; each error names its field."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from chat.core.heads import Labels
from chat.core.json_text import nests_deeper, render_json_text
from chat.core.messages import ROLES, Message, Role, as_role
from chat.core.refusals import InvalidRequest, TooLarge

MAX_ID = 2**63 - 1
"""The largest number that Redis counts to."""
MAX_TITLE_CHARACTERS = 200
MAX_METADATA_BYTES = 4096
MAX_STORED_METADATA_BYTES = 64 * 1024
"""What an export may have of a message's metadata: labels of a response may stand there, too."""
SPEAKING = ("calls", "call_id", "images")
"""The fields beside the content with which a message says something."""
MAX_METADATA_DEPTH = 32
"""How deep a message's metadata may nest lists and objects.

It is less than JSON may nest, because stores and exports put metadata within a few more.
"""
MAX_LABELS, MAX_LABEL_NAME, MAX_LABEL = 16, 64, 512
"""How many labels a conversation may have, and how many characters their names and values."""
OTHER_ROLES: Mapping[str, Role] = {"llm": "assistant"}
"""Other words for roles: they are understood, and never given out.

Source: RedisVL's `SemanticMessageHistory`, whose messages have the role `llm`.
"""
MAX_NAMESPACE = 64
NAMESPACE = re.compile(rf"[A-Za-z0-9_.:-]{{1,{MAX_NAMESPACE}}}", re.ASCII)
"""A namespace: memories are recalled only in conversations of the same one."""
MAX_AHEAD_S = 300
"""How far a caller's clock may be ahead of this service's."""


def parse_message(
    fields: Any,
    name: str,
    max_prompt_bytes: int,
    now: float,
    more: tuple[str, ...] = (),
    *,
    max_metadata_bytes: int = MAX_METADATA_BYTES,
) -> Message:
    """Parse a message; fields in `more` are allowed, but not looked at.

    With one of `SPEAKING`, the content may be empty: there is something else to say.

    Units:  the content may have `max_prompt_bytes` in UTF-8; `now` is seconds since 1970.
    Errors: InvalidRequest and TooLarge; they name the field, as a field of `name`.
    """
    if not isinstance(fields, dict):
        raise InvalidRequest(f"`{name}` must be an object with `role` and `content`", name)
    refuse_others(fields, ("role", "content", "created_at", "metadata", *more), f"{name}.")
    parse = parse_text if any(fields.get(one) is not None for one in SPEAKING) else parse_content
    return Message(
        parse_role(fields.get("role"), f"{name}.role", ROLES),
        parse(fields.get("content"), f"{name}.content", max_prompt_bytes),
        parse_time(fields.get("created_at"), f"{name}.created_at", now),
        parse_metadata(fields.get("metadata"), f"{name}.metadata", max_metadata_bytes),
    )


def parse_role(value: Any, name: str, allowed: Sequence[Role]) -> Role:
    """Parse a role, or another word for one.

    Errors: InvalidRequest if it is none of `allowed`.
    """
    role = OTHER_ROLES.get(value, value) if isinstance(value, str) else value
    if role not in allowed:
        raise InvalidRequest(f"`{name}` must be one of {', '.join(allowed)}", name)
    return as_role(role)


def parse_time(value: Any, name: str, now: float) -> float | None:
    """Parse a time in seconds since 1970; null becomes None.

    Errors: InvalidRequest.
    """
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= now + MAX_AHEAD_S:
        raise InvalidRequest(f"`{name}` must be seconds since 1970, and not in the future", name)
    return float(value)


def parse_metadata(
    value: Any, name: str, max_bytes: int = MAX_METADATA_BYTES
) -> Mapping[str, Any] | None:
    """Parse an object whose fields are the caller's own choice; null becomes None.

    Errors: InvalidRequest and TooLarge.
    """
    if value is None:
        return None
    if not isinstance(value, dict):
        raise InvalidRequest(f"`{name}` must be an object", name)
    text = parse_text(render_json_text(value), name, max_bytes)
    if nests_deeper(text.encode(), MAX_METADATA_DEPTH):
        allowed = f"up to {MAX_METADATA_DEPTH} lists and objects in each other"
        raise InvalidRequest(f"`{name}` may have {allowed}", name)
    return value


def parse_labels(value: Any, name: str) -> Labels:
    """Parse a few pairs of short texts; null becomes none.

    Errors: InvalidRequest.
    Source: OpenAI's API reference, `metadata`.
    """
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MAX_LABELS:
        raise InvalidRequest(f"`{name}` must be an object with up to {MAX_LABELS} pairs", name)
    for key, label in value.items():
        text = parse_text(label, f"{name}.{key[:MAX_LABEL_NAME]}", MAX_METADATA_BYTES)
        parse_text(key, name, MAX_METADATA_BYTES)
        if len(key) > MAX_LABEL_NAME or len(text) > MAX_LABEL:
            allowed = f"names of up to {MAX_LABEL_NAME} characters, and values of up to {MAX_LABEL}"
            raise InvalidRequest(f"`{name}` may have {allowed}", name)
    return value


def parse_content(value: Any, name: str, max_prompt_bytes: int) -> str:
    """Parse a text that is not only white space.

    Errors: InvalidRequest and TooLarge.
    """
    content = parse_text(value, name, max_prompt_bytes)
    if not content.strip():
        raise InvalidRequest(f"`{name}` must not be empty", name)
    return content


def parse_title(value: Any) -> str:
    """Parse a title; null becomes an empty one, which removes the title."""
    title = parse_text("" if value is None else value, "title", MAX_METADATA_BYTES)
    if len(title) > MAX_TITLE_CHARACTERS:
        raise TooLarge(f"`title` may have up to {MAX_TITLE_CHARACTERS} characters", "title")
    return title


def parse_namespace(value: Any) -> str | None:
    """Parse a namespace; null becomes None.

    Errors: InvalidRequest.
    """
    if value is None:
        return None
    if not isinstance(value, str) or not NAMESPACE.fullmatch(value):
        raise InvalidRequest(
            f"`namespace` must be 1 to {MAX_NAMESPACE} letters from a to z, digits, and characters "
            "of _-.:",
            "namespace",
        )
    return value


def parse_pinned(fields: Mapping[str, Any]) -> bool | None:
    """Parse `pinned`; None if it is missing.

    Errors: InvalidRequest.
    """
    if "pinned" not in fields:
        return None
    pinned = fields["pinned"]
    if not isinstance(pinned, bool):
        raise InvalidRequest("`pinned` must be true or false", "pinned")
    return pinned


def refuse_others(fields: Collection[str], allowed: tuple[str, ...], within: str) -> None:
    """Refuse fields that are not `allowed`: they would be lost.

    Errors: InvalidRequest, which names the field with `within` before its name.
    """
    for name in fields:
        if name not in allowed:
            raise InvalidRequest(
                f"`{within}{name[:40]}` is not a field here; {', '.join(allowed)} are",
                f"{within}{name[:40]}",
            )


def parse_text(text: Any, name: str, max_bytes: int) -> str:
    """Parse a text.

    Errors: InvalidRequest and TooLarge.
    """
    if not isinstance(text, str):
        raise InvalidRequest(f"`{name}` must be a string", name)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            f"`{name}` must be Unicode text, without lone surrogates", name
        ) from error
    if size > max_bytes:
        raise TooLarge(f"`{name}` has {size} bytes; up to {max_bytes} are allowed", name)
    return text


def parse_id(value: Any) -> int:
    """Parse a conversation's id: a number, or its digits in a string.

    A number such as `1.0` is taken for a whole one, because JSON does not tell the two apart.
    Errors: InvalidRequest.
    """
    if (
        isinstance(value, str)
        and value.isascii()
        and value.isdigit()
        and len(value) <= len(str(MAX_ID))
    ):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_ID:
        raise InvalidRequest(
            f"`id` must be a whole number from 1 to {MAX_ID}, or its digits in a string", "id"
        )
    return value
