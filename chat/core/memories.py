"""Decides what becomes a long-term memory: each message, word for word, that is long enough."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chat.core.messages import SIDES, Memory, Place, Turn
from chat.core.owners import digest

NOTE = "note-"
"""The beginning of a memory's id if the memory was never a message."""
MEMORY_ID = re.compile(r"[0-9]{1,19}\.[0-9]{1,18}\.[0-9]{1,4}|note-[0-9a-f]{16}", re.ASCII)


@dataclass(frozen=True)
class LongTerm:
    """How long-term memories are kept and recalled.

    Units: `min_chars` is how many characters a text needs at least to be remembered, `max_chars`
           how many of them are shown at most. `max_distance` is a cosine distance: only memories
           nearer than that are recalled. `most` is how many memories an owner may have in Redis; 0
           means no limit.
    """

    backend: str
    min_chars: int
    max_chars: int
    per_turn: int
    max_distance: float
    most: int
    template: str = field(repr=False)

    @property
    def is_on(self) -> bool:
        """Whether this service keeps long-term memories."""
        return self.backend != "off"


NO_MEMORY = LongTerm("off", 0, 0, 0, 0.0, 0, "")


def make_memories(
    conversation_id: int, turns: Sequence[Turn], min_chars: int, namespace: str | None = None
) -> list[Memory]:
    """Make a memory of each message of user or assistant with at least `min_chars` characters."""
    return [
        memory
        for turn in turns
        for memory in _memories_of(conversation_id, turn, min_chars, namespace)
    ]


def _memories_of(
    conversation_id: int, turn: Turn, min_chars: int, namespace: str | None
) -> Iterator[Memory]:
    for place, message, created_at in turn.placed():
        if message.role in SIDES and len(message.content) >= min_chars:
            yield Memory(
                id=memory_id(conversation_id, place),
                role=message.role,
                content=message.content,
                at=created_at,
                conversation_id=conversation_id,
                namespace=namespace,
            )


def memory_id(conversation_id: int, place: Place) -> str:
    """Return the id of a memory that was made from a message."""
    return f"{conversation_id}.{place}"


def note_id(content: str) -> str:
    """Return the id of a note; notes with the same content have the same id."""
    return f"{NOTE}{digest('note', content)[:16]}"


def text_digest(text: str) -> str:
    """Return a digest of a text, by which the same text is found again."""
    return digest("text", text)
