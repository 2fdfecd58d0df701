"""How heads of conversations are written in Redis, and how they are read."""

from collections.abc import Sequence
from typing import Any

from chat.core.errors import CorruptConversation
from chat.core.heads import Change, Summary
from chat.core.json_text import PARSE_ERRORS, NotJson, parse_own_json, render_compact
from chat.redis.records import parse_summary


def render_change(change: Change, context_tokens: int) -> list[str]:
    """Render a change as fields of the hash: names and values in turn."""
    fields = []
    if change.context is not None:
        fields += ["context", change.context, "context_tokens", str(context_tokens)]
    if change.title is not None:
        fields += ["title", change.title]
    if change.is_pinned is not None:
        fields += ["pinned", "1" if change.is_pinned else "0"]
    if change.metadata is not None:
        fields += ["metadata", render_compact(change.metadata)]
    return fields


def parse_reply(data: bytes) -> Any:
    """Parse a script's reply.

    Errors: CorruptConversation.
    """
    try:
        return parse_own_json(data)
    except NotJson as error:
        raise CorruptConversation from error


def parse_head(row: Sequence[Any]) -> Summary:
    """Parse one conversation from a script's reply, in which every value is text.

    Errors: CorruptConversation.
    """
    try:
        return Summary(
            id=int(row[0]),
            context=row[1],
            title=row[2] or None,
            created_at=float(row[3]),
            active_at=float(row[4]),
            turn_count=int(row[5]),
            message_count=int(row[10]) if row[10] else None,
            evicted_turns=int(row[6]),
            is_pinned=row[7] == "1",
            window_tokens=int(row[8]),
            expires_at=int(row[9]) or None,
            metadata=parse_own_json(row[11]) if row[11] else {},
            namespace=row[12] or None,
            summary=parse_summary(row[13]),
        )
    except PARSE_ERRORS as error:
        raise CorruptConversation from error
