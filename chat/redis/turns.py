"""Keeps conversations and their turns in Redis."""

from collections.abc import Sequence
from functools import partial

from chat.core.counters import day_of
from chat.core.limits import Adds, Limits, Quota
from chat.core.messages import Commit, Conversation
from chat.core.owners import anyone
from chat.core.refusals import KeyReused, UnknownConversation
from chat.core.undoing import undone_on_error
from chat.core.usage import TurnResult
from chat.redis.account import NOBODY, Account, account_of
from chat.redis.connection import Redis, Value, as_bytes, as_int
from chat.redis.counters import render_counters
from chat.redis.failures import UnknownToNewcomer
from chat.redis.ids import RedisIds
from chat.redis.keys import (
    Keys,
    conversation_keys,
    owned_keys,
    stats_keys,
)
from chat.redis.records import (
    new_profile,
    parse_conversation,
    parse_result,
    render_embeddeds,
    render_terms,
    render_turn,
)
from chat.redis.repetitions import render_done, render_running, render_started
from chat.redis.script import Argument
from chat.redis.scripts import ADMIT, COMMIT, CONFIRM, CREATE, HOLD, LOAD, RELEASE
from chat.redis.turn_settings import TurnStoreSettings
from chat.usecases.ports import AnsweredBefore, Done, Repetition

NO_LIMITS = Limits(0, 0)
SPARE_MS = 5_000
"""How much longer than its turn may take a start with an Idempotency-Key counts as running.

The requests to Redis come on top of the turn. If a start takes even longer, another one may begin
under the same key; only the first that finishes is stored.
"""


