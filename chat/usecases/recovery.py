"""Rebuilds in Redis the conversations that Redis has lost, from the durable store behind it."""

import dataclasses
from collections.abc import Awaitable, Callable
from functools import partial

from chat.core.errors import TurnsLost
from chat.core.messages import Place
from chat.core.refusals import StorageFull, UnknownConversation
from chat.core.undoing import nothing, undone_on_error
from chat.settings import Settings
from chat.usecases.branch_ports import Branch, Brancher, Made, Source
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


class DurableBrancher:
    """The `Brancher` port over a durable store and Redis, for one owner."""

    def __init__(self, durable: DurableStore, brancher: Brancher, recovery: Recovery) -> None:
        self._durable = durable
        self._brancher = brancher
        self._recovery = recovery

    async def load(self, conversation_id: int, before: Place | None) -> Source:
        """Load; if Redis lost the conversation or turns of it, rebuild it first."""
        try:
            return await self._brancher.load(conversation_id, before)
        except MISSING as missing:
            await self._recovery.recover(conversation_id, missing)
            return await self._brancher.load(conversation_id, before)

    async def store(self, source: Source, branch: Branch, owner: str) -> Made:
        """Copy durably, then in Redis.

        If the durable store lacks turns of the source, or the source belongs to nobody, the branch
        is in Redis only: its next turn brings it into the durable store.
        """
        conversation, head = source.conversation, branch.whole.head
        is_own = conversation.owner == owner == self._recovery.owner
        if not is_own or (
            (await self._durable.look(conversation.id, 1)).turn_count < conversation.turn_count
        ):
            return await self._brancher.store(source, branch, owner)
        async with undone_on_error(partial(self._durable.forget, head.id)):
            await self._durable.copy(conversation.id, head, branch.before)
            return await self._brancher.store(source, branch, owner)
