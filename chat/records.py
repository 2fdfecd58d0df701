"""How turns and results are written in Redis: as JSON, text as it is."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from chat.errors import CorruptConversation
from chat.messages import Message, Recalled, Turn, TurnResult, Usage
from chat.recall import turn_terms

PARSE_ERRORS = (ValueError, KeyError, TypeError, AttributeError)
"""What reading something else as one of our records raises."""


def render_turn(turn: Turn) -> bytes:
    """Render a turn as one list element; its number stands first, where scripts look for it."""
    fields = {
        "n": turn.number,
        "messages": [None if m is None else _as_list(m) for m in turn.messages],
        "tokens": [turn.prompt_tokens, turn.reply_tokens, turn.least_tokens],
        "at": turn.at,
    }
    return _render(fields)


def _as_list(message: Message) -> list[Any]:
    """Leave out what most messages do not have: a time of their own, and metadata."""
    has_more = message.created_at is not None or message.metadata is not None
    return list(message if has_more else message[:2])


def parse_turns(data: bytes | str) -> tuple[Turn, ...]:
    """Parse a JSON list of rendered turns.

    Errors: CorruptConversation.
    """
    try:
        return tuple([_parse_turn(fields) for fields in json.loads(data)])
    except PARSE_ERRORS as error:
        raise CorruptConversation from error


def _parse_turn(fields: Mapping[str, Any]) -> Turn:
    prompt_tokens, reply_tokens, least_tokens = fields["tokens"]
    messages = tuple([None if m is None else Message(*m) for m in fields["messages"]])
    "".join([message.content for message in messages if message])  # raises if one is no text
    return Turn(
        int(fields["n"]),
        messages,
        int(prompt_tokens),
        int(reply_tokens),
        int(least_tokens),
        float(fields["at"]),
    )


def render_terms(turns: Sequence[Turn]) -> bytes:
    """Render number, terms and length of turns, for the index."""
    rows = []
    for turn in turns:
        terms = turn_terms(turn)
        rows.append([turn.number, terms, sum(terms.values())])
    return json.dumps(rows, ensure_ascii=False).encode()


def render_embedding(embedding: Sequence[float]) -> bytes:
    """Render a unit vector in half precision, little-endian: 768 bytes for 384 values."""
    return struct.pack(f"<{len(embedding)}e", *embedding)


def parse_embedding(data: bytes) -> tuple[float, ...]:
    """Parse a rendered embedding; one that is none is empty, and nothing is like it."""
    count, rest = divmod(len(data), 2)
    return () if rest else struct.unpack(f"<{count}e", data)


def render_result(result: TurnResult) -> bytes:
    """Render a result, to be given again."""
    return _render(asdict(result))


def parse_result(data: bytes) -> TurnResult:
    """Parse a rendered result.

    Errors: CorruptConversation.
    """
    try:
        fields = json.loads(data)
        usage = dict(fields.pop("usage"))
        recalled = tuple(Recalled(**row) for row in usage.pop("recalled"))
        evicted = tuple(usage.pop("evicted"))
        return TurnResult(**fields, usage=Usage(**usage, evicted=evicted, recalled=recalled))
    except PARSE_ERRORS as error:
        raise CorruptConversation from error


def _render(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
