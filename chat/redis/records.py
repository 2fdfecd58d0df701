"""How turns, memories, embeddings and results are written in Redis, and how replies are read."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from operator import attrgetter
from typing import Any

from chat.context.terms import memory_terms, turn_terms
from chat.core.errors import CorruptConversation, NewerSchema
from chat.core.images import Image
from chat.core.json_text import PARSE_ERRORS, parse_own_json, render_compact
from chat.core.matches import parse_matches
from chat.core.memories import text_digest
from chat.core.messages import (
    Commit,
    Conversation,
    Embedded,
    Found,
    Memory,
    Message,
    Turn,
    as_role,
    messages_of,
)
from chat.core.packed import Half, pack, unpack
from chat.core.schema import FIELD, FIRST, SCHEMA, check_schema
from chat.core.summaries import RunningSummary
from chat.core.tokens import EVIDENCE_TOKENS, UNKNOWN, Vocabulary
from chat.core.tool_calls import ToolCall
from chat.core.usage import Recalled, RecalledMemory, TurnResult, Usage
from chat.core.vectors import signature
from chat.redis.connection import Value, as_bytes, as_text

PLAIN_FIELDS = 5
"""The most fields of a message of text only; tool calls and images come behind them."""
NONE = b"[]"
PACKED = "*"
"""The first character of an embedding with one byte for each value."""
"""An empty list, as it is rendered."""


def render_turn(turn: Turn) -> bytes:
    """Render a turn as one list element; its number comes first, where scripts look for it."""
    fields = {
        "n": turn.number,
        "messages": [None if m is None else _as_list(m) for m in turn.messages],
        "tokens": [turn.prompt_tokens, turn.reply_tokens, turn.least_tokens],
        "at": turn.at,
        FIELD: SCHEMA,
    }
    return render_compact(fields).encode()


def _as_list(message: Message) -> list[Any]:
    """Return a message's fields, without those at the end that it does not have."""
    fields = list(message)
    while fields[-1] is None or fields[-1] == ():
        fields.pop()
    return fields


def parse_turns(data: bytes | str) -> tuple[Turn, ...]:
    """Parse a JSON list of rendered turns.

    Errors: CorruptConversation.
    """
    try:
        turns = tuple([_parse_turn(fields) for fields in parse_own_json(data)])
        "".join(map(attrgetter("content"), messages_of(turns)))  # raises if one is no text
    except PARSE_ERRORS as error:
        raise CorruptConversation from error
    return turns


def _parse_turn(fields: Mapping[str, Any]) -> Turn:
    if fields.get(FIELD, FIRST) > SCHEMA:  # as `check_schema`, for each of the hundreds in a window
        raise NewerSchema
    prompt_tokens, reply_tokens, least_tokens = fields["tokens"]
    messages = [
        Message(*m) if m and len(m) <= PLAIN_FIELDS else _parse_message(m)
        for m in fields["messages"]
    ]
    return Turn(
        int(fields["n"]),
        tuple(messages),
        int(prompt_tokens),
        int(reply_tokens),
        int(least_tokens),
        float(fields["at"]),
    )


def _parse_message(fields: Sequence[Any] | None) -> Message | None:
    """Parse a message with tool calls, or one that was forgotten."""
    if fields is None:
        return None
    role, content, created_at, metadata, receipt, calls, *more = fields
    made = tuple([ToolCall(*call) for call in calls])
    call_id = more[0] if more else None
    shown = tuple([Image(*image) for image in more[1]]) if len(more) > 1 else ()
    return Message(role, content, created_at, metadata, receipt, made, call_id, shown)


def render_terms(turns: Sequence[Turn]) -> bytes:
    """Render the number, the terms and the length of each turn, for the index."""
    if not turns:
        return NONE
    rows = []
    for turn in turns:
        terms = turn_terms(turn)
        rows.append([turn.number, terms, sum(terms.values())])
    return render_compact(rows).encode()


def render_embedding(embedding: Sequence[float]) -> str:
    """Render a unit vector as text: `*`, and base64 of its scale and of one byte for each value.

    384 values take 521 characters. It is text because a guest receives text in one copy, but bytes
    one by one.
    """
    return PACKED + base64.b64encode(pack(embedding)).decode() if embedding else ""


def parse_embedding(text: str) -> Sequence[float]:
    """Parse a rendered embedding; a text that is none becomes empty, which no embedding is near.

    Without the `*` it is base64 of values in half precision.
    """
    try:
        data = base64.b64decode(text.removeprefix(PACKED))
        if text.startswith(PACKED):
            return unpack(data)
    except ValueError:
        return ()
    return Half(data) if data and len(data) % 2 == 0 else ()


def render_memory(memory: Memory) -> bytes:
    """Render a memory, with the digest by which another memory with the same text is recognised."""
    fields = {
        "id": memory.id,
        "text": text_digest(memory.content),
        "role": memory.role,
        "content": memory.content,
        "at": memory.at,
        "conversation": memory.conversation_id,
        "pinned": memory.is_pinned,
        FIELD: SCHEMA,
    }
    if memory.namespace:
        fields["namespace"] = memory.namespace
    return render_compact(fields).encode()


