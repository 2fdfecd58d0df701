"""Talks to Chroma: one owner's collection over its HTTP API, version 2.

Source: Chroma's OpenAPI document, `/openapi.json` of a server of version 1.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from chat.chroma.requests import Http, RecordLost, labels_of, parse_count, send
from chat.chroma.rows import (
    MADE_BY,
    Record,
    _as_list,
    parse_embeddings,
    parse_rows,
    record_bytes,
    render_rows,
)
from chat.core.errors import CorruptConversation, MemoryUnavailable
from chat.core.owners import digest
from chat.core.portions import portions, slices
from chat.core.refusals import OwnerErased
from chat.core.undoing import nothing
from chat.usecases.durable_ports import Erased

RECORDS_A_CALL = 200
"""The most records that one request reads or writes; hosted Chroma limits a request to 300."""

MAX_BODY_BYTES = 2 * 1024 * 1024
"""The most bytes that the records of one request have together; one longer record goes alone.

As JSON, records may take six times as much, and Chroma refuses 40 MB.
"""
MAX_LOOKS = 10
"""How often a read is made at most, while other requests remove records."""

OWNER, PREFIX = "owner", "prefix"
"""Labels of a collection: its owner, and the prefix of the chat that it belongs to."""

Where = Mapping[str, Any]


class Collection:
    """An owner's collection. Every method may raise MemoryUnavailable and CorruptConversation.

    Chroma has the collection from the first record on; until then it counts as empty.
    """

    def __init__(
        self,
        http: Http,
        base: str,
        name: str,
        labels: Mapping[str, str],
        check: Callable[[], Awaitable[None]] = nothing,
    ) -> None:
        """Take the path of all collections as `base`, and the `labels` with which this one is made.

        `check` raises OwnerErased if the owner was erased since the request began. It is called
        once, after the collection's path is known and before the first write. If the owner is
        erased later, the path is no longer valid and the writes fail.
        """
        self._check = check
        self._is_checked = False
        self._http = http
        self._base = base
        self._name = name
        self._labels = labels
        self._made_by = labels[MADE_BY]
        self._path: str | None = None
        self._is_mixed = False

    async def write(self, records: Sequence[Record]) -> None:
        """Write records; if a record is there, its fields that are not given stay as they are.

        One request writes up to `RECORDS_A_CALL` records with up to `MAX_BODY_BYTES`: all of them
        or none.
        """
        for batch in portions(records, record_bytes, MAX_BODY_BYTES, RECORDS_A_CALL):
            await self._post(await self._made(), "upsert", render_rows(batch, self._made_by))

    async def _checked(self, path: str, *, is_new: bool = False) -> str:
        """Return the path; refuse if the owner was erased.

        An empty collection that was made after the erasure is removed.
        """
        if not self._is_checked:
            try:
                await self._check()
            except OwnerErased:
                if is_new and await self._count(path) == 0:
                    await self._send("DELETE", f"{self._base}/{self._name}")
                raise
            self._is_checked = True
        return path

    async def amend(self, records: Sequence[Record]) -> None:
        """Write fields of records that are there; others are ignored.

        If a record comes without an embedding, the stored embedding stays.
        """
        path = await self._found()
        if path is not None and records:
            await self._checked(path)
            for batch in portions(records, record_bytes, MAX_BODY_BYTES, RECORDS_A_CALL):
                await self._post(path, "update", render_rows(batch, self._made_by))

    async def take(self, ids: Sequence[str]) -> list[Record]:
        """Return the records with these ids, in no order."""
        return [
            record
            for batch in slices(ids, RECORDS_A_CALL)
            for record in await self._get({"ids": batch})
        ]

    async def every(self, where: Where, *, has_embeddings: bool = False) -> AsyncIterator[Record]:
        """Yield all records that match `where`, page by page, in no order.

        With `has_embeddings`, each comes with its embedding and the tag of the model that made it.

        Each page begins with the last record of the page before. If it begins with another record,
        some were removed meanwhile, and others moved to offsets that were read already: then the
        read begins again.
        """
        seen: set[str] = set()
        last, offset, looks = "", 0, 1
        while True:
            wanted = {"where": where, "limit": RECORDS_A_CALL, "offset": offset}
            page = await self._get(wanted, has_embeddings=has_embeddings)
            if last and looks < MAX_LOOKS and (not page or page[0].id != last):
                last, offset, looks = "", 0, looks + 1
                continue
            new = [record for record in page if record.id not in seen]
            seen.update(record.id for record in new)
            for record in new:
                yield record
            if len(page) < RECORDS_A_CALL:
                return
            last, offset = page[-1].id, offset + RECORDS_A_CALL - 1

    async def _get(
        self, wanted: Mapping[str, Any], *, has_embeddings: bool = False
    ) -> list[Record]:
        path = await self._found()
        if path is None:
            return []
        include = ["documents", "metadatas", *(["embeddings"] if has_embeddings else [])]
        reply = await self._read(path, "get", {**wanted, "include": include})
        records = parse_rows(reply, "ids", "documents", "metadatas")
        return embedded_rows(records, parse_embeddings(reply)) if has_embeddings else records

    async def nearest(self, embedding: Sequence[float], count: int, where: Where) -> list[Record]:
        """Return the nearest records, with their distances.

        Only records whose embedding was made as this one was are searched. One that is removed
        meanwhile is found without its fields, and left out.
        """
        path = await self._found()
        if path is None:
            return []
        reply = await self._read(path, "query", {
            "query_embeddings": [list(embedding)],
            "n_results": count,
            "where": {"$and": [where, {MADE_BY: self._made_by}]},
            "include": ["documents", "metadatas", "distances"],
        })  # fmt: skip
        names = ("ids", "documents", "metadatas", "distances")
        first = {name: rows[0] for name in names if (rows := _as_list(reply.get(name)))}
        return [record for record in parse_rows(first, *names) if record.metadata]

    async def containing(self, words: Sequence[str], where: Where) -> list[Record]:
        """Return up to `RECORDS_A_CALL` records whose documents have one of the words, in no order.

        Shapes: a word is found with the capitals that it is given with, and within longer words.
        """
        texts = [{"$contains": word} for word in words]
        has_one = texts[0] if len(texts) == 1 else {"$or": texts}
        return await self._get({"where": where, "where_document": has_one, "limit": RECORDS_A_CALL})

    async def made_otherwise(self, where: Where, count: int) -> list[Record]:
        """Return up to `count` records whose embedding another model made, so it does not compare.

        This makes no request if the collection's label says that there are none.
        """
        path = await self._found()
        if path is None or not self._is_mixed:
            return []
        others = {"$and": [where, {MADE_BY: {"$ne": self._made_by}}]}
        found = await self._get({"where": others, "limit": count})
        if not found:
            await self._send("PUT", path, {"new_metadata": self._labels})
            self._is_mixed = False
        return found

    async def remove(self, ids: Sequence[str]) -> None:
        """Remove the records with these ids, if they are there."""
        path = await self._found()
        if path is not None:
            for batch in slices(ids, RECORDS_A_CALL):
                await self._post(path, "delete", {"ids": batch})

    async def is_there(self) -> bool:
        """Whether Chroma has the collection."""
        return await self._found() is not None

    async def erase(self) -> Erased:
        """Remove the collection, and look whether it is gone; an erasure may be repeated."""
        path = await self._found()
        records = 0 if path is None else await self._count(path)
        await self._send("DELETE", f"{self._base}/{self._name}")
        self._path = None
        path = await self._found()
        return Erased({"records": records}, 0 if path is None else await self._count(path))

    async def _count(self, path: str) -> int:
        return parse_count(await self._send("GET", f"{path}/count"))

    async def _found(self) -> str | None:
        """Return the path of the collection; None if Chroma does not have it."""
        if self._path is None:
            reply = await self._send("GET", f"{self._base}/{self._name}")
            self._path = None if reply is None else self._path_of(reply)
            self._is_mixed = labels_of(reply).get(MADE_BY) != self._made_by
        return self._path

    async def _made(self) -> str:
        """Return the path of the collection for a write; make the collection if it is missing."""
        is_new = self._path is None
        if self._path is None:
            fields = {
                "name": self._name,
                "get_or_create": True,
                "metadata": self._labels,
                "configuration": {"hnsw": {"space": "cosine"}},
            }
            self._path = self._path_of(await self._send("POST", self._base, fields))
        return await self._checked(self._path, is_new=is_new)

    def _path_of(self, reply: Any) -> str:
        if not isinstance(reply, dict) or not isinstance(reply.get("id"), str):
            raise MemoryUnavailable
        return f"{self._base}/{quote(reply['id'], safe='')}"

    async def _read(self, path: str, action: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Post what changes nothing, again if a record was lost meanwhile."""
        for _ in range(MAX_LOOKS - 1):
            with suppress(RecordLost):
                return await self._post(path, action, fields)
        return await self._post(path, action, fields)

    async def _post(self, path: str, action: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        reply = await send(self._http, "POST", f"{path}/{action}", fields, gone=OwnerErased)
        if not isinstance(reply, dict):
            raise MemoryUnavailable
        return reply

    async def _send(self, method: str, path: str, fields: Mapping[str, Any] | None = None) -> Any:
        return await send(self._http, method, path, fields)


def embedded_rows(records: Sequence[Record], embeddings: Sequence[Sequence[float]]) -> list[Record]:
    """Return records with their embeddings, and the tags of the models that made these.

    Errors: CorruptConversation if there is not one embedding for each record.
    """
    if len(records) != len(embeddings):
        raise CorruptConversation
    return [
        replace(record, embedding=embedding, made_by=str(record.metadata.get(MADE_BY, "")))
        for record, embedding in zip(records, embeddings, strict=True)
    ]


def collection_of(
    http: Http,
    base: str,
    prefix: str,
    owner: str,
    tag: str,
    check: Callable[[], Awaitable[None]] = nothing,
) -> Collection:
    """Return an owner's collection; `tag` is the tag of the embedding model that is used now."""
    labels = {PREFIX: prefix, OWNER: owner, MADE_BY: tag}
    return Collection(http, base, collection_name(prefix, owner), labels, check)


def collection_name(prefix: str, owner: str) -> str:
    """Return the name of an owner's collection in Chroma."""
    return f"owner_{digest('collection', prefix, owner)}"
