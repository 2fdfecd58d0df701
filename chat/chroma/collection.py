"""Talks to Chroma: one owner's collection over its HTTP API, version 2.

Source: Chroma's OpenAPI document, `/openapi.json` of a server of version 1.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from chat.core.errors import (
    ChatError,
    CorruptConversation,
    MemoryUnavailable,
    OtherLength,
    OwnerErased,
)
from chat.core.json_text import NotJson, parse_json, render_json_text
from chat.core.owners import digest
from chat.core.portions import portions
from chat.usecases.durable_ports import Erased

BAD_REQUEST, NOT_FOUND = 400, 404
REFUSED = (401, 403)
OK = range(200, 300)
PAGE = 200
"""Records that one request brings or writes; Chroma's own limit is 300 where it is hosted."""

MOST_BODY_BYTES = 2 * 1024 * 1024
"""What records of one request have, unless one alone has more; as JSON they may take six times as
much, and Chroma refuses 40 MB."""
NUMBER_BYTES = 24
"""What a value of an embedding takes at most, as JSON."""
MOST_LOOKS = 10
"""How often records are looked through from the beginning that others take away meanwhile."""

OWNER, PREFIX = "owner", "prefix"
"""Labels of a collection: whose it is, and which chat's."""
MADE_BY = "made_by"
"""What made the embedding of a record; as a label of a collection, of all its memories."""

Metadata = Mapping[str, str | int | float | bool | None]
Where = Mapping[str, Any]


class Http(Protocol):
    """Where requests go."""

    def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Send JSON, and give status and body of the answer.

        Errors: MemoryUnavailable.
        """


@dataclass(frozen=True)
class Record:
    """What stands in a collection; without a distance where it was not searched for."""

    id: str
    document: str
    metadata: Metadata
    embedding: Sequence[float] = ()
    distance: float = 0.0


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
        for batch in portions(records, _record_bytes, MOST_BODY_BYTES, PAGE):
            self._post(self._made(), "upsert", _render_rows(batch, self._made_by))

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
            for batch in portions(records, _record_bytes, MOST_BODY_BYTES, PAGE):
                self._post(path, "update", _render_rows(batch, self._made_by))

    def take(self, ids: Sequence[str]) -> list[Record]:
        """Give the records with these ids, in no order."""
        return [record for batch in _batches(ids) for record in self._get({"ids": batch})]

    def every(self, where: Where) -> Iterator[Record]:
        """Give all records that fit, page by page, in no order.

        A page begins with the last record of the one before. Where that is another one, some were
        taken away meanwhile, and others moved to where nobody looks: then all are looked through
        once more.
        """
        seen: set[str] = set()
        last, offset, looks = "", 0, 1
        while True:
            page = self._get({"where": where, "limit": PAGE, "offset": offset})
            if last and looks < MOST_LOOKS and (not page or page[0].id != last):
                last, offset, looks = "", 0, looks + 1
                continue
            new = [record for record in page if record.id not in seen]
            seen.update(record.id for record in new)
            yield from new
            if len(page) < PAGE:
                return
            last, offset = page[-1].id, offset + PAGE - 1

    def _get(self, wanted: Mapping[str, Any]) -> list[Record]:
        path = self._found()
        if path is None:
            return []
        reply = self._post(path, "get", {**wanted, "include": ["documents", "metadatas"]})
        return _parse_rows(reply, "ids", "documents", "metadatas")

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
        return _parse_rows(first, *names)

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
            for batch in _batches(ids):
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


def base_path(tenant: str, database: str) -> str:
    """Give the path of a database's collections."""
    tenant, database = quote(tenant, safe=""), quote(database, safe="")
    return f"/api/v2/tenants/{tenant}/databases/{database}/collections"


def send(
    http: Http,
    method: str,
    path: str,
    fields: Mapping[str, Any] | None = None,
    *,
    gone: Callable[[], ChatError] | None = None,
) -> Any:
    """Send a request; None for what is not there. What a server says is not passed on.

    Errors: MemoryUnavailable; OtherLength for embeddings that do not fit the collection; `gone`, if
            there is one, for a collection that is not there any more: only an erasure removes it.
    """
    body = None if fields is None else render_json_text(fields).encode()
    status, answer = http.request(method, path, body)
    if status == NOT_FOUND and gone is not None:
        raise gone()
    if status == NOT_FOUND:
        return None
    if status == BAD_REQUEST and b"dimension" in answer:
        raise OtherLength
    if status in REFUSED:
        raise MemoryUnavailable(
            f"the long-term memory refuses the token ({status}): see `chroma_token`"
        )
    if status not in OK:
        raise MemoryUnavailable(f"the long-term memory answered {status}")
    try:
        return parse_json(answer)
    except NotJson as error:
        raise MemoryUnavailable from error


def parse_count(reply: Any) -> int:
    """Parse how many records there are; none of a collection that is not there.

    Errors: MemoryUnavailable.
    """
    if reply is None:
        return 0
    if type(reply) is not int:
        raise MemoryUnavailable
    return reply


def labels_of(collection: Any) -> Mapping[str, Any]:
    """Give the labels of a collection; none of what is no collection."""
    labels = collection.get("metadata") if isinstance(collection, dict) else None
    return labels if isinstance(labels, dict) else {}


def _render_rows(records: Sequence[Record], made_by: str) -> Mapping[str, Any]:
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


def _parse_rows(reply: Mapping[str, Any], *names: str) -> list[Record]:
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


def _record_bytes(record: Record) -> int:
    """Estimate what a record takes in a request."""
    texts = (record.id, record.document, *map(str, record.metadata.values()))
    return sum(len(text.encode()) for text in texts) + len(record.embedding) * NUMBER_BYTES


def _batches(items: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), PAGE):
        yield list(items[start : start + PAGE])
