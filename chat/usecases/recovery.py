"""Makes anew in Redis what it has lost of a conversation, from the durable store behind it."""

import dataclasses
from collections.abc import Callable

from chat.core.errors import TurnsLost
from chat.core.refusals import StorageFull, UnknownConversation
from chat.settings import Settings
from chat.usecases.durable_ports import DurableStore, Restorer, Whole
from chat.usecases.rebuild import make_whole

MISSING = (UnknownConversation, TurnsLost)
"""Errors that the durable store can make good."""


class Recovery:
    """Makes what Redis has of one owner's conversations anew."""

    def __init__(
        self,
        durable: DurableStore,
        restorer: Restorer,
        settings: Settings,
        owner: str,
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        """Take `begin`, which is called before the durable store is read: OwnerErased ends it."""
        self._begin = begin
        self._durable = durable
        self._restorer = restorer
        self._settings = settings
        self.owner = owner

    def recover(
        self, conversation_id: int, missing: UnknownConversation | TurnsLost | None = None
    ) -> None:
        """Bring a conversation back, of which Redis said what is `missing`.

        Errors: UnknownConversation if the durable store has none; TurnsLost if it lacks turns too;
                ConversationBusy if another request brings it back just now, or takes a turn of it;
                OwnerErased.
        """
        self._begin()
        head = self._durable.load_head(conversation_id)
        needed = missing.turn_count if isinstance(missing, TurnsLost) else 0
        if head is None or head.turn_count < needed:
            raise missing or UnknownConversation
        turns = self._durable.load_turns(conversation_id)
        last = turns[-1].number if turns else 0
        head = dataclasses.replace(head, turn_count=max(head.turn_count, last))
        self._restorer.restore(make_whole(self._settings, head, turns))


class DurableRestorer:
    """The `Restorer` port over a durable store and Redis: a whole conversation goes into both."""

    def __init__(self, durable: DurableStore, restorer: Restorer) -> None:
        self._durable = durable
        self._restorer = restorer

    def restore(self, whole: Whole) -> None:
        """Store durably, then restore; its memories are added elsewhere."""
        turns = [*whole.evicted, *whole.turns]
        self._durable.append(whole.head, turns, is_remembered=False)
        try:
            self._restorer.restore(whole)
        except StorageFull:
            self._durable.forget(whole.head.id)
            raise
