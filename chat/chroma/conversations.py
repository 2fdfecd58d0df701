"""Keeps an owner's conversations whole in Chroma: Redis can be rebuilt from it.

A conversation's head is a record whose id is the conversation's. Each message is a record, whose id
is the one that the message has as a memory. `at` is the time of the message's turn, and `said_at`
is the message's own time.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from chat.chroma.collection import RECORDS_A_CALL, Collection
from chat.chroma.memories import IN_NAMESPACE, ChromaMemory, is_memory, mark_of
from chat.chroma.rows import MADE_BY, Metadata, Record, as_number
from chat.context.budget import bounded_turn
from chat.core.errors import CorruptConversation
from chat.core.heads import Head
from chat.core.images import Image
from chat.core.json_text import PARSE_ERRORS, parse_json, render_json_text
from chat.core.memories import make_memories, memory_id, text_digest
from chat.core.messages import Message, Place, Placed, Turn, as_role
from chat.core.schema import FIELD, SCHEMA, check_schema
from chat.core.tool_calls import ToolCall
from chat.usecases.durable_ports import Ahead
from chat.usecases.ports import Embedder

NO_MESSAGES = "no messages"
"""The text that is embedded for a head that is written without messages."""
NO_TEXT = "no text"
"""The text that is embedded for a tool's output that has none."""
OF_MEMORY = ("digest", "pinned", "restated", "namespace", IN_NAMESPACE, MADE_BY)
"""The fields of a message that it has as a memory, and the one that is written anew."""
GOING: Metadata = {"going": True}
"""The mark of a head whose conversation is being forgotten."""


class ChromaDurableStore:
    """The `DurableStore` port over an owner's collection."""

    def __init__(
        self, collection: Collection, memory: ChromaMemory, embedder: Embedder, min_chars: int
    ) -> None:
        """Take the `memory` in the same collection.

        `min_chars` is how many characters a message needs to become a memory.
        """
        self._collection = collection
        self._memory = memory
        self._embedder = embedder
        self._min_chars = min_chars

    async def append(
        self, head: Head, turns: Sequence[Turn], *, is_remembered: bool = True
    ) -> None:
        said = [(turn, placed) for turn in turns for placed in turn.placed()]
        texts = [placed.message.text or NO_TEXT for _, placed in said]
        embeddings = await self._embedder.embed(texts)
        new = await self._new_memories(head, turns) if is_remembered else {}
        records = []
        for (turn, placed), embedding in zip(said, embeddings, strict=True):
            name = memory_id(head.id, placed.place)
            metadata = _message_metadata(head.id, turn, placed)
            if name in new:
                metadata |= mark_of(head.namespace, new[name])
            records.append(Record(name, placed.message.content, metadata, embedding))
        known = {name: value for name, value in _head_metadata(head).items() if value is not None}
        of_head = embeddings or await self._embedder.embed([NO_MESSAGES])  # every record needs one
        records.append(Record(str(head.id), head.context, known, of_head[0]))
        await self._collection.write(records)

    async def _new_memories(self, head: Head, turns: Sequence[Turn]) -> dict[str, str]:
        """Return the digests of the texts that become memories, by the memory's id.

        A text that another memory has already is left out.
        """
        memories = make_memories(head.id, turns, self._min_chars)
        said = [memory.content for memory in memories]
        known = await self._memory.holders(said, head.namespace)
        first = {text_digest(memory.content): memory.id for memory in reversed(memories)}
        return {name: digest for digest, name in first.items() if digest not in known}

    async def look(self, conversation_id: int, next_number: int) -> Ahead:
        """Return how much of a conversation is there, in one request."""
        head, turn = str(conversation_id), memory_id(conversation_id, Place(next_number, 0))
        there = {record.id: record for record in await self._collection.take([head, turn])}
        turn_count = parse_head(there[head]).turn_count if head in there else 0
        return Ahead(turn_count, turn in there)

    async def load_head(self, conversation_id: int) -> Head | None:
        found = await self._collection.take([str(conversation_id)])
        return parse_head(found[0]) if found and not _is_going(found[0]) else None

    async def load_heads(self) -> list[Head]:
        found = self._collection.every({"kind": "conversation"})
        return [parse_head(record) async for record in found if not _is_going(record)]

    async def load_turns(self, conversation_id: int) -> list[Turn]:
        wanted = {"$and": [{"kind": "message"}, {"conversation": conversation_id}]}
        return parse_turn_records([record async for record in self._collection.every(wanted)])

    async def copy(self, conversation_id: int, head: Head, before: Place | None) -> None:
        """Copy page by page, with the embeddings that the messages have; the head comes last."""
        wanted = {"$and": [
            {"kind": "message"}, {"conversation": conversation_id},
            {"turn": {"$lte": head.turn_count}},
        ]}  # fmt: skip
        last = before or Place(head.turn_count + 1, 0)
        of_head: Sequence[float] = ()
        page: list[Record] = []
        async for record in self._collection.every(wanted, has_embeddings=True):
            if _place_of(record) < (last.turn_number, last.index):
                page.append(_copied(record, head.id))
                of_head = record.embedding
            if len(page) == RECORDS_A_CALL:
                await self._collection.write(page)
                page = []
        if not of_head:
            of_head = (await self._embedder.embed([NO_MESSAGES]))[0]
        page.append(Record(str(head.id), head.context, _head_metadata(head), of_head))
        await self._collection.write(page)

    async def change(self, head: Head) -> None:
        await self._collection.amend([Record(str(head.id), head.context, _head_metadata(head))])

    async def forget(self, conversation_id: int) -> tuple[int, int]:
        """Forget a conversation, and its head last; return how many records and memories it had.

        Requests that read it meanwhile see by the head's mark that it is being forgotten.
        """
        found = self._collection.every({"conversation": conversation_id})
        records = [record async for record in found]
        head = str(conversation_id)
        await self._collection.amend(
            [dataclasses.replace(r, metadata=GOING, embedding=()) for r in records if r.id == head]
        )
        await self._collection.remove([record.id for record in records if record.id != head])
        await self._collection.remove([head])
        memories = sum(map(is_memory, records))
        return len(records), memories

    async def cut(self, conversation_id: int, begin: Place) -> int:
        wanted = {"$and": [
            {"kind": "message"}, {"conversation": conversation_id},
            {"turn": {"$gte": begin.turn_number}},
        ]}  # fmt: skip
        first = (begin.turn_number, begin.index)
        found = [one async for one in self._collection.every(wanted) if _place_of(one) >= first]
        await self._collection.remove([record.id for record in found])
        return sum(map(is_memory, found))

    async def forget_message(self, conversation_id: int, place: Place) -> None:
        await self._collection.remove([memory_id(conversation_id, place)])


