"""Removes an owner's data: all of it from every store, or a namespace's conversations."""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from chat.core.errors import Unavailable
from chat.core.refusals import UnknownConversation
from chat.usecases.durable_ports import Erased
from chat.usecases.ports import ConversationStore
from chat.usecases.read_messages import every_summary


@dataclass(frozen=True)
class Receipt:
    """What was removed from each store, by the store's name; None if it did not answer."""

    stores: Mapping[str, Erased | None]

    @property
    def is_complete(self) -> bool:
        """Whether every store answered, and none has anything left."""
        return all(erased is not None and erased.left == 0 for erased in self.stores.values())


async def erase(stores: Mapping[str, Callable[[], Awaitable[Erased]]]) -> Receipt:
    """Ask every store, even if others fail; an erasure may be repeated.

    Errors: none for a store that is away: the receipt tells.
    """
    return Receipt({name: await _tried(erase_one) for name, erase_one in stores.items()})


async def _tried(erase_one: Callable[[], Awaitable[Erased]]) -> Erased | None:
    try:
        return await erase_one()
    except Unavailable:
        return None


async def forget_namespace(store: ConversationStore, namespace: str) -> tuple[int, int]:
    """Forget all conversations of a namespace, one by one, with the memories made of them.

    Return how many conversations and memories were forgotten; it may be repeated.
    Errors: those of the port.
    """
    conversations = memories = 0
    ids = [summary.id async for summary in every_summary(store, namespace)]
    for conversation_id in ids:
        with contextlib.suppress(UnknownConversation):  # it expired meanwhile
            forgotten = await store.forget(conversation_id)
            conversations, memories = conversations + 1, memories + forgotten.memories
    return conversations, memories
