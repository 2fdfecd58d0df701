"""Sends requests to Chroma, and turns its answers into values and errors."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

from chat.core.errors import ChatError, MemoryUnavailable, OtherLength
from chat.core.json_text import NotJson, parse_json, render_json_text

BAD_REQUEST, NOT_FOUND = 400, 404
REFUSED = (401, 403)
OK = range(200, 300)
LOST = b"Error finding id"
"""What Chroma answers if a record is removed between two steps of one read."""


class RecordLost(MemoryUnavailable):
    """A read failed because a record was removed meanwhile: it may be made again."""


class Http(Protocol):
    """Sends requests to a Chroma server."""

    async def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Send JSON, and return the status and the body of the answer.

        Errors: MemoryUnavailable.
        """


def base_path(tenant: str, database: str) -> str:
    """Return the path of a database's collections."""
    tenant, database = quote(tenant, safe=""), quote(database, safe="")
    return f"/api/v2/tenants/{tenant}/databases/{database}/collections"


async def send(
    http: Http,
    method: str,
    path: str,
    fields: Mapping[str, Any] | None = None,
    *,
    gone: Callable[[], ChatError] | None = None,
) -> Any:
    """Send a request, and return the parsed answer; None if Chroma does not find what it is about.

    Errors: MemoryUnavailable, without the server's own text, and RecordLost; OtherLength for
            embeddings that do not fit the collection; the error that `gone` makes, if given, for a
            collection that is not found: only an erasure removes one.
    """
    body = None if fields is None else render_json_text(fields).encode()
    status, answer = await http.request(method, path, body)
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
        failure = RecordLost if LOST in answer else MemoryUnavailable
        raise failure(f"the long-term memory answered {status}")
    try:
        return parse_json(answer)
    except NotJson as error:
        raise MemoryUnavailable from error


def parse_count(reply: Any) -> int:
    """Parse a count of records; 0 for a collection that Chroma does not have.

    Errors: MemoryUnavailable.
    """
    if reply is None:
        return 0
    if type(reply) is not int:
        raise MemoryUnavailable
    return reply


def labels_of(collection: Any) -> Mapping[str, Any]:
    """Return the labels of a collection; none if the value is no collection."""
    labels = collection.get("metadata") if isinstance(collection, dict) else None
    return labels if isinstance(labels, dict) else {}
