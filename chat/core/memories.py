"""Decides what becomes a long-term memory: what was said, word for word, if it says enough."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chat.core.messages import SIDES, Memory, Place, Turn
from chat.core.owners import digest

NOTE = "note-"
"""What the id of a memory begins with that is no message."""
MEMORY_ID = re.compile(r"[0-9]{1,19}\.[0-9]{1,18}\.[0-9]{1,4}|note-[0-9a-f]{16}", re.ASCII)


@dataclass(frozen=True)
class LongTerm:
    """How long-term memories are kept and recalled.

    Units: `min_chars` and `max_chars` are characters: what is remembered has at least, and is shown
           up to so many. `max_distance` is a cosine distance; what is recalled is nearer. `most` is
           how many an owner has in Redis, 0 for no limit.
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
        """Say whether there are any."""
        return self.backend != "off"


NO_MEMORY = LongTerm("off", 0, 0, 0, 0.0, 0, "")


def make_memories(conversation_id: int, turns: Sequence[Turn], min_chars: int) -> list[Memory]:
    """Make memories of what the user and the assistant said, from `min_chars` on."""
    return [memory for turn in turns for memory in _memories_of(conversation_id, turn, min_chars)]


def _memories_of(conversation_id: int, turn: Turn, min_chars: int) -> Iterator[Memory]:
    for place, message, created_at in turn.placed():
        if message.role in SIDES and len(message.content) >= min_chars:
            yield Memory(
                id=memory_id(conversation_id, place),
                role=message.role,
                content=message.content,
                at=created_at,
                conversation_id=conversation_id,
            )


def memory_id(conversation_id: int, place: Place) -> str:
    """Name a memory after the message that it is."""
    return f"{conversation_id}.{place}"


def note_id(content: str) -> str:
    """Name a note after what it says."""
    return f"{NOTE}{digest('note', content)[:16]}"


def text_digest(text: str) -> str:
    """Name a text, to find the same again."""
    return digest("text", text)
