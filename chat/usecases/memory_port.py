"""The port for what an owner said in all conversations."""

from collections.abc import Sequence
from typing import Protocol

from chat.context.ranking import By
from chat.core.messages import FoundMemory, Memory
from chat.usecases.ports import Cursor


class LongTermMemory(Protocol):
    """What one owner said, in all conversations.

    Errors: every method may raise StoreUnavailable or MemoryUnavailable; methods that take a text
            may raise the errors of an embedder; methods that take an id may raise UnknownMemory.
    """

    owner: str

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
        """Return up to `count` memories, the best first.

        By meaning, those nearer than `max_distance`; by words, those that have the words of the
        text, which is not embedded then; by both, those of either kind. Memories of the
        conversation `beside` are left out. Only those of the `namespace` are searched; without one,
        only those that have none.
        """

    async def list_page(
        self, cursor: Cursor | None, limit: int, namespace: str | None = None
    ) -> tuple[list[Memory], Cursor | None]:
        """Return a page of memories, the newest first, and where the next page begins.

        With a `namespace`, only its memories are listed; without one, all are.
        """

    async def get(self, memory_id: str) -> Memory:
        """Return the memory with this id."""

    async def add(self, memories: Sequence[Memory]) -> list[str]:
        """Remember texts; return an id for each.

        For a text that is remembered already in its namespace, that is the id of the memory that
        says it. A memory whose id is taken is not stored: the one that has the id stays.
        """

    async def change(self, memory: Memory) -> None:
        """Replace the memory that has the same id; it stays in its namespace.

        Errors: TextRemembered if another memory has the same text.
        """

    async def forget(self, memory_id: str) -> None:
        """Forget the memory with this id."""

    async def forget_all(self, namespace: str | None = None) -> int:
        """Forget all memories, or all of one `namespace`; return how many there were."""