def _message_metadata(
    conversation_id: int, turn: Turn, placed: Placed
) -> dict[str, str | int | float | bool | None]:
    place, message, said_at = placed
    extra = None if message.metadata is None else render_json_text(message.metadata)
    return {
        "kind": "message",
        "conversation": conversation_id,
        "turn": place.turn_number,
        "index": place.index,
        "role": message.role,
        "at": turn.at,
        "said_at": said_at,
        "has_time": message.created_at is not None,
        "extra": extra,
        "receipt": message.receipt,
        "calls": render_json_text(message.calls) if message.calls else None,
        "call_id": message.call_id,
        "images": render_json_text(message.images) if message.images else None,
        "memory": False,
        FIELD: SCHEMA,
    }


def _copied(record: Record, conversation_id: int) -> Record:
    """Return a message's record as one of another conversation; it is no memory there."""
    number, index = _place_of(record)
    shown = {name: value for name, value in record.metadata.items() if name not in OF_MEMORY}
    return dataclasses.replace(
        record,
        id=memory_id(conversation_id, Place(number, index)),
        metadata={**shown, "conversation": conversation_id, "memory": False, FIELD: SCHEMA},
    )


def _head_metadata(head: Head) -> Metadata:
    return {
        "kind": "conversation",
        "conversation": head.id,
        "created_at": head.created_at,
        "active_at": head.active_at,
        "turns": head.turn_count,
        "memory": False,
        "going": False,
        "title": head.title,
        "pinned": head.is_pinned,
        "extra": None if head.metadata is None else render_json_text(head.metadata),
        "namespace": head.namespace,
        FIELD: SCHEMA,
    }


def _is_going(record: Record) -> bool:
    return record.metadata.get("going") is True


def parse_head(record: Record) -> Head:
    """Parse a conversation's record.

    Errors: CorruptConversation.
    """
    metadata: Mapping[str, Any] = record.metadata
    try:
        check_schema(metadata)
        return Head(
            id=int(record.id),
            context=record.document or "",
            created_at=as_number(metadata["created_at"]),
            active_at=as_number(metadata["active_at"]),
            turn_count=int(metadata["turns"]),
            title=metadata.get("title"),
            is_pinned=metadata.get("pinned") is True,
            metadata=parse_json(metadata["extra"]) if metadata.get("extra") else None,
            namespace=metadata.get("namespace"),
        )
    except PARSE_ERRORS as error:
        raise CorruptConversation from error


def parse_turn_records(records: Sequence[Record]) -> list[Turn]:
    """Return the turns that a conversation's messages make, the oldest first.

    Errors: CorruptConversation.
    """
    try:
        ordered = sorted(records, key=_place_of)
        return [
            _make_turn(number, list(of_turn))
            for number, of_turn in groupby(ordered, key=lambda record: _place_of(record)[0])
        ]
    except PARSE_ERRORS as error:
        raise CorruptConversation from error


def _place_of(record: Record) -> tuple[int, int]:
    metadata: Mapping[str, Any] = record.metadata
    return int(metadata["turn"]), int(metadata["index"])


def _make_turn(number: int, records: Sequence[Record]) -> Turn:
    """Make a turn; a message without a record was forgotten."""
    there = {_place_of(record)[1]: _parse_message(record) for record in records}
    at: Any = records[0].metadata["at"]
    return bounded_turn(number, [there.get(i) for i in range(max(there) + 1)], as_number(at))


def _parse_message(record: Record) -> Message:
    metadata: Mapping[str, Any] = record.metadata
    check_schema(metadata)
    extra = metadata.get("extra")
    return Message(
        as_role(metadata["role"]),
        record.document,
        as_number(metadata["said_at"]) if metadata["has_time"] else None,
        parse_json(extra) if extra else None,
        metadata.get("receipt"),
        tuple(ToolCall(*call) for call in parse_json(metadata.get("calls") or "[]")),
        metadata.get("call_id"),
        tuple(Image(*image) for image in parse_json(metadata.get("images") or "[]")),
    )
