"""How turns and results are written in Redis: as JSON, text as it is."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chat.errors import CorruptConversation
from chat.messages import Message, Turn, TurnResult, Usage

PARSE_ERRORS = (ValueError, KeyError, TypeError, AttributeError)
"""What reading something else as one of our records raises."""


def render_turn(turn: Turn) -> bytes:
    """Render a turn as one list element."""
    fields = {
        "n": turn.number,
        "messages": [None if m is None else _message_fields(m) for m in turn.messages],
        "prompt_tokens": turn.prompt_tokens,
        "reply_tokens": turn.reply_tokens,
        "at": turn.at,
        "measured": turn.is_measured,
    }
    return _render(fields)


def _message_fields(message: Message) -> dict[str, Any]:
    """Leave out what a message does not have; most have no time of their own, and no metadata."""
    fields = {"role": message.role, "content": message.content}
    own = {"created_at": message.created_at, "metadata": message.metadata}
    return fields | {name: value for name, value in own.items() if value is not None}


def parse_turns(data: bytes) -> tuple[Turn, ...]:
    """Parse a JSON list of rendered turns.

    Errors: CorruptConversation.
    """
    try:
        return tuple(
            Turn(
                number=int(fields["n"]),
                messages=tuple(_parse_message(m) for m in fields["messages"]),
                prompt_tokens=int(fields["prompt_tokens"]),
                reply_tokens=int(fields["reply_tokens"]),
                at=float(fields["at"]),
                is_measured=bool(fields["measured"]),
            )
            for fields in json.loads(data)
        )
    except PARSE_ERRORS as error:
        raise CorruptConversation from error


def _parse_message(fields: Mapping[str, Any] | None) -> Message | None:
    if fields is None:
        return None
    return Message(
        fields["role"], str(fields["content"]), fields.get("created_at"), fields.get("metadata")
    )


def render_result(result: TurnResult) -> bytes:
    """Render a result, to be given again."""
    return _render(asdict(result))


def parse_result(data: bytes) -> TurnResult:
    """Parse a rendered result.

    Errors: CorruptConversation.
    """
    try:
        fields = json.loads(data)
        return TurnResult(**{**fields, "usage": Usage(**fields["usage"])})
    except PARSE_ERRORS as error:
        raise CorruptConversation from error


def _render(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
