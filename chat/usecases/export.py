"""Exports all that is kept of an owner, as lines that `chat.usecases.take_back` can import."""

import math
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

from chat.core.errors import CorruptConversation
from chat.core.heads import Head
from chat.core.messages import Memory, Message, Turn
from chat.core.receipts import parse_receipt, usage_fields
from chat.core.refusals import UnknownConversation, UnknownMemory
from chat.settings import Settings
from chat.usecases.memory_port import LongTermMemory
from chat.usecases.read_messages import every_memory
from chat.usecases.snapshots import Snapshot, Snapshots

FORMAT_VERSION = 1
Line = dict[str, Any]


async def export(
    snapshots: Snapshots,
    memory: LongTermMemory | None,
    settings: Settings,
    now: float,
    namespace: str | None = None,
) -> AsyncIterator[Line]:
    """Yield a head, each conversation followed by its turns, the memories, and an end line.

    With a `namespace`, only its conversations and memories are exported.
    A conversation is as it was at one moment: it is read whole before its first line is yielded.
    Later turns are left out, and so are their memories. A conversation that is forgotten while it
    is read is left out, and so is one that is damaged. The end line has the counts, and the ids of
    damaged conversations: a file without an end line is not whole.
    Units:  all times are seconds since 1970.
    Errors: those of the ports.
    """
    counts: Counter[str] = Counter()
    damaged: list[int] = []
    yield {
        "type": "export",
        "version": FORMAT_VERSION,
        "exported_at": now,
        "settings": _settings(settings),
    }
    async for line in _kept(snapshots, memory, namespace, damaged):
        counts[line["type"]] += 1
        yield line
    end: Line = {
        "type": "end",
        "conversations": counts["conversation"],
        "turns": counts["turn"],
        "memories": counts["memory"],
    }
    yield end | ({"damaged": damaged} if damaged else {})


async def _kept(
    snapshots: Snapshots,
    memory: LongTermMemory | None,
    namespace: str | None,
    damaged: list[int],
) -> AsyncIterator[Line]:
    """Yield the lines of conversations and memories; add the ids of damaged conversations."""
    last_numbers: dict[int, float] = {}
    async for snapshot in _snapshots(snapshots, namespace, damaged):
        last_numbers[snapshot.head.id] = snapshot.head.turn_count
        for line in _conversation(snapshot):
            yield line
    last_numbers |= dict.fromkeys(damaged, math.inf)
    if memory:
        found = every_memory(memory, namespace)
        async for one in _memories(snapshots, memory, found, last_numbers):
            yield _memory(one)


async def _snapshots(
    snapshots: Snapshots, namespace: str | None, damaged: list[int]
) -> AsyncIterator[Snapshot]:
    """Yield the conversations that are there; add the ids of those that are damaged."""
    for conversation_id in await snapshots.list_ids(namespace):
        try:
            snapshot = await snapshots.read(conversation_id)
        except UnknownConversation:  # it expired or was forgotten meanwhile
            continue
        except CorruptConversation:
            damaged.append(conversation_id)
            continue
        yield snapshot


async def _memories(
    snapshots: Snapshots,
    memory: LongTermMemory,
    found: AsyncIterator[Memory],
    last_numbers: dict[int, float],
) -> AsyncIterator[Memory]:
    """Yield notes, and memories of turns that were exported or whose conversation has expired.

    Shapes: `last_numbers` has the last exported turn's number by conversation id; conversations
            that were not exported are added to it. Memories of damaged ones are exported.
    """
    async for one in found:
        of = one.conversation_id
        if of is not None and of not in last_numbers:
            last_numbers[of] = math.inf if await _has_outlived(snapshots, memory, one, of) else 0
        if of is None or int(one.id.split(".")[1]) <= last_numbers[of]:
            yield one


async def _has_outlived(
    snapshots: Snapshots, memory: LongTermMemory, one: Memory, conversation_id: int
) -> bool:
    """Whether a memory's conversation has expired.

    If it is there now, it began later. If the memory has gone meanwhile, too, both were forgotten.
    """
    if await snapshots.is_there(conversation_id):
        return False
    try:
        await memory.get(one.id)
    except UnknownMemory:
        return False
    return True


def _settings(settings: Settings) -> Line:
    return {
        "model": settings.model,
        "embedding_model": settings.embedding_model,
        "context_length": settings.context_length,
        "long_term": settings.long_term.backend,
    }


def _conversation(snapshot: Snapshot) -> Iterator[Line]:
    """Yield the line of a conversation, and one for each of its turns."""
    head: Head = snapshot.head
    yield {
        "type": "conversation",
        "id": head.id,
        "title": head.title,
        "context": head.context,
        "created_at": head.created_at,
        "active_at": head.active_at,
        "turns": head.turn_count,
        "messages": sum(len(turn.shown()) for turn in snapshot.turns),
        "pinned": bool(head.is_pinned),
        **({"metadata": head.metadata} if head.metadata else {}),
        "namespace": head.namespace,
    }
    for turn in snapshot.turns:
        yield _turn(head.id, turn)


def _turn(conversation_id: int, turn: Turn) -> Line:
    return {
        "type": "turn",
        "conversation_id": conversation_id,
        "number": turn.number,
        "at": turn.at,
        "messages": [_message(message) for message in turn.messages],
    }


def _message(message: Message | None) -> Line | None:
    """Return the fields of a message; None keeps the place of a forgotten one."""
    if message is None:
        return None
    fields: Line = {"role": message.role, "content": message.content}
    if message.created_at is not None:
        fields["created_at"] = message.created_at
    if message.metadata is not None:
        fields["metadata"] = message.metadata
    if message.calls:
        fields["calls"] = [call._asdict() for call in message.calls]
    if message.call_id is not None:
        fields["call_id"] = message.call_id
    if message.images:
        fields["images"] = [{"url": one.url, "detail": one.detail} for one in message.images]
    usage = parse_receipt(message.receipt) if message.receipt else None
    if usage:
        fields["usage"] = usage_fields(usage)
    return fields


def _memory(memory: Memory) -> Line:
    return {
        "type": "memory",
        "id": memory.id,
        "role": memory.role,
        "content": memory.content,
        "created_at": memory.at,
        "conversation_id": memory.conversation_id,
        "pinned": memory.is_pinned,
        "namespace": memory.namespace,
    }
