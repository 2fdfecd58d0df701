"""Keeps an owner's long-term memories in Chroma, in the records of the messages that they were.

The fields `memory` and `in_namespace` say whether a record is a memory, without a namespace or in
one, and `kind` whether it is a `message` of a
conversation or a `note`. If a memory is restated, the record's document stays the message's text,
and `restated` has the new text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chat.chroma.collection import Collection, Where
from chat.chroma.rows import Metadata, Record, as_number
from chat.context.ranking import By, choose, rank_memories, score_memories
from chat.context.terms import search_words
from chat.core.errors import CorruptConversation
from chat.core.json_text import PARSE_ERRORS
from chat.core.memories import text_digest
from chat.core.messages import FoundMemory, Memory, as_role
from chat.core.refusals import TextRemembered, UnknownMemory
from chat.core.schema import FIELD, SCHEMA, check_schema
from chat.usecases.ports import Cursor, Embedder
from chat.usecases.read_messages import newest_page

IN_NAMESPACE = "in_namespace"
"""The field that says that a record is a memory of the namespace that is its `namespace`.

Its field `memory` is false: a search without a namespace finds only records where that is true.
"""
IS_MEMORY = {"$or": [{"memory": True}, {IN_NAMESPACE: True}]}
NO_CONVERSATION = 0
NEAREST = 64
"""How many of the nearest memories are ranked by their words as well."""
Said = tuple[str | None, str]
"""A namespace, and the digest of a text."""
MAX_EMBEDDED_ANEW = 64
"""The most memories that one search embeds anew because another model embedded them."""


def is_memory(record: Record) -> bool:
    """Whether a record is a memory, of any namespace."""
    return record.metadata.get("memory") is True or record.metadata.get(IN_NAMESPACE) is True


def memories_of(namespace: str | None) -> Where:
    """Return what finds the memories of a namespace; without one, those that have none."""
    if namespace is None:
        return {"memory": True}
    return {"$and": [{IN_NAMESPACE: True}, {"namespace": namespace}]}


def mark_of(namespace: str | None, digest: str) -> Metadata:
    """Return the fields that make a record a memory; `digest` is that of its text."""
    if namespace is None:
        return {"memory": True, "digest": digest}
    return {
        "memory": False,
        "in_namespace": True,
        "namespace": namespace,
        "digest": digest,
    }


class ChromaMemory:
    """The `LongTermMemory` port over an owner's collection."""

    def __init__(self, collection: Collection, embedder: Embedder, owner: str) -> None:
        self._collection = collection
        self._embedder = embedder
        self.owner = owner

    async def search(
        self,
        text: str,
        *,
        count: int,
        max_distance: float,
        beside: int | None = None,
        namespace: str | None = None,
        by: By = "meaning",
    ) -> list[FoundMemory]:
        """Search in one request; in more while memories have to be embedded anew.

        Chroma has no index of words. By words, it looks for texts that have one of them somewhere;
        by both, the nearest memories are ranked by their words, too.
        """
        if count == 0:
            return []
        elsewhere = {"conversation": {"$ne": beside if beside is not None else -1}}
        where = {"$and": [memories_of(namespace), elsewhere]}
        if by == "words":
            return (await self._by_words(text, where))[:count]
        await self._embed_anew()
        wanted = (await self._embedder.embed([text]))[0]
        most = count if by == "meaning" else max(count, NEAREST)
        records = await self._collection.nearest(wanted, most, where)
        memories = list(map(parse_memory, records))
        distances = [record.distance for record in records]
        words = score_memories(memories, text) if by == "both" else [0.0] * len(memories)
        return rank_memories(memories, distances, words, max_distance)[:count]

    async def _by_words(self, text: str, where: Where) -> list[FoundMemory]:
        words = search_words(text)
        records = await self._collection.containing(words, where) if words else []
        memories = list(map(parse_memory, records))
        scores = score_memories(memories, text)
        return [FoundMemory(memories[place], None) for place in choose(scores, (), (), 0.0)]

    async def _embed_anew(self) -> None:
        """Embed memories anew that another model embedded, some with each search."""
        found = await self._collection.made_otherwise(IS_MEMORY, MAX_EMBEDDED_ANEW)
        embeddings = await self._embedder.embed([parse_memory(record).content for record in found])
        await self._collection.amend(
            [
                Record(record.id, record.document, record.metadata, embedding)
                for record, embedding in zip(found, embeddings, strict=True)
            ]
        )

    async def list_page(
        self, cursor: Cursor | None, limit: int, namespace: str | None = None
    ) -> tuple[list[Memory], Cursor | None]:
        """Return a page; Chroma has no order, so each page reads all memories."""
        every = map(parse_memory, await self._every(namespace))
        return newest_page(every, _by_time, cursor, limit)

    async def _every(self, namespace: str | None) -> list[Record]:
        wanted = IS_MEMORY if namespace is None else memories_of(namespace)
        return [record async for record in self._collection.every(wanted)]

    async def get(self, memory_id: str) -> Memory:
        return parse_memory(await self._record(memory_id))

    async def _record(self, memory_id: str) -> Record:
        found = await self._collection.take([memory_id])
        if not found or not is_memory(found[0]):
            raise UnknownMemory
        return found[0]

    async def add(self, memories: Sequence[Memory]) -> list[str]:
        """Remember texts; a message that is there becomes a memory, and a memory stays as it is."""
        holders = await self._all_holders(memories)
        there = {
            record.id: record for record in await self._collection.take([m.id for m in memories])
        }
        taken = {name for name, record in there.items() if is_memory(record)}
        new = []
        for memory in memories:
            said = _said(memory)
            if memory.id not in taken and said not in holders:
                holders[said] = memory.id
                new.append(memory)
        embeddings = await self._embedder.embed([memory.content for memory in new])
        records = [
            _render(memory, there.get(memory.id), embedding)
            for memory, embedding in zip(new, embeddings, strict=True)
        ]
        await self._collection.write([record for record in records if record.id not in there])
        await self._collection.amend([record for record in records if record.id in there])
        return [memory.id if memory.id in taken else holders[_said(memory)] for memory in memories]

    async def _all_holders(self, memories: Sequence[Memory]) -> dict[Said, str]:
        """Return the ids of the memories that say the same in the same namespace."""
        found: dict[Said, str] = {}
        for namespace in {memory.namespace for memory in memories}:
            texts = [memory.content for memory in memories if memory.namespace == namespace]
            holders = await self.holders(texts, namespace)
            found |= {(namespace, digest): name for digest, name in holders.items()}
        return found

    async def holders(self, texts: Sequence[str], namespace: str | None = None) -> dict[str, str]:
        """Return the ids of a namespace's memories that have one of these texts, by its digest."""
        digests = sorted({text_digest(text) for text in texts})
        if not digests:
            return {}
        said = {"$and": [memories_of(namespace), {"digest": {"$in": digests}}]}
        return {str(r.metadata["digest"]): r.id async for r in self._collection.every(said)}

    async def change(self, memory: Memory) -> None:
        """Change a memory; it is embedded anew only if its text changes."""
        record = await self._record(memory.id)
        embedding: Sequence[float] = ()
        if parse_memory(record).content != memory.content:
            holders = await self.holders([memory.content], memory.namespace)
            if set(holders.values()) - {memory.id}:
                raise TextRemembered
            embedding = (await self._embedder.embed([memory.content]))[0]
        await self._collection.amend([_render(memory, record, embedding)])

    async def forget(self, memory_id: str) -> None:
        """Forget a memory; if it is also a message of a conversation, the message stays."""
        await self._forget([await self._record(memory_id)])

    async def forget_all(self, namespace: str | None = None) -> int:
        records = await self._every(namespace)
        await self._forget(records)
        return len(records)

    async def _forget(self, records: Sequence[Record]) -> None:
        notes = [record.id for record in records if record.metadata["kind"] == "note"]
        await self._collection.remove(notes)
        no_memory: Metadata = {
            "memory": False, IN_NAMESPACE: False, "pinned": None, "digest": None, "restated": None,
        }  # fmt: skip
        await self._collection.amend(
            [
                Record(record.id, record.document, no_memory)
                for record in records
                if record.metadata["kind"] != "note"
            ]
        )


