"""Parses the messages of a chat completion; each error names its field.

Source: OpenAI's API reference, `messages` of `POST /v1/chat/completions`.
"""

from collections.abc import Sequence
from typing import Any

from chat.core.messages import Message, Role
from chat.core.refusals import InvalidRequest, Unsupported
from chat.core.tool_calls import ToolCall
from chat.http.fields import parse_text, refuse_others
from chat.http.tool_fields import parse_calls, parse_word

ROLES: dict[str, Role] = {
    "developer": "system", "system": "system", "user": "user", "assistant": "assistant",
    "tool": "tool",
}  # fmt: skip
MAX_MESSAGES = 10_000
FIELDS: dict[str, tuple[str, ...]] = {
    "assistant": (
        "role", "content", "name", "tool_calls", "refusal", "annotations", "audio", "function_call",
    ),
    "tool": ("role", "content", "tool_call_id", "name"),
}  # fmt: skip
OTHER_FIELDS = ("role", "content", "name")
NOT_TAKEN = ("audio", "function_call")


def parse_chat_messages(value: Any, max_bytes: int) -> list[Message]:
    """Parse the messages.

    Units:  the text of each may have `max_bytes` in UTF-8.
    Errors: InvalidRequest, Unsupported and TooLarge.
    """
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_MESSAGES:
        allowed = f"a list of 1 to {MAX_MESSAGES} messages"
        raise InvalidRequest(f"`messages` must be {allowed}", "messages")
    said = [_parse_message(one, f"messages[{at}]", max_bytes) for at, one in enumerate(value)]
    check_outputs(said)
    return said


def check_outputs(said: Sequence[Message]) -> None:
    """Check that the outputs of all tool calls follow them at once, and that no others are there.

    Errors: InvalidRequest.
    """
    missing: set[str] = set()
    for at, message in enumerate(said):
        name = f"messages[{at}]"
        if message.call_id is not None:
            if message.call_id not in missing:
                raise InvalidRequest(
                    f"`{name}` must follow the message whose `tool_calls` have its "
                    "`tool_call_id`, and be its only output",
                    f"{name}.tool_call_id",
                )
            missing.discard(message.call_id)
        elif missing:
            raise _no_output(f"messages[{at - 1}]")
        missing |= {call.id for call in message.calls}
    if missing:
        raise _no_output(f"messages[{len(said) - 1}]")


def _no_output(name: str) -> InvalidRequest:
    problem = "a message with `tool_calls` must be followed by a `tool` message for each of them"
    return InvalidRequest(f"{problem}: behind `{name}` one is missing", name)


def _parse_message(fields: Any, name: str, max_bytes: int) -> Message:
    if not isinstance(fields, dict):
        raise InvalidRequest(f"`{name}` must be an object", name)
    role = fields.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise InvalidRequest(f"`{name}.role` must be one of {', '.join(ROLES)}", f"{name}.role")
    refuse_others(fields, FIELDS.get(role, OTHER_FIELDS), f"{name}.")
    for field in NOT_TAKEN:
        if fields.get(field) is not None:
            raise Unsupported(f"`{name}.{field}` is not supported", f"{name}.{field}")
    calls = parse_calls(fields.get("tool_calls"), f"{name}.tool_calls", max_bytes, _parse_call)
    content = fields.get("content")
    if content is None and role == "assistant":
        content = fields.get("refusal") or ""
    call_id = (
        parse_word(fields.get("tool_call_id"), f"{name}.tool_call_id") if role == "tool" else None
    )
    text = parse_parts(content, f"{name}.content", max_bytes)
    return Message(ROLES[role], text, calls=calls, call_id=call_id)


def parse_parts(content: Any, name: str, max_bytes: int) -> str:
    """Parse a text, or a list of parts: their texts become one, line by line.

    Errors: InvalidRequest and TooLarge; Unsupported for parts that are no text.
    """
    if not isinstance(content, list):
        return parse_text(content, name, max_bytes)
    texts = []
    for at, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in ("text", "refusal"):
            shown = f"`{kind[:40]}`" if isinstance(kind, str) else "this"
            problem = f"parts of the type {shown} are not taken; only texts are"
            raise Unsupported(problem, f"{name}[{at}]")
        texts.append(parse_text(part.get(kind), f"{name}[{at}].{kind}", max_bytes))
    return parse_text("\n".join(texts), name, max_bytes)


def _parse_call(fields: Any, name: str, max_bytes: int) -> ToolCall:
    function = fields.get("function") if isinstance(fields, dict) else None
    if not isinstance(function, dict):
        raise Unsupported(f"`{name}` must be a call of a function", name)
    return ToolCall(
        parse_word(fields.get("id"), f"{name}.id"),
        parse_word(function.get("name"), f"{name}.function.name"),
        parse_text(function.get("arguments"), f"{name}.function.arguments", max_bytes),
    )
