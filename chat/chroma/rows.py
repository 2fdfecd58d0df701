"""Renders and parses records: Chroma has one list for each field, with a place for each record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chat.core.errors import CorruptConversation

NUMBER_BYTES = 24
"""The most bytes that one value of an embedding takes as JSON."""
MADE_BY = "made_by"
"""The field with the tag of the model that made a record's embedding.

As a label of a collection, it says that this model made the embeddings of all its memories.
"""
Metadata = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True)
class Record:
    """A record of a collection; its distance is 0 unless a search found it.

    `made_by` is the tag of the model that made its embedding, empty for the one in use.
    """

    id: str
    document: str
    metadata: Metadata
    embedding: Sequence[float] = ()
    distance: float = 0.0
    made_by: str = ""


def render_rows(records: Sequence[Record], made_by: str) -> Mapping[str, Any]:
    """Render records; each one with an embedding gets the tag of its model, too.

    `made_by` is the tag of the model in use.
    """
    return {
        "ids": [record.id for record in records],
        "documents": [record.document for record in records],
        "metadatas": [
            {**record.metadata, MADE_BY: record.made_by or made_by}
            if record.embedding
            else record.metadata
            for record in records
        ],
        "embeddings": [list(record.embedding) or None for record in records],
    }


def parse_rows(reply: Mapping[str, Any], *names: str) -> list[Record]:
    """Parse records from the lists called `names`: ids, documents, metadatas, maybe distances.

    Errors: CorruptConversation.
    """
    try:
        rows = zip(*(_as_list(reply.get(name)) for name in names), strict=True)
        return [_parse_row(*row) for row in rows]
    except (ValueError, TypeError) as error:
        raise CorruptConversation from error


def parse_embeddings(reply: Mapping[str, Any]) -> list[Sequence[float]]:
    """Parse the embeddings of records.

    Errors: CorruptConversation.
    """
    try:
        return [[as_number(value) for value in row] for row in _as_list(reply.get("embeddings"))]
    except TypeError as error:
        raise CorruptConversation from error


def _as_list(value: Any) -> list[Any]:
    """Return a list; null counts as empty.

    Errors: CorruptConversation for anything else.
    """
    if not isinstance(value, list | None):
        raise CorruptConversation
    return value or []


def _parse_row(name: Any, document: Any, metadata: Any, distance: Any = 0.0) -> Record:
    """Parse one record.

    Errors: TypeError.
    """
    is_record = isinstance(name, str) and isinstance(metadata, dict | None)
    if not is_record or not isinstance(document, str | None):
        raise TypeError
    return Record(name, document or "", metadata or {}, (), as_number(distance))


def as_number(value: Any) -> float:
    """Return a number as a float.

    Errors: TypeError for anything else, and also for a text that reads as a number.
    """
    if type(value) not in {int, float}:
        raise TypeError
    return float(value)


def record_bytes(record: Record) -> int:
    """Return an estimate of the bytes that a record takes in a request."""
    texts = (record.id, record.document, *map(str, record.metadata.values()))
    return sum(len(text.encode()) for text in texts) + len(record.embedding) * NUMBER_BYTES