def parse_memories(data: bytes | str) -> list[Memory]:
    """Parse a JSON list of rendered memories.

    Errors: CorruptConversation.
    """
    try:
        return [_parse_memory(row) for row in parse_own_json(data)]
    except PARSE_ERRORS as error:
        raise CorruptConversation from error


def _parse_memory(row: Mapping[str, Any]) -> Memory:
    check_schema(row)
    return Memory(
        str(row["id"]), as_role(row["role"]), str(row["content"]), float(row["at"]),
        row["conversation"], bool(row["pinned"]), row.get("namespace"),
    )  # fmt: skip


def render_embedded(embedded: Embedded, tag: str) -> list[Any]:
    """Render a memory as the scripts take it.

    Shapes: its id, time, digest, record, signature, embedding, terms, and how many terms.
    """
    memory, embedding = embedded.memory, embedded.embedding
    terms = memory_terms(memory)
    return [
        memory.id,
        repr(memory.at),
        text_digest(memory.content),
        render_memory(memory).decode(),
        tag + signature(embedding),
        render_embedding(embedding),
        terms,
        sum(terms.values()),
    ]


def render_embeddeds(embeddeds: Sequence[Embedded], tag: str) -> bytes:
    """Render memories as one JSON list."""
    if not embeddeds:
        return NONE
    return render_compact([render_embedded(e, tag) for e in embeddeds]).encode()


def render_result(result: TurnResult) -> bytes:
    """Render a result, to be returned if the request is sent again."""
    return render_compact({**asdict(result), FIELD: SCHEMA}).encode()


def parse_result(data: bytes) -> TurnResult:
    """Parse a rendered result.

    Errors: CorruptConversation.
    """
    try:
        fields = parse_own_json(data)
        check_schema(fields)
        fields.pop(FIELD, None)
        usage = dict(fields.pop("usage"))
        recalled = tuple(Recalled(**row) for row in usage.pop("recalled"))
        memories = tuple(RecalledMemory(**row) for row in usage.pop("memories"))
        evicted = tuple(usage.pop("evicted"))
        seen = Usage(**usage, evicted=evicted, recalled=recalled, memories=memories)
        return TurnResult(**fields, usage=seen)
    except PARSE_ERRORS as error:
        raise CorruptConversation from error


def render_profile(vocabulary: Vocabulary) -> str:
    """Render what is known of a model for all conversations with it; '' if that is nothing."""
    evidence = min(0, vocabulary.evidence_tokens)
    known = (EVIDENCE_TOKENS if vocabulary.is_large else evidence, vocabulary.pair_tokens)
    return f"{known[0]} {known[1]}" if any(known) else ""


def new_profile(conversation: Conversation, commit: Commit) -> str:
    """Render what a turn has shown of the model; '' if it is what was known before."""
    profile = render_profile(commit.vocabulary)
    return "" if profile == render_profile(conversation.vocabulary) else profile


def parse_profile(text: bytes) -> Vocabulary:
    """Parse a rendered profile.

    Errors: ValueError.
    """
    return Vocabulary(*map(int, text.split())) if text else UNKNOWN


def parse_summary(data: bytes | str) -> RunningSummary | None:
    """Parse a running summary; an empty text is none.

    Errors: CorruptConversation.
    """
    try:
        fields = parse_own_json(data) if data else None
        return RunningSummary(int(fields["last"]), str(fields["text"])) if fields else None
    except PARSE_ERRORS as error:
        raise CorruptConversation from error


def parse_conversation(owner: str, conversation_id: int, reply: Sequence[Value]) -> Conversation:
    """Parse the reply of `LOAD`.

    Errors: CorruptConversation.
    """
    *head, turns, found, scores, counted, postings = reply
    context, context_tokens, turn_count, active_at, pinned, *more = map(as_bytes, head)
    evidence_tokens, window_tokens, pair_tokens, namespace, summary, profile = more
    try:
        return Conversation(
            id=conversation_id,
            owner=owner,
            context=context.decode(),
            context_tokens=int(context_tokens),
            window_tokens=int(window_tokens),
            turn_count=int(turn_count),
            turns=parse_turns(as_text(turns)),
            active_at=float(active_at),
            is_pinned=pinned == b"1",
            vocabulary=Vocabulary(int(evidence_tokens), int(pair_tokens)).together_with(
                parse_profile(profile)
            ),
            found=tuple(
                Found(turn, float(score))
                for turn, score in zip(
                    parse_turns(as_text(found)), as_bytes(scores).split(), strict=True
                )
            ),
            matches=parse_matches(as_text(counted), as_text(postings)),
            namespace=namespace.decode() or None,
            summary=parse_summary(summary),
        )
    except ValueError as error:
        raise CorruptConversation from error
