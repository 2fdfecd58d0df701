"""Renders what callers are given."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from chat.errors import ChatError
from chat.turn import TurnResult


@dataclass(frozen=True)
class Response:
    """An HTTP response; header names in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def render_json(
    status: int, value: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """Render `value` as JSON, text as it is and not escaped."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return Response(status, body, {"content-type": "application/json", **(headers or {})})


def render_turn_result(result: TurnResult) -> Response:
    """Render a turn: the five fields of the contract, its end, and what the model saw."""
    usage = result.usage
    return render_json(
        200,
        {
            "id": result.conversation_id,
            "prompt": result.turn.prompt,
            "context": result.context,
            "reply": result.turn.reply,
            "numberOfTokens": usage.prompt_tokens + usage.generated_tokens,
            "expires_at": result.expires_at,
            "usage": asdict(usage),
        },
    )


def render_error(error: ChatError) -> Response:
    """Render an error in the one shape that all have."""
    shown = {"code": error.code, "message": str(error), "param": error.param}
    return render_json(error.status, {"error": shown}, error.headers)
