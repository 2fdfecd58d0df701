"""Makes branches of conversations in Redis: evicted turns are copied there, without the guest."""

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from chat.core.messages import Conversation, Place
from chat.core.portions import MAX_CALL_BYTES
from chat.core.refusals import UnknownConversation
from chat.redis.account import Account, account_of
from chat.redis.connection import Redis, as_bytes, as_int, as_text
from chat.redis.conversations import RedisConversationStore
from chat.redis.keys import SOURCE_NAMES, Keys, conversation_keys, started_key
from chat.redis.records import parse_conversation, parse_turns
from chat.redis.repetitions import render_done, render_started
from chat.redis.restorer import Begun, RedisRestorer
from chat.redis.whole_scripts import BRANCH_SOURCE, COPY
from chat.usecases.branch_ports import Branch, Made, Source
from chat.usecases.durable_ports import Whole
from chat.usecases.ports import Done
from chat.usecases.read_messages import PAGE_TURNS, every_turn

Starting = Callable[[Done | None, int], AbstractAsyncContextManager[None]]
"""Notes where an Idempotency-Key leads, before a block stores the conversation with that id."""
NO_SUMMARY, NO_PROFILE = b"", b""
"""What a branch does not take over: the summary of all turns, and what others know of the model."""
NOTHING_FOUND = ("[]", b"", "0 0", "")
"""What a search found that was not made."""


class RedisBrancher:
    """The `Brancher` port over one connection, for one request."""

    def __init__(  # noqa: PLR0913 - all of it is known once, and by name
        self,
        redis: Redis,
        *,
        prefix: str,
        fencing: str,
        part_ms: int,
        rate_tag: str,
        owners: Callable[[int], Sequence[str]],
        make_restorer: Callable[[str], RedisRestorer],
        account: Account | None = None,
        starting: Starting | None = None,
    ) -> None:
        """Take the `owners` whose conversations the caller may reach, and what restores for one.

        `rate_tag` names whose Idempotency-Keys are looked at. What a call copied expires if no
        other call follows within `part_ms`. In a cluster, `starting` notes where the
        Idempotency-Key of an address leads.
        """
        self._starting = starting
        self._account = account
        self._redis = redis
        self._prefix = prefix
        self._fencing = fencing
        self._part_ms = part_ms
        self._rate_tag = rate_tag
        self._owners = owners
        self._make_restorer = make_restorer

    async def load(self, conversation_id: int, before: Place | None) -> Source:
        """Load in one round trip for each owner that may have the conversation."""
        for owner in self._owners(conversation_id):
            try:
                return await self._load(owner, conversation_id, before)
            except UnknownConversation:
                continue
        raise UnknownConversation

    async def _load(self, owner: str, conversation_id: int, before: Place | None) -> Source:
        reply = await self._redis.run(
            BRANCH_SOURCE,
            conversation_keys(self._prefix, owner, conversation_id),
            last_number=before.turn_number if before else 0,
            turn_count=PAGE_TURNS,
            max_bytes=MAX_CALL_BYTES,
        )
        *head, title, archived_count, turns, older = reply
        conversation = parse_conversation(
            owner, conversation_id, [*head, NO_SUMMARY, NO_PROFILE, turns, *NOTHING_FOUND]
        )
        return Source(
            conversation,
            as_bytes(title).decode() or None,
            parse_turns(as_text(older)),
            has_evicted=as_int(archived_count) > 0,
        )

    async def store(self, source: Source, branch: Branch, owner: str) -> Made:
        """Store in one round trip; in more for evicted turns, and for long ones."""
        if self._starting is None:
            return await self._store(source, branch, owner)
        async with self._starting(branch.done, branch.whole.head.id):
            return await self._store(source, branch, owner)

    async def _store(self, source: Source, branch: Branch, owner: str) -> Made:
        copied, whole, is_copied = Made(0, 0), branch.whole, False
        if source.has_evicted:
            is_copied = self._starting is None or source.conversation.owner == owner
            if is_copied:
                copied = await self._copy(source.conversation, branch, owner)
            else:
                whole = await self._carried(source.conversation, branch)
        whole = dataclasses.replace(
            whole,
            evicted_before=whole.evicted_before + copied.evicted_turns,
            messages_before=copied.message_count,
        )
        begun = self._begun(branch.done, owner, whole.head.id, is_locked=is_copied)
        await self._make_restorer(owner).restore(whole, begun)
        said = sum(len(turn.shown()) for turn in (*whole.evicted, *whole.turns))
        return Made(copied.evicted_turns + len(whole.evicted), copied.message_count + said)

    async def _carried(self, source: Conversation, branch: Branch) -> Whole:
        """Return a branch with its evicted turns: in a cluster no script copies between owners."""
        store = RedisConversationStore(
            self._redis,
            prefix=self._prefix,
            fencing=self._fencing,
            owner=None,
            owners=lambda _: [source.owner],
        )
        turns = await every_turn(store, source.id, branch.first_number - 1)
        return dataclasses.replace(
            branch.whole,
            evicted=(*turns, *branch.whole.evicted),
            evicted_before=turns[0].number - 1 if turns else 0,
        )

    def _begun(
        self, done: Done | None, owner: str, conversation_id: int, *, is_locked: bool
    ) -> Begun:
        if done is None:
            return Begun(is_locked)
        notes = {
            "started": render_started(done.repetition, conversation_id),
            **render_done(done, 0),
        }
        if self._starting is not None and owner != self._rate_tag:
            return Begun(is_locked, notes={**notes, "started": ""})
        key = started_key(self._prefix, self._rate_tag, done.repetition.key)
        return Begun(is_locked, key, notes)

    async def _copy(self, source: Conversation, branch: Branch, owner: str) -> Made:
        """Copy evicted turns, some with each round trip; return what the branch has of them."""
        taken, before = branch.whole.head.id, branch.before or Place(source.turn_count + 1, 0)
        keys = conversation_keys(self._prefix, owner, taken) | self._source_keys(source)
        named, account = account_of(self._account, owner)
        place, evicted, said = "", list[int](), 0
        while place or not evicted:
            reply = await self._redis.run(
                COPY,
                keys | named,
                fencing=self._fencing,
                part_ms=self._part_ms,
                place=place,
                first_number=branch.first_number,
                cut_number=before.turn_number,
                cut_index=before.index,
                conversation_id=taken,
                account=account,
            )
            place = as_bytes(reply[0]).decode()
            evicted.append(as_int(reply[1]))
            said += as_int(reply[2])
        return Made(evicted[0], said)

    def _source_keys(self, source: Conversation) -> Keys:
        keys = conversation_keys(self._prefix, source.owner, source.id)
        return {name: keys[name.removeprefix("from_")] for name in SOURCE_NAMES}
