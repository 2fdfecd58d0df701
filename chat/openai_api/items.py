"""Translates items of OpenAI's API to our messages, and back.

An item is a message, a tool call, or the output of one. Each is one of our messages. What our
messages cannot say is in their metadata, under `OWN`: the role `developer`, and that a text is a
refusal.

Source: OpenAI's API reference, "Items".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from chat.core.images import Image
from chat.core.messages import Message, Placed, Role
from chat.core.refusals import InvalidRequest, Unsupported
from chat.core.tool_calls import ToolCall
from chat.http.fields import parse_content, parse_text
from chat.http.image_fields import DETAILS, check_count, check_images, image_tokens, parse_image
from chat.http.tool_fields import parse_word
from chat.openai_api.ids import item_name
from chat.settings import Settings

OWN = "openai"
"""The field of a message's metadata that is this API's."""
ROLES: Mapping[str, Role] = {
    "user": "user", "assistant": "assistant", "system": "system", "developer": "system",
}  # fmt: skip
TEXT_PARTS = ("input_text", "output_text", "text")
TYPES = ("message", "function_call", "function_call_output")
Status = Literal["in_progress", "completed", "incomplete"]


def parse_items(
    given: Any, name: str, settings: Settings, most: int, *, least: int = 0
) -> list[Message]:
    """Parse a list of items.

    Errors: InvalidRequest, Unsupported and TooLarge; they name the field, as a field of `name`.
    """
    if not isinstance(given, list) or not least <= len(given) <= most:
        raise InvalidRequest(f"`{name}` must be a list of {least} to {most} items", name)
    return [parse_item(item, f"{name}[{at}]", settings) for at, item in enumerate(given)]


def parse_item(item: Any, name: str, settings: Settings) -> Message:
    """Parse an item; fields in it that say nothing to a model, as its id, are left out.

    Errors: InvalidRequest, Unsupported and TooLarge; they name the field, as a field of `name`.
    """
    if not isinstance(item, dict):
        raise InvalidRequest(f"`{name}` must be an object", name)
    max_bytes = settings.max_prompt_bytes
    match item.get("type", "message"):
        case "message":
            return _parse_message(item, name, settings)
        case "function_call":
            call = ToolCall(
                parse_word(item.get("call_id"), f"{name}.call_id"),
                parse_word(item.get("name"), f"{name}.name"),
                parse_text(item.get("arguments"), f"{name}.arguments", max_bytes),
            )
            return Message("assistant", "", calls=(call,))
        case "function_call_output":
            call_id = parse_word(item.get("call_id"), f"{name}.call_id")
            output = _parse_output(item.get("output"), f"{name}.output", max_bytes)
            return Message("tool", output, call_id=call_id)
        case kind:
            shown = f"`{kind[:40]}`" if isinstance(kind, str) else "this"
            raise Unsupported(
                f"items of the type {shown} are not kept here; {', '.join(TYPES)} are",
                f"{name}.type",
            )


def _parse_message(item: Mapping[str, Any], name: str, settings: Settings) -> Message:
    role = item.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise InvalidRequest(f"`{name}.role` must be one of {', '.join(ROLES)}", f"{name}.role")
    own: dict[str, Any] = {} if role == ROLES[role] else {"role": role}
    content, parts = item.get("content"), NO_PARTS
    if isinstance(content, list):
        tokens = image_tokens(settings) if role == "user" else None
        parts = _parse_parts(content, f"{name}.content", tokens)
        content = parts.text
        own |= {"refusal": True} if parts.is_refusal else {}
    parse = parse_text if parts.images else parse_content
    text = parse(content, f"{name}.content", settings.max_prompt_bytes)
    metadata = {OWN: own} if own else None
    return Message(ROLES[role], text, metadata=metadata, images=parts.images)


class _Parts(NamedTuple):
    """What the parts of a message say: their texts joined by line breaks, and their images."""

    text: str
    is_refusal: bool
    images: tuple[Image, ...]


NO_PARTS = _Parts("", is_refusal=False, images=())


def _parse_parts(parts: Sequence[Any], name: str, image_tokens: int | None = None) -> _Parts:
    """Parse parts; with None for `image_tokens`, there may be no images among them."""
    texts, images, is_refusal = [], [], False
    for at, part in enumerate(parts):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "input_image" and image_tokens is not None:
            images.append(_parse_image(part, f"{name}[{at}]", image_tokens))
            continue
        if kind == "refusal":
            texts.append(part.get("refusal"))
            is_refusal = True
        elif kind in TEXT_PARTS:
            texts.append(part.get("text"))
        else:
            raise _not_taken(kind, f"{name}[{at}]")
        if not isinstance(texts[-1], str):
            raise InvalidRequest(f"`{name}[{at}]` must have a text", f"{name}[{at}]")
    return _Parts("\n".join(texts), is_refusal, check_count(images, name))


def _parse_image(part: Mapping[str, Any], name: str, tokens: int) -> Image:
    check_images(tokens, name)
    if part.get("file_id") is not None:
        raise Unsupported(f"`{name}.file_id` is none: no files are kept here", f"{name}.file_id")
    return parse_image(part.get("image_url"), part.get("detail"), f"{name}.image_url", tokens)


def _parse_output(output: Any, name: str, max_bytes: int) -> str:
    if isinstance(output, list):
        output = _parse_parts(output, name).text
    return parse_text(output, name, max_bytes)


def _not_taken(kind: Any, name: str) -> InvalidRequest:
    shown = f"`{kind[:40]}`" if isinstance(kind, str) else "this"
    return Unsupported(f"parts of the type {shown} are not taken here", name)


def render_item(
    conversation_id: int, placed: Placed, status: Status = "completed"
) -> dict[str, Any]:
    """Render a message of a conversation as an item."""
    message = placed.message
    if message.calls:
        call = message.calls[0]
        return {
            "type": "function_call",
            "id": item_name("fc", conversation_id, placed.place),
            "call_id": call.id,
            "name": call.name,
            "arguments": call.arguments,
            "status": status,
        }
    if message.role == "tool" and message.call_id is not None:
        return {
            "type": "function_call_output",
            "id": item_name("fco", conversation_id, placed.place),
            "call_id": message.call_id,
            "output": message.content,
            "status": status,
        }
    return {
        "type": "message",
        "id": item_name("msg", conversation_id, placed.place),
        "role": _role_of(message),
        "status": status,
        "content": [
            *([] if message.images and not message.content else [render_part(message)]),
            *(_render_image(image) for image in message.images),
        ],
    }


def _render_image(image: Image) -> dict[str, Any]:
    detail = image.detail or DETAILS[0]
    return {"type": "input_image", "image_url": image.url, "file_id": None, "detail": detail}


def render_part(message: Message) -> dict[str, Any]:
    """Render a message's text as the one part of its content."""
    if message.role != "assistant":
        return {"type": "input_text", "text": message.content}
    if own_of(message).get("refusal") is True:
        return {"type": "refusal", "refusal": message.content}
    return output_text(message.content)


def output_text(text: str) -> dict[str, Any]:
    """Render a text of the model as a part."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _role_of(message: Message) -> str:
    """Return a message's role in this API."""
    is_developer = message.role == "system" and own_of(message).get("role") == "developer"
    return "developer" if is_developer else message.role


def own_of(message: Message) -> Mapping[str, Any]:
    """Return what this API has noted of a message; a caller may have written anything there."""
    own = (message.metadata or {}).get(OWN)
    return own if isinstance(own, dict) else {}
