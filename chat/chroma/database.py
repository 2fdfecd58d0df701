"""Lists the collections of all owners in Chroma."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from chat.chroma.collection import OWNER, PREFIX
from chat.chroma.requests import Http, base_path, labels_of, parse_count, send
from chat.core.errors import MemoryUnavailable

COLLECTIONS_A_CALL = 100


@dataclass(frozen=True)
class Owned:
    """An owner's collection: the owner, and the collection's path."""

    owner: str
    path: str


class ChromaDatabase:
    """The collections of this chat, which have its prefix as a label.

    Errors: every method may raise MemoryUnavailable.
    """

    def __init__(self, http: Http, tenant: str, database: str, prefix: str) -> None:
        self._http = http
        self._base = base_path(tenant, database)
        self._prefix = prefix

    async def page(self, offset: int) -> tuple[list[Owned], int]:
        """Return this chat's collections of a page, and the offset of the next page.

        The offset is 0 after the last page.
        """
        reply = await send(
            self._http, "GET", f"{self._base}?limit={COLLECTIONS_A_CALL}&offset={offset}"
        )
        if not isinstance(reply, list):
            raise MemoryUnavailable
        labelled = ((labels_of(one), one) for one in reply)
        ours = [
            Owned(str(labels[OWNER]), f"{self._base}/{one['id']}")
            for labels, one in labelled
            if labels.get(PREFIX) == self._prefix and OWNER in labels and "id" in one
        ]
        return ours, offset + COLLECTIONS_A_CALL if len(reply) == COLLECTIONS_A_CALL else 0

    async def every(self) -> AsyncIterator[Owned]:
        """Yield all collections of this chat."""
        offset = 0
        while True:
            ours, offset = await self.page(offset)
            for one in ours:
                yield one
            if not offset:
                return

    async def count(self, owned: Owned) -> int:
        """Return how many records a collection has, in one request."""
        return parse_count(await send(self._http, "GET", f"{owned.path}/count"))
