"""Talks to Chroma: one owner's collection over its HTTP API, version 2.

Source: Chroma's OpenAPI document, `/openapi.json` of a server of version 1.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from chat.chroma.requests import Http, labels_of, parse_count, send
from chat.chroma.rows import MADE_BY, Record, _as_list, parse_rows, record_bytes, render_rows
from chat.core.errors import MemoryUnavailable
from chat.core.owners import digest
from chat.core.portions import portions, slices
from chat.core.refusals import OwnerErased
from chat.usecases.durable_ports import Erased

RECORDS_A_CALL = 200
"""Records that one request brings or writes; Chroma's own limit is 300 where it is hosted."""

MOST_BODY_BYTES = 2 * 1024 * 1024
"""What records of one request have, unless one alone has more; as JSON they may take six times as
much, and Chroma refuses 40 MB."""
MOST_LOOKS = 10
"""How often records are looked through from the beginning that others take away meanwhile."""

OWNER, PREFIX = "owner", "prefix"
"""Labels of a collection: whose it is, and which chat's."""

Where = Mapping[str, Any]


class Collection:
    """An owner's collection. Every method may raise MemoryUnavailable and CorruptConversation.

    It is there from the first record on; until then there is nothing in it.
    """

    def __init__(
        self,
        http: Http,
        base: str,
        name: str,
        labels: Mapping[str, str],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the path of all collections, and with which `labels` this one is made.

        `check` raises OwnerErased where the owner was erased since the request began. It is asked
        once, behind the path and before the first write: the path of a collection that is erased
        after that is none any more.
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

    def write(self, records: Sequence[Record]) -> None:
        """Write records; of those that are there, fields that are not given stay as they are.

        One request for up to `PAGE` records and `MOST_BODY_BYTES`: they are written together, or
        not at all.
        """
        for batch in portions(records, record_bytes, MOST_BODY_BYTES, RECORDS_A_CALL):
            self._post(self._made(), "upsert", render_rows(batch, self._made_by))

    def _checked(self, path: str, *, is_new: bool = False) -> str:
        """Give the path, if its owner was not erased; what was made after that is taken away."""
        if not self._is_checked:
            try:
                self._check()
            except OwnerErased:
                if is_new and self._count(path) == 0:
                    self._send("DELETE", f"{self._base}/{self._name}")
                raise
            self._is_checked = True
        return path

    def amend(self, records: Sequence[Record]) -> None:
        """Do the same with records that are there; without an embedding it stays as it is."""
        path = self._found()
        if path is not None and records:
            self._checked(path)
            for batch in portions(records, record_bytes, MOST_BODY_BYTES, RECORDS_A_CALL):
                self._post(path, "update", render_rows(batch, self._made_by))

    def take(self, ids: Sequence[str]) -> list[Record]:
        """Give the records with these ids, in no order."""
        return [
            record for batch in slices(ids, RECORDS_A_CALL) for record in self._get({"ids": batch})
        ]

    def every(self, where: Where) -> Iterator[Record]:
        """Give all records that fit, page by page, in no order.

        A page begins with the last record of the one before. Where that is another one, some were
        taken away meanwhile, and others moved to where nobody looks: then all are looked through
        once more.
        """
        seen: set[str] = set()
        last, offset, looks = "", 0, 1
        while True:
            page = self._get({"where": where, "limit": RECORDS_A_CALL, "offset": offset})
            if last and looks < MOST_LOOKS and (not page or page[0].id != last):
                last, offset, looks = "", 0, looks + 1
                continue
            new = [record for record in page if record.id not in seen]
            seen.update(record.id for record in new)
            yield from new
            if len(page) < RECORDS_A_CALL:
                return
            last, offset = page[-1].id, offset + RECORDS_A_CALL - 1

    def _get(self, wanted: Mapping[str, Any]) -> list[Record]:
        path = self._found()
        if path is None:
            return []
        reply = self._post(path, "get", {**wanted, "include": ["documents", "metadatas"]})
        return parse_rows(reply, "ids", "documents", "metadatas")

    def nearest(self, embedding: Sequence[float], count: int, where: Where) -> list[Record]:
        """Give the records that are nearest, with their distances; of those that compare."""
        path = self._found()
        if path is None:
            return []
        reply = self._post(path, "query", {
            "query_embeddings": [list(embedding)],
            "n_results": count,
            "where": {"$and": [where, {MADE_BY: self._made_by}]},
            "include": ["documents", "metadatas", "distances"],
        })  # fmt: skip
        names = ("ids", "documents", "metadatas", "distances")
        first = {name: rows[0] for name in names if (rows := _as_list(reply.get(name)))}
        return parse_rows(first, *names)

    def made_otherwise(self, where: Where, count: int) -> list[Record]:
        """Give up to `count` records whose embedding does not compare: it was made another way.

        No request, where the collection's label says that there is none.
        """
        path = self._found()
        if path is None or not self._is_mixed:
            return []
        others = {"$and": [where, {MADE_BY: {"$ne": self._made_by}}]}
        found = self._get({"where": others, "limit": count})
        if not found:
            self._send("PUT", path, {"new_metadata": self._labels})
            self._is_mixed = False
        return found

    def remove(self, ids: Sequence[str]) -> None:
        """Take records away; those that are not there are so already."""
        path = self._found()
        if path is not None:
            for batch in slices(ids, RECORDS_A_CALL):
                self._post(path, "delete", {"ids": batch})

    def is_there(self) -> bool:
        """Say whether the collection is there; Chroma answers if so and if not."""
        return self._found() is not None

    def erase(self) -> Erased:
        """Take the collection away, and look whether it is gone; it may be asked for again."""
        path = self._found()
        records = 0 if path is None else self._count(path)
        self._send("DELETE", f"{self._base}/{self._name}")
        self._path = None
        path = self._found()
        return Erased({"records": records}, 0 if path is None else self._count(path))

    def _count(self, path: str) -> int:
        return parse_count(self._send("GET", f"{path}/count"))

    def _found(self) -> str | None:
        """Give the path of the collection; None if there is none."""
        if self._path is None:
            reply = self._send("GET", f"{self._base}/{self._name}")
            self._path = None if reply is None else self._path_of(reply)
            self._is_mixed = labels_of(reply).get(MADE_BY) != self._made_by
        return self._path

    def _made(self) -> str:
        """Give the path of the collection for a write, made now if there is none."""
        is_new = self._path is None
        if self._path is None:
            fields = {
                "name": self._name,
                "get_or_create": True,
                "metadata": self._labels,
                "configuration": {"hnsw": {"space": "cosine"}},
            }
            self._path = self._path_of(self._send("POST", self._base, fields))
        return self._checked(self._path, is_new=is_new)

    def _path_of(self, reply: Any) -> str:
        if not isinstance(reply, dict) or not isinstance(reply.get("id"), str):
            raise MemoryUnavailable
        return f"{self._base}/{quote(reply['id'], safe='')}"

    def _post(self, path: str, action: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        reply = send(self._http, "POST", f"{path}/{action}", fields, gone=OwnerErased)
        if not isinstance(reply, dict):
            raise MemoryUnavailable
        return reply

    def _send(self, method: str, path: str, fields: Mapping[str, Any] | None = None) -> Any:
        return send(self._http, method, path, fields)


def collection_of(
    http: Http,
    base: str,
    prefix: str,
    owner: str,
    tag: str,
    check: Callable[[], None] = lambda: None,
) -> Collection:
    """Give the collection of one of the chat's owners; `tag` names what makes embeddings now."""
    labels = {PREFIX: prefix, OWNER: owner, MADE_BY: tag}
    return Collection(http, base, collection_name(prefix, owner), labels, check)


def collection_name(prefix: str, owner: str) -> str:
    """Name an owner's collection in Chroma."""
    return f"owner_{digest('collection', prefix, owner)}"
