"""Parses the fields of tool calls."""

from collections.abc import Callable
from typing import Any

from chat.core.refusals import InvalidRequest
from chat.core.tool_calls import ToolCall
from chat.http.fields import parse_content, parse_text, refuse_others

MAX_WORD_BYTES = 256
"""The most bytes of a function's name, and of a call's id."""
MAX_CALLS = 100
"""The most calls that one message makes."""


def parse_word(value: Any, name: str) -> str:
    """Parse a function's name or a call's id.

    Errors: InvalidRequest and TooLarge.
    """
    return parse_content(value, name, MAX_WORD_BYTES)


def parse_call_id(value: Any, name: str) -> str | None:
    """Parse the id of the call whose output a message is; null becomes None.

    Errors: InvalidRequest and TooLarge.
    """
    return None if value is None else parse_word(value, name)


ParseCall = Callable[[Any, str, int], ToolCall]
"""Parses a call: its fields, its name in errors, and how many bytes its arguments may have."""


def parse_calls(
    value: Any, name: str, max_bytes: int, parse: ParseCall | None = None
) -> tuple[ToolCall, ...]:
    """Parse a list of tool calls; null becomes none. `parse` reads a call of another API.

    Units:  the arguments of each may have `max_bytes` in UTF-8.
    Errors: InvalidRequest and TooLarge; they name the field, as a field of `name`.
    """
    if value is None:
        return ()
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CALLS:
        raise InvalidRequest(f"`{name}` must be a list of 1 to {MAX_CALLS} calls", name)
    read = parse or _parse_call
    return tuple(read(call, f"{name}[{at}]", max_bytes) for at, call in enumerate(value))


def _parse_call(fields: Any, name: str, max_bytes: int) -> ToolCall:
    if not isinstance(fields, dict):
        raise InvalidRequest(f"`{name}` must be an object", name)
    refuse_others(fields, ("id", "name", "arguments"), f"{name}.")
    return ToolCall(
        parse_word(fields.get("id"), f"{name}.id"),
        parse_word(fields.get("name"), f"{name}.name"),
        parse_text(fields.get("arguments"), f"{name}.arguments", max_bytes),
    )