class RedisTurnStore:
    """The `TurnStore` port over one connection, for one request."""

    def __init__(
        self, redis: Redis, settings: TurnStoreSettings, account: Account | None = None
    ) -> None:
        """Take the account of the owner for whom the request stores, if there is one."""
        self._account = account
        self._redis = redis
        self._settings = settings
        self._ids = RedisIds(redis, settings.prefix, settings.common)
        self.quota: Quota | None = None
        self.is_newcomer = False

    async def admit(self, repetition: Repetition | None, adds: Adds = "") -> None:
        """Admit a new conversation in one round trip; in none if there is nothing to check."""
        limits = self._settings.limits
        keys, text = self._entry(self._account, limits, adds)
        if not (repetition or limits.per_owner or limits.of_all or text):
            return
        owner = self._account.owner if self._account else self._settings.rate_tag
        reply = await self._redis.run(
            ADMIT,
            self._settings.rate_keys(owner) | self._settings.started_keys(owner, repetition) | keys,
            limit=limits.per_owner,
            limit_of_all=limits.of_all,
            body=repetition.body if repetition else "",
            running=self._running(repetition) if repetition else "",
            running_ms=self._settings.lock_ms + SPARE_MS,
            account=text,
        )
        if reply[0] == b"done" and repetition:
            await self.answer_again(int(as_bytes(reply[1])), repetition)
        self.is_newcomer = self.is_newcomer or as_bytes(reply[3]) != b""
        async with undone_on_error(partial(self.dismiss, repetition)):
            self._take_quota(limits, reply[1:])
            self._note_word(self._account, reply)

    def _entry(
        self, account: Account | None, limits: Limits, adds: Adds = ""
    ) -> tuple[Keys, bytes]:
        """Return the keys and the text of the account with which a request begins, if any."""
        if account is None:
            return {}, NOBODY
        return account.keys | account.newcomers, account.render(adds, limits.credentials)

    def _note_word(self, account: Account | None, reply: Sequence[Value]) -> None:
        """Note the word that the owner's mark has as the request begins."""
        if account is not None:
            account.word = as_bytes(reply[-1]).decode()

    async def dismiss(self, repetition: Repetition | None, begun: int = 0) -> None:
        """Remove the note that the first request of an Idempotency-Key is running, or has begun."""
        if repetition:
            key = self._settings.started_keys(self._settings.rate_tag, repetition)["started"]
            note = render_started(repetition, begun) if begun else self._running(repetition)
            await self._redis.run(RELEASE, {"lock": key}, fencing=note)

    async def next_id(self) -> int:
        return await self._ids.next()

    async def last_id(self) -> int:
        return await self._ids.last()

    async def mend_ids(self, least: int = 0) -> None:
        """Raise the counter; this looks at all keys of the server."""
        await self._ids.mend(least)

    async def create(self, new: Conversation, commit: Commit, done: Done | None) -> None:
        """Store in one round trip."""
        turn, repetition = commit.turns[0], done.repetition if done else None
        if self._settings.tag_beside(new.owner) != self._settings.rate_tag:
            repetition = None  # it is noted elsewhere where it leads
        account_keys, account = account_of(self._account, new.owner)
        started = self._settings.started_keys(new.owner, repetition)
        await self._redis.run_replicated(
            self._settings.replicas,
            CREATE,
            self._written_keys(new, commit) | started | account_keys,
            fencing=self._settings.fencing,
            context=new.context,
            new_namespace=new.namespace or "",
            turn=render_turn(turn),
            started=render_started(repetition, new.id),
            account=account,
            **render_done(done, turn.number),
            **self._render_commit(new, commit),
        )
        self._settings.tally.note_stored(commit.counters)

    async def load(
        self,
        conversation_id: int,
        terms: Sequence[str] = (),
        repetition: Repetition | None = None,
        *,
        is_counted: bool = True,
    ) -> Conversation:
        """Count, load and lock, in one round trip for each owner that may have the conversation."""
        limits = self._settings.limits if is_counted else NO_LIMITS
        for owner in self._settings.owners(conversation_id):
            try:
                return await self._load(owner, conversation_id, repetition, terms, limits)
            except UnknownConversation as error:
                limits = NO_LIMITS  # the turn was counted with the first owner
                self.is_newcomer = self.is_newcomer or isinstance(error, UnknownToNewcomer)
        raise UnknownConversation

    async def _load(
        self,
        owner: str,
        conversation_id: int,
        repetition: Repetition | None,
        terms: Sequence[str],
        limits: Limits,
    ) -> Conversation:
        settings = self._settings
        keys = conversation_keys(settings.prefix, owner, conversation_id)
        account = self._account if self._account and self._account.owner == owner else None
        account_keys, text = self._entry(account, limits)
        reply = await self._redis.run(
            LOAD,
            keys
            | self._settings.rate_keys(owner)
            | self._settings.profile_keys(owner)
            | account_keys,
            *terms,
            fencing=settings.fencing,
            lock_ms=settings.lock_ms,
            limit=limits.per_owner,
            limit_of_all=limits.of_all,
            repetition=repetition.key if repetition else "",
            body=repetition.body if repetition else "",
            max_found=settings.max_found,
            account=text,
        )
        if reply[0] == b"done" and repetition:
            await self._confirm(keys, repetition)
            raise AnsweredBefore(parse_result(as_bytes(reply[1])))
        async with undone_on_error(partial(self._unlock, keys)):
            self._take_quota(limits, reply[13:15])
            self._note_word(account, reply)
            return parse_conversation(owner, conversation_id, [*reply[1:13], *reply[15:19]])

    async def commit(self, loaded: Conversation, commit: Commit, done: Done | None = None) -> None:
        """Append, evict and unlock, in one round trip."""
        account_keys, account = account_of(self._account, loaded.owner)
        await self._redis.run_replicated(
            self._settings.replicas,
            COMMIT,
            self._written_keys(loaded, commit) | account_keys,
            *map(render_turn, commit.turns),
            fencing=self._settings.fencing,
            turn_count=loaded.turn_count,
            evicted_count=len(commit.evicted),
            archive_turns=self._settings.archive_turns,
            evicted_terms=render_terms(commit.evicted),
            embedding_tag=self._settings.tags[0],
            account=account,
            **render_done(done, loaded.turn_count + 1),
            **self._render_commit(loaded, commit),
        )
        self._settings.tally.note_stored(commit.counters)

    def _written_keys(self, conversation: Conversation, commit: Commit) -> Keys:
        """Return the keys that are written with a conversation, except those of the account."""
        prefix, owner = self._settings.prefix, conversation.owner
        counted = stats_keys(self._settings.beside(owner), day_of(commit.at))
        keys = self._keys(conversation) | counted | self._settings.profile_keys(owner)
        return keys if owner == anyone(conversation.id) else keys | owned_keys(prefix, owner)

    def _render_commit(self, conversation: Conversation, commit: Commit) -> dict[str, Argument]:
        """Render the arguments that `CREATE` and `COMMIT` share."""
        is_owned = conversation.owner != anyone(conversation.id)
        owner = conversation.owner if is_owned else None
        return {
            "conversation_id": conversation.id,
            "context_tokens": commit.context_tokens,
            "window_tokens": commit.window_tokens,
            "evidence_tokens": commit.vocabulary.evidence_tokens,
            "pair_tokens": commit.vocabulary.pair_tokens,
            "profile": "" if self._settings.is_sharded else new_profile(conversation, commit),
            "active_at": repr(commit.at),
            "lifetime_s": commit.lifetime_s,
            "title": commit.title,
            "new_memories": render_embeddeds(commit.memories, self._settings.tags[0]),
            "max_memories": self._settings.max_memories,
            "counters": self._render_counters(commit, owner),
        }

    def _render_counters(self, commit: Commit, owner: str | None) -> bytes:
        if self._settings.is_sharded:
            return b""
        served = self._settings.tally.taken_along(commit.counters)
        return render_counters(commit.counters, served, commit.at, owner)

    async def hold(self, loaded: Conversation) -> None:
        """Lock again, in one round trip."""
        keys, account = account_of(self._account, loaded.owner)
        await self._redis.run(
            HOLD,
            self._keys(loaded) | keys,
            fencing=self._settings.fencing,
            turn_count=loaded.turn_count,
            lock_ms=self._settings.lock_ms,
            account=account,
        )

    async def release(self, loaded: Conversation) -> None:
        """Unlock, if the lock is still this request's."""
        await self._unlock(self._keys(loaded))

    async def _unlock(self, keys: Keys) -> None:
        await self._redis.run(RELEASE, {"lock": keys["lock"]}, fencing=self._settings.fencing)

    def _keys(self, conversation: Conversation) -> Keys:
        return conversation_keys(self._settings.prefix, conversation.owner, conversation.id)

    def _running(self, repetition: Repetition) -> str:
        return render_running(repetition, self._settings.fencing)

    def _take_quota(self, limits: Limits, left: Sequence[Value]) -> None:
        if limits.per_owner:
            self.quota = Quota(limits.per_owner, as_int(left[0]), as_int(left[1]))

    async def answer_again(self, conversation_id: int, repetition: Repetition) -> None:
        """Raise AnsweredBefore with the result that is kept under an Idempotency-Key.

        Errors: UnknownConversation if it was forgotten with its conversation.
        """
        result = await self.find_done(conversation_id, repetition)
        if result is None:
            raise UnknownConversation
        raise AnsweredBefore(result)

    async def _confirm(self, keys: Keys, repetition: Repetition) -> None:
        """Wait until replicas have a turn that was stored before, if they have to have it."""
        if self._settings.replicas.count:
            written = {name: keys[name] for name in CONFIRM.keys}
            await self._redis.run_replicated(
                self._settings.replicas, CONFIRM, written, repetition=repetition.key
            )

    async def find_done(self, conversation_id: int, repetition: Repetition) -> TurnResult | None:
        for owner in self._settings.owners(conversation_id):
            keys = conversation_keys(self._settings.prefix, owner, conversation_id)
            kept = await self._redis.get("HGET", [keys["done"], repetition.key])
            if kept:
                body, _, result = kept.split(b":", 2)
                if body.decode() != repetition.body:
                    raise KeyReused
                await self._confirm(keys, repetition)
                return parse_result(result)
        return None
