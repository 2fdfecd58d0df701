"""Stores over Redis, which can lose its data, and a durable store, which is written first.

If Redis has lost a conversation, or lacks its last turns, the conversation is rebuilt in Redis
from the durable store.
"""

import contextlib
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from chat.core.cuts import Cut, ForgottenMessages
from chat.core.errors import ChatError, StoreUnavailable, TurnsLost
from chat.core.heads import Change, Forgotten, Head, Summary
from chat.core.limits import Adds, Quota
from chat.core.messages import Commit, Conversation, Place, Turn
from chat.core.refusals import UnknownConversation
from chat.core.undoing import undone_on_error
from chat.core.usage import TurnResult
from chat.usecases.durable_ports import DurableStore, HotOwnedStore, HotTurnStore
from chat.usecases.ports import Cursor, Done, OwnedStore, Repetition, StoredTurn
from chat.usecases.read_messages import every_summary, every_turn, newest_page
from chat.usecases.recovery import MISSING, Recovery

Outcome = TypeVar("Outcome")


class RecoveringTurnStore:
    """The `TurnStore` port over a store that may lose data, and a durable one."""

    def __init__(
        self, hot: HotTurnStore, durable: DurableStore, recovery: Recovery, owned: OwnedStore
    ) -> None:
        """Take `owned`, from which turns that the durable store lacks are copied."""
        self._hot = hot
        self._durable = durable
        self._recovery = recovery
        self._owned = owned

    @property
    def quota(self) -> Quota | None:
        return self._hot.quota

    async def admit(self, repetition: Repetition | None, adds: Adds = "") -> None:
        await self._hot.admit(repetition, adds)

    async def dismiss(self, repetition: Repetition | None, begun: int = 0) -> None:
        await self._hot.dismiss(repetition, begun)

    async def find_done(self, conversation_id: int, repetition: Repetition) -> TurnResult | None:
        return await self._hot.find_done(conversation_id, repetition)

    async def next_id(self) -> int:
        """Return the next id that is free in both stores: Redis may have lost its counter."""
        taken = await self._hot.next_id()
        if (await self._durable.look(taken, 1)).turn_count == 0:
            return taken
        await self.mend_ids()
        return await self._hot.next_id()

    async def last_id(self) -> int:
        return await self._hot.last_id()

    async def mend_ids(self, least: int = 0) -> None:
        """Raise the counter above the ids in the durable store, too."""
        await self._hot.mend_ids(
            max([least, *(head.id for head in await self._durable.load_heads())])
        )

    async def create(self, new: Conversation, commit: Commit, done: Done | None) -> None:
        """Store durably, then in Redis; if Redis is away by then, nothing is lost."""
        await self._durable.append(_head(new, commit, created_at=commit.at), commit.turns)
        try:
            with contextlib.suppress(StoreUnavailable):
                await self._hot.create(new, dataclasses.replace(commit, memories=()), done)
        except ChatError:
            await self._durable.forget(new.id)
            raise

    async def load(
        self, conversation_id: int, terms: Sequence[str] = (), repetition: Repetition | None = None
    ) -> Conversation:
        """Load a conversation; rebuild it from the durable store first if Redis lacks turns."""
        try:
            loaded = await self._hot.load(conversation_id, terms, repetition)
        except MISSING as missing:
            await self._recovery.recover(conversation_id, missing)
            return await self._hot.load(conversation_id, terms, repetition, is_counted=False)
        is_open = loaded.owner != self._recovery.owner
        async with undone_on_error(partial(self._hot.release, loaded)):
            known = await self._durable.look(loaded.id, 1 if is_open else loaded.turn_count + 1)
            if is_open and known.turn_count == 0:
                return loaded
            if is_open:  # Redis lost the owner's conversation, and gave its id to an open one
                await self._hot.release(loaded)
            if is_open or known.has_turn:
                await self._recovery.recover(loaded.id)
                return await self._hot.load(loaded.id, terms, repetition, is_counted=False)
            if known.turn_count < loaded.turn_count:  # the durable store was off or away
                await self._catch_up(loaded.id, known.turn_count)
        return loaded

    async def _catch_up(self, conversation_id: int, last_number: int) -> None:
        """Copy the turns after `last_number`, the last one that the durable store has."""
        head = (await self._owned.summarise(conversation_id)).head
        turns = await every_turn(self._owned, conversation_id)
        await self._durable.append(head, [turn for turn in turns if turn.number > last_number])

    async def commit(self, loaded: Conversation, commit: Commit, done: Done | None = None) -> None:
        """Lock again, store durably, then in Redis.

        The lock fails if the turn may no longer be stored. A conversation that does not belong to
        this owner is stored in Redis only.
        """
        if loaded.owner != self._recovery.owner:
            await self._hot.commit(loaded, commit, done)
            return
        with contextlib.suppress(TurnsLost):  # the durable store has those turns
            await self._hot.hold(loaded)
        if commit.title and (known := await self._durable.load_head(loaded.id)) and known.title:
            commit = dataclasses.replace(commit, title="")
        await self._durable.append(_head(loaded, commit, created_at=None), commit.turns)
        try:
            await self._hot.commit(loaded, dataclasses.replace(commit, memories=()), done)
        except UnknownConversation:  # the conversation was forgotten meanwhile
            await self._durable.forget(loaded.id)
            raise
        except StoreUnavailable:
            return  # the durable store has the turn, and the next request finds it there
        except TurnsLost:
            await self._hot.release(loaded)  # the durable store has the turn here, too

    async def release(self, loaded: Conversation) -> None:
        await self._hot.release(loaded)


