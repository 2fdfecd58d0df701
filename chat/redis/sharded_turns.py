"""Keeps turns in a cluster: an owner's keys in one slot, and what spans owners in another one.

Both are asked beside each other where the host can, so that a turn takes as many steps as with one
server. What one of them has counted is taken back if the other one refuses.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial

from chat.core.errors import (
    NOTHING_STORED,
    ChatError,
    CorruptConversation,
    NotReplicated,
    StoreUnavailable,
    TurnsLost,
)
from chat.core.limits import Adds, Quota
from chat.core.messages import Commit, Conversation
from chat.core.refusals import UnknownConversation
from chat.core.undoing import undone_on_error
from chat.core.usage import TurnResult
from chat.redis.commons import Commons, Joined
from chat.redis.connection import Begun, Redis
from chat.redis.records import parse_profile
from chat.redis.turns import RedisTurnStore
from chat.usecases.ports import Done, Repetition


class ShardedTurnStore:
    """The `TurnStore` port over a cluster, for one request."""

    def __init__(
        self,
        redis: Redis,
        hot: RedisTurnStore,
        commons: Commons,
        *,
        is_owned: bool,
    ) -> None:
        """Take the owner's slot, and what spans owners.

        `is_owned` is whether limits and Idempotency-Keys are an owner's; otherwise an address's.
        """
        self._redis = redis
        self._hot = hot
        self._commons = commons
        self._is_owned = is_owned
        self._quota: Quota | None = None

    @property
    def quota(self) -> Quota | None:
        return self._hot.quota or self._quota

    async def admit(self, repetition: Repetition | None, adds: Adds = "") -> None:
        """Admit at both places; the key of an address may lead to a conversation already."""
        mine, common = (repetition, None) if self._is_owned else (None, repetition)
        joining = self._redis.begin(partial(self._commons.join, common))
        try:
            await self._hot.admit(mine, adds)
        except BaseException:
            await self._left(joining, common)
            raise
        async with undone_on_error(partial(self._hot.dismiss, mine)):
            joined = await self._joined(joining)
            if joined.begun and common:
                await self._hot.answer_again(joined.begun, common)

    async def _joined(self, joining: Begun[Joined]) -> Joined:
        """Wait until the turn is counted, and count its owner if that is a new one."""
        joined = await joining.result()
        self._quota = joined.quota
        if self._hot.is_newcomer:
            async with undone_on_error(self._commons.leave):
                await self._commons.count_newcomer()
        return joined

    async def _left(self, joining: Begun[Joined], repetition: Repetition | None) -> None:
        """Take back that a turn was counted, if it was."""
        if await joining.is_done():
            with suppress(ChatError):
                await self._commons.leave()
                if repetition:
                    await self._commons.dismiss(repetition)

    async def dismiss(self, repetition: Repetition | None, begun: int = 0) -> None:
        if self._is_owned or repetition is None:
            await self._hot.dismiss(repetition, begun)
        else:
            await self._commons.dismiss(repetition, begun)

    async def find_done(self, conversation_id: int, repetition: Repetition) -> TurnResult | None:
        return await self._hot.find_done(conversation_id, repetition)

    async def next_id(self) -> int:
        return await self._hot.next_id()

    async def last_id(self) -> int:
        return await self._hot.last_id()

    async def mend_ids(self, least: int = 0) -> None:
        await self._hot.mend_ids(least)

    async def load(
        self,
        conversation_id: int,
        terms: Sequence[str] = (),
        repetition: Repetition | None = None,
        *,
        is_counted: bool = True,
    ) -> Conversation:
        """Load and count; an unknown conversation counts among those of the caller's address."""
        load = partial(self._hot.load, conversation_id, terms, repetition, is_counted=is_counted)
        if not is_counted:
            return await load()
        joining = self._redis.begin(partial(self._commons.join, None))
        try:
            loaded = await load()
        except (UnknownConversation, TurnsLost):
            await self._joined(joining)
            await self._commons.leave()
            raise
        except BaseException:
            await self._left(joining, None)
            raise
        async with undone_on_error(partial(self._hot.release, loaded)):
            profile = (await self._joined(joining)).profile
            try:
                known = loaded.vocabulary.together_with(parse_profile(profile))
            except ValueError as error:
                raise CorruptConversation from error
            return replace(loaded, vocabulary=known)

    async def create(self, new: Conversation, commit: Commit, done: Done | None) -> None:
        """Store; where the Idempotency-Key of an address leads is noted just before."""
        async with self.starting(done, new.id), self._told(new, commit):
            await self._hot.create(new, commit, done)

    @asynccontextmanager
    async def starting(self, done: Done | None, conversation_id: int) -> AsyncIterator[None]:
        """Note where the Idempotency-Key of an address leads, before the block stores that.

        The note is taken back unless it may have been stored.
        """
        if done is None or self._is_owned:
            yield
            return
        await self._commons.begin_start(done.repetition, conversation_id)
        try:
            yield
        except BaseException as error:
            if not isinstance(error, StoreUnavailable) or error.promise == NOTHING_STORED:
                with suppress(ChatError):
                    await self._commons.dismiss(done.repetition, conversation_id)
            raise

    async def commit(self, loaded: Conversation, commit: Commit, done: Done | None = None) -> None:
        async with self._told(loaded, commit):
            await self._hot.commit(loaded, commit, done)

    @asynccontextmanager
    async def _told(self, conversation: Conversation, commit: Commit) -> AsyncIterator[None]:
        """Count a turn beside the block that stores it; counting never makes a turn fail."""
        served = self._commons.taken_along(commit)
        tell = partial(self._commons.tell, conversation, commit, served)
        telling = self._redis.begin(partial(tell, is_undone=False))
        try:
            yield
        except NotReplicated:
            with suppress(ChatError):
                await telling.result()
            raise
        except BaseException:
            if await telling.is_done():
                with suppress(ChatError):
                    await tell(is_undone=True)
            raise
        with suppress(ChatError):
            await telling.result()

    async def hold(self, loaded: Conversation) -> None:
        await self._hot.hold(loaded)

    async def release(self, loaded: Conversation) -> None:
        await self._hot.release(loaded)
