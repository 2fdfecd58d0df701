"""Parses the messages of a chat completion; each error names its field.

Source: OpenAI's API reference, `messages` of `POST /v1/chat/completions`.
"""

from collections.abc import Sequence
from typing import Any

from chat.core.images import Image
from chat.core.messages import Message, Role
from chat.core.refusals import InvalidRequest, Unsupported
from chat.core.tool_calls import ToolCall
from chat.http.fields import parse_text, refuse_others
from chat.http.image_fields import check_count, check_images, image_tokens, parse_image
from chat.http.tool_fields import parse_calls, parse_word
from chat.settings import Settings

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


def parse_chat_messages(value: Any, settings: Settings) -> list[Message]:
    """Parse the messages.

    Errors: InvalidRequest, Unsupported and TooLarge.
    """
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_MESSAGES:
        allowed = f"a list of 1 to {MAX_MESSAGES} messages"
        raise InvalidRequest(f"`messages` must be {allowed}", "messages")
    said = [_parse_message(one, f"messages[{at}]", settings) for at, one in enumerate(value)]
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


def _parse_message(fields: Any, name: str, settings: Settings) -> Message:
    if not isinstance(fields, dict):
        raise InvalidRequest(f"`{name}` must be an object", name)
    role = fields.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise InvalidRequest(f"`{name}.role` must be one of {', '.join(ROLES)}", f"{name}.role")
    refuse_others(fields, FIELDS.get(role, OTHER_FIELDS), f"{name}.")
    for field in NOT_TAKEN:
        if fields.get(field) is not None:
            raise Unsupported(f"`{name}.{field}` is not supported", f"{name}.{field}")
    max_bytes = settings.max_prompt_bytes
    calls = parse_calls(fields.get("tool_calls"), f"{name}.tool_calls", max_bytes, _parse_call)
    content = fields.get("content")
    if content is None and role == "assistant":
        content = fields.get("refusal") or ""
    call_id = (
        parse_word(fields.get("tool_call_id"), f"{name}.tool_call_id") if role == "tool" else None
    )
    tokens = image_tokens(settings) if role == "user" else None
    text, images = parse_parts(content, f"{name}.content", max_bytes, tokens)
    return Message(ROLES[role], text, calls=calls, call_id=call_id, images=images)


def parse_parts(
    content: Any, name: str, max_bytes: int, image_tokens: int | None = None
) -> tuple[str, tuple[Image, ...]]:
    """Parse a text, or a list of parts: their texts become one, line by line.

    With None for `image_tokens`, there may be no images among them.
    Errors: InvalidRequest and TooLarge; Unsupported for parts that are not taken.
    """
    if not isinstance(content, list):
        return parse_text(content, name, max_bytes), ()
    texts, images = [], []
    for at, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "image_url" and image_tokens is not None:
            images.append(_parse_image(part.get(kind), f"{name}[{at}]", image_tokens))
        elif kind in ("text", "refusal"):
            texts.append(parse_text(part.get(kind), f"{name}[{at}].{kind}", max_bytes))
        else:
            shown = f"`{kind[:40]}`" if isinstance(kind, str) else "this"
            raise Unsupported(f"parts of the type {shown} are not taken here", f"{name}[{at}]")
    return parse_text("\n".join(texts), name, max_bytes), check_count(images, name)


def _parse_image(fields: Any, name: str, tokens: int) -> Image:
    check_images(tokens, name)
    if not isinstance(fields, dict):
        raise InvalidRequest(f"`{name}.image_url` must be an object", f"{name}.image_url")
    refuse_others(fields, ("url", "detail"), f"{name}.image_url.")
    return parse_image(fields.get("url"), fields.get("detail"), f"{name}.image_url.url", tokens)


def _parse_call(fields: Any, name: str, max_bytes: int) -> ToolCall:
    function = fields.get("function") if isinstance(fields, dict) else None
    if not isinstance(function, dict):
        raise Unsupported(f"`{name}` must be a call of a function", name)
    return ToolCall(
        parse_word(fields.get("id"), f"{name}.id"),
        parse_word(function.get("name"), f"{name}.function.name"),
        parse_text(function.get("arguments"), f"{name}.function.arguments", max_bytes),
    )