def _head(conversation: Conversation, commit: Commit, created_at: float | None) -> Head:
    turn_count = conversation.turn_count + len(commit.turns)
    title = commit.title or None
    return Head(
        conversation.id,
        conversation.context,
        created_at,
        commit.at,
        turn_count,
        title,
        namespace=conversation.namespace,
    )


class RecoveringStore:
    """The `ConversationStore` and `EmbeddingStore` ports over the same two stores."""

    def __init__(self, hot: HotOwnedStore, durable: DurableStore, recovery: Recovery) -> None:
        self._hot = hot
        self._durable = durable
        self._recovery = recovery

    async def list_page(
        self, cursor: Cursor | None, limit: int, namespace: str | None = None
    ) -> tuple[list[Summary], Cursor | None]:
        """List the conversations of both stores; each page reads all heads of the durable one."""
        heads = await self._durable.load_heads()
        found = {h.id: _summary(h) for h in heads if namespace in {None, h.namespace}}
        found |= {summary.id: summary async for summary in every_summary(self._hot, namespace)}
        return newest_page(found.values(), _by_activity, cursor, limit)

    async def summarise(self, conversation_id: int) -> Summary:
        return await self._recovered(conversation_id, self._hot.summarise)

    async def turns_page(
        self, conversation_id: int, last_number: int, count: int
    ) -> list[StoredTurn]:
        return await self._recovered(
            conversation_id, lambda id_: self._hot.turns_page(id_, last_number, count)
        )

    async def change(
        self,
        conversation_id: int,
        change: Change,
        *,
        context_tokens: int = 0,
        lifetime_s: int | None = None,
    ) -> None:
        """Change the durable store first; undo that if the change fails in Redis."""
        change_hot = partial(
            self._hot.change,
            conversation_id,
            change,
            context_tokens=context_tokens,
            lifetime_s=lifetime_s,
        )
        await self.summarise(conversation_id)
        head = await self._durable.load_head(conversation_id)
        if head is None:
            await change_hot()
            return
        await self._durable.change(changed_head(head, change))
        async with undone_on_error(partial(self._durable.change, head)):
            await change_hot()

    async def replace(
        self, conversation_id: int, place: Place, old: StoredTurn, new: Turn | None
    ) -> None:
        """Forget a message in the durable store first, then in Redis."""
        await self._durable.forget_message(conversation_id, place)
        await self._hot.replace(conversation_id, place, old, new)

    async def cut(self, conversation_id: int, cut: Cut) -> ForgottenMessages:
        """Lock in Redis, forget the messages in the durable store, and then in Redis."""
        await self._hot.hold(conversation_id)
        async with undone_on_error(partial(self._hot.release, conversation_id)):
            memories = await self._durable.cut(conversation_id, cut.begin)
            head = await self._durable.load_head(conversation_id) if cut.title else None
            if head and head.title == cut.title:
                await self._durable.change(dataclasses.replace(head, title=None))
            forgotten = await self._hot.cut(conversation_id, cut)
        return dataclasses.replace(forgotten, memories=forgotten.memories + memories)

    async def forget(self, conversation_id: int) -> Forgotten:
        """Forget in the durable store first: if Redis fails then, the caller can try again."""
        records, memories = await self._durable.forget(conversation_id)
        try:
            forgotten = await self._hot.forget(conversation_id)
        except UnknownConversation:
            if not records:
                raise
            forgotten = Forgotten(conversation_id, 0, 0, 0, 0)
        return dataclasses.replace(forgotten, memories=forgotten.memories + memories)

    async def load_embeddings(
        self, conversation_id: int, names: Sequence[str]
    ) -> dict[str, Sequence[float]]:
        return await self._recovered(
            conversation_id, lambda id_: self._hot.load_embeddings(id_, names)
        )

    async def keep_embeddings(
        self, conversation_id: int, embeddings: Mapping[str, Sequence[float]]
    ) -> None:
        await self._hot.keep_embeddings(conversation_id, embeddings)

    async def _recovered(
        self, conversation_id: int, act: Callable[[int], Awaitable[Outcome]]
    ) -> Outcome:
        """Act; if Redis lost the conversation or turns of it, rebuild it and act again."""
        try:
            return await act(conversation_id)
        except MISSING as missing:
            await self._recovery.recover(conversation_id, missing)
            return await act(conversation_id)


def changed_head(head: Head, change: Change) -> Head:
    """Return a head with the change made."""
    return dataclasses.replace(
        head,
        context=head.context if change.context is None else change.context,
        title=head.title if change.title is None else change.title or None,
        is_pinned=head.is_pinned if change.is_pinned is None else change.is_pinned,
        metadata=head.metadata if change.metadata is None else change.metadata,
    )


def _summary(head: Head) -> Summary:
    """Summarise a conversation that only the durable store has: it does not expire there."""
    return Summary(
        id=head.id,
        title=head.title,
        context=head.context,
        created_at=head.begun_at,
        active_at=head.active_at,
        expires_at=None,
        turn_count=head.turn_count,
        message_count=None,
        evicted_turns=0,
        is_pinned=bool(head.is_pinned),
        window_tokens=None,
        metadata=head.metadata or {},
        namespace=head.namespace,
    )


def _by_activity(summary: Summary) -> tuple[float, str]:
    return summary.active_at, str(summary.id)
