"""Gives an owner all that is kept of it, as lines that `chat.importing` takes back."""

import contextlib
from collections.abc import Iterator
from typing import Any

from chat.errors import UnknownConversation
from chat.messages import Memory, Message, Turn
from chat.ports import LongTermMemory, OwnedStore
from chat.reading import every_memory, every_summary, every_turn
from chat.settings import Settings

VERSION = 1
Line = dict[str, Any]


def export(
    store: OwnedStore, memory: LongTermMemory | None, settings: Settings, now: float
) -> Iterator[Line]:
    """Give a head, each conversation with its turns behind it, the memories, and an end.

    The end has the counts: without one, a file is not whole.
    Units:  all times are seconds since 1970.
    Errors: those of the ports.
    """
    conversations = turns = memories = 0
    yield {
        "type": "export",
        "version": VERSION,
        "exported_at": now,
        "settings": _settings(settings),
    }
    for summary in every_summary(store):
        lines: list[Line] = []
        with contextlib.suppress(UnknownConversation):  # it was forgotten meanwhile
            lines = _conversation(store, summary.id)
        conversations += min(1, len(lines))
        turns += max(0, len(lines) - 1)
        yield from lines
    for one in every_memory(memory) if memory else ():
        memories += 1
        yield _memory(one)
    yield {"type": "end", "conversations": conversations, "turns": turns, "memories": memories}


def _settings(settings: Settings) -> Line:
    return {
        "model": settings.model,
        "embedding_model": settings.embedding_model,
        "context_length": settings.context_length,
        "long_term": settings.long_term.backend,
    }


def _conversation(store: OwnedStore, conversation_id: int) -> list[Line]:
    """Lay out a conversation, and each of its turns."""
    summary = store.summarise(conversation_id)
    head: Line = {
        "type": "conversation",
        "id": summary.id,
        "title": summary.title,
        "context": summary.context,
        "created_at": summary.created_at,
        "active_at": summary.active_at,
        "turns": summary.turn_count,
        "pinned": summary.is_pinned,
    }
    return [head, *(_turn(summary.id, turn) for turn in every_turn(store, summary.id))]


def _turn(conversation_id: int, turn: Turn) -> Line:
    return {
        "type": "turn",
        "conversation_id": conversation_id,
        "number": turn.number,
        "at": turn.at,
        "messages": [_message(message) for message in turn.messages],
    }


def _message(message: Message | None) -> Line | None:
    """Lay out a message; one that was forgotten leaves its place."""
    if message is None:
        return None
    fields: Line = {"role": message.role, "content": message.content}
    if message.created_at is not None:
        fields["created_at"] = message.created_at
    if message.metadata is not None:
        fields["metadata"] = message.metadata
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
    }
