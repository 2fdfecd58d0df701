"""Renders and parses records, which stand in lists side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chat.core.errors import CorruptConversation

NUMBER_BYTES = 24
"""What a value of an embedding takes at most, as JSON."""
MADE_BY = "made_by"
"""What made the embedding of a record; as a label of a collection, of all its memories."""
Metadata = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True)
class Record:
    """What stands in a collection; without a distance where it was not searched for."""

    id: str
    document: str
    metadata: Metadata
    embedding: Sequence[float] = ()
    distance: float = 0.0


def render_rows(records: Sequence[Record], made_by: str) -> Mapping[str, Any]:
    """Render records; with an embedding goes what made it."""
    return {
        "ids": [record.id for record in records],
        "documents": [record.document for record in records],
        "metadatas": [
            {**record.metadata, MADE_BY: made_by} if record.embedding else record.metadata
            for record in records
        ],
        "embeddings": [list(record.embedding) or None for record in records],
    }


def parse_rows(reply: Mapping[str, Any], *names: str) -> list[Record]:
    """Parse what stands in lists side by side: ids, documents, metadatas, maybe distances."""
    try:
        rows = zip(*(_as_list(reply.get(name)) for name in names), strict=True)
        return [_parse_row(*row) for row in rows]
    except (ValueError, TypeError) as error:
        raise CorruptConversation from error


def _as_list(value: Any) -> list[Any]:
    """Errors: CorruptConversation for what is neither a list nor null."""
    if not isinstance(value, list | None):
        raise CorruptConversation
    return value or []


def _parse_row(name: Any, document: Any, metadata: Any, distance: Any = 0.0) -> Record:
    """Errors: TypeError for what is no record."""
    is_record = isinstance(name, str) and isinstance(metadata, dict | None)
    if not is_record or not isinstance(document, str | None):
        raise TypeError
    return Record(name, document or "", metadata or {}, (), as_number(distance))


def as_number(value: Any) -> float:
    """Take a number, and no text that reads as one.

    Errors: TypeError.
    """
    if type(value) not in {int, float}:
        raise TypeError
    return float(value)


def record_bytes(record: Record) -> int:
    """Estimate what a record takes in a request."""
    texts = (record.id, record.document, *map(str, record.metadata.values()))
    return sum(len(text.encode()) for text in texts) + len(record.embedding) * NUMBER_BYTES