def _said(memory: Memory) -> Said:
    return memory.namespace, text_digest(memory.content)


def _by_time(memory: Memory) -> tuple[float, str]:
    return memory.at, memory.id


def _render(memory: Memory, record: Record | None, embedding: Sequence[float]) -> Record:
    """Render a memory; if it has a `record`, as a change of that."""
    metadata: dict[str, str | int | float | bool | None] = {
        **mark_of(memory.namespace, text_digest(memory.content)),
        "pinned": memory.is_pinned,
        FIELD: SCHEMA,
    }
    if record is None or record.metadata["kind"] == "note":
        metadata |= {
            "kind": "note",
            "conversation": memory.conversation_id or NO_CONVERSATION,
            "role": memory.role,
            "said_at": memory.at,
        }
        return Record(memory.id, memory.content, metadata, embedding)
    metadata["restated"] = memory.content if memory.content != record.document else None
    return Record(memory.id, record.document, metadata, embedding)


def parse_memory(record: Record) -> Memory:
    """Parse a memory's record.

    Errors: CorruptConversation.
    """
    metadata: Mapping[str, Any] = record.metadata
    try:
        check_schema(metadata)
        return Memory(
            id=record.id,
            role=as_role(metadata["role"]),
            content=str(metadata.get("restated") or record.document),
            at=as_number(metadata["said_at"]),
            conversation_id=int(metadata["conversation"] or 0) or None,
            is_pinned=metadata.get("pinned") is True,
            namespace=metadata["namespace"] if metadata.get(IN_NAMESPACE) is True else None,
        )
    except PARSE_ERRORS as error:
        raise CorruptConversation from error
