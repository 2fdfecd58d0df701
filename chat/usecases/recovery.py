"""Rebuilds in Redis the conversations that Redis has lost, from the durable store behind it."""

import dataclasses
from collections.abc import Awaitable, Callable

from chat.core.errors import TurnsLost
from chat.core.refusals import StorageFull, UnknownConversation
from chat.core.undoing import nothing
from chat.settings import Settings
from chat.usecases.durable_ports import DurableStore, Restorer, Whole
from chat.usecases.rebuild import make_whole

MISSING = (UnknownConversation, TurnsLost)
"""Errors of Redis that the durable store can repair."""


class Recovery:
    """Rebuilds one owner's conversations in Redis."""

    def __init__(
        self,
        durable: DurableStore,
        restorer: Restorer,
        settings: Settings,
        owner: str,
        begin: Callable[[], Awaitable[None]] = nothing,
    ) -> None:
        """Take `begin`, which is called before the durable store is read.

        It raises OwnerErased while the owner is being erased.
        """
        self._begin = begin
        self._durable = durable
        self._restorer = restorer
        self._settings = settings
        self.owner = owner

    async def recover(
        self, conversation_id: int, missing: UnknownConversation | TurnsLost | None = None
    ) -> None:
        """Rebuild a conversation in Redis; `missing` is the error by which Redis said what it lost.

        Errors: UnknownConversation if the durable store does not have the conversation; TurnsLost
                if it lacks turns, too; ConversationBusy if another request is rebuilding the
                conversation or taking a turn in it; OwnerErased.
        """
        await self._begin()
        head = await self._durable.load_head(conversation_id)
        needed = missing.turn_count if isinstance(missing, TurnsLost) else 0
        if head is None or head.turn_count < needed:
            raise missing or UnknownConversation
        turns = await self._durable.load_turns(conversation_id)
        last = turns[-1].number if turns else 0
        head = dataclasses.replace(head, turn_count=max(head.turn_count, last))
        await self._restorer.restore(make_whole(self._settings, head, turns))


class DurableRestorer:
    """The `Restorer` port over a durable store and Redis: both get the whole conversation."""

    def __init__(self, durable: DurableStore, restorer: Restorer) -> None:
        self._durable = durable
        self._restorer = restorer

    async def restore(self, whole: Whole) -> None:
        """Store durably, then in Redis; an import adds the memories by itself."""
        turns = [*whole.evicted, *whole.turns]
        await self._durable.append(whole.head, turns, is_remembered=False)
        try:
            await self._restorer.restore(whole)
        except StorageFull:
            await self._durable.forget(whole.head.id)
            raise
