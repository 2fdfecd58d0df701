"""Keeps turns in Redis."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from chat.core.errors import CorruptConversation, UnknownConversation
from chat.core.limits import Limits, Quota
from chat.core.messages import Adds, Commit, Conversation, Found, TurnResult
from chat.core.owners import anyone
from chat.core.tokens import Vocabulary
from chat.core.undoing import undone_on_error
from chat.redis.account import NOBODY, Account, account_of
from chat.redis.connection import Arguments, Redis, Value, as_bytes, as_int, as_text
from chat.redis.counters import day_of, render_counters
from chat.redis.ids import RedisIds
from chat.redis.keys import (
    conversation_keys,
    conversations_key,
    memory_keys,
    rate_key,
    started_key,
    stats_keys,
)
from chat.redis.records import (
    parse_result,
    parse_turns,
    render_embeddeds,
    render_result,
    render_terms,
    render_turn,
)
from chat.redis.turn_scripts import ADMIT, COMMIT, CREATE, HOLD, LOAD, RELEASE
from chat.usecases.ports import Done, Repetition

NO_LIMITS = Limits(0, 0)
LOCK = 4
"""The place of the lock among the keys."""
SPARE_MS = 5_000
"""How much longer it stands that a start with an Idempotency-Key is running than its turn may take:
what asks Redis comes on top. A start that took longer yet is not stored beside another."""


@dataclass(frozen=True)
class TurnStoreSettings:
    """What a store is told once.

    Shapes: `most_found` evicted turns are found for a prompt; an owner has up to `most_memories`;
            `tag` is that of the embedding model. `rate_tag` names whom the limit is for, `owners`
            whose conversations may be reached.
    """

    prefix: str
    fencing: str
    lock_ms: int
    archive_turns: int
    limits: Limits
    rate_tag: str
    owners: Callable[[int], Sequence[str]]
    most_found: int = 12
    most_memories: int = 0
    tag: str = ""


class RedisTurnStore:
    """The `TurnStore` port over one connection, for one request."""

    def __init__(
        self, redis: Redis, settings: TurnStoreSettings, account: Account | None = None
    ) -> None:
        """Take the account of the owner of what is stored, if there is one."""
        self._account = account
        self._redis = redis
        self._settings = settings
        self._ids = RedisIds(redis, settings.prefix)
        self.quota: Quota | None = None

    def admit(self, repetition: Repetition | None, adds: Adds = "") -> TurnResult | None:
        """Count, or find what there is, in one round trip; in none where nothing is to be known."""
        limits, started = self._settings.limits, []
        keys, text = self._entry(self._account, limits, adds)
        if repetition:
            started = [self._started_key(repetition)]
        elif not (limits.per_owner or limits.of_all or text):
            return None
        arguments: Arguments = [
            limits.per_owner,
            limits.of_all,
            repetition.body if repetition else "",
            self._running(repetition) if repetition else "",
            self._settings.lock_ms + SPARE_MS,
            text,
        ]
        reply = self._redis.run(ADMIT, [*self._rate_keys(), *started, *keys], arguments)
        if reply[0] == b"done" and repetition:
            return self._done(int(as_bytes(reply[1])), repetition)
        with undone_on_error(partial(self.dismiss, repetition)):
            self._take_quota(limits, reply[1:])
            self._note_word(self._account, reply)
        return None

    def _entry(
        self, account: Account | None, limits: Limits, adds: Adds = ""
    ) -> tuple[Sequence[str], bytes]:
        """Give the keys and the text of the account with which a request begins, if it has one."""
        if account is None:
            return (), NOBODY
        return [*account.newcomers, *account.keys], account.render(adds, limits.credentials)

    def _note_word(self, account: Account | None, reply: Sequence[Value]) -> None:
        """Note the word that the owner's mark has as the request begins."""
        if account is not None:
            account.word = as_bytes(reply[-1]).decode()

    def dismiss(self, repetition: Repetition | None) -> None:
        """Take back that the first request of a key is running."""
        if repetition:
            key = self._started_key(repetition)
            self._redis.run(RELEASE, [key], [self._running(repetition)])

    def next_id(self) -> int:
        """Count up."""
        return self._ids.next()

    def last_id(self) -> int:
        """Look at the counter."""
        return self._ids.last()

    def mend_ids(self, least: int = 0) -> None:
        """Look at all keys."""
        self._ids.mend(least)

    def create(self, new: Conversation, commit: Commit, done: Done | None) -> None:
        """Store, in one round trip."""
        is_owned = new.owner != anyone(new.id)
        keys = self._keys(new) + stats_keys(self._settings.prefix, day_of(commit.at))
        listed, started = 0, 0
        if is_owned:
            keys.append(conversations_key(self._settings.prefix, new.owner))
            listed = len(keys)
        if done:
            keys.append(self._started_key(done.repetition))
            started = len(keys)
        memories = len(keys) + 1
        if commit.memories:
            keys += memory_keys(self._settings.prefix, new.owner)
        account_keys, account = account_of(self._account, new.owner)
        keys += account_keys
        turn = commit.turns[0]
        arguments: Arguments = [
            new.context,
            commit.context_tokens,
            commit.vocabulary.evidence_tokens,
            repr(commit.at),
            commit.lifetime_s,
            new.id,
            render_turn(turn),
            *_render_done(done, turn.number),
            listed,
            started,
            f"{done.repetition.body}:{new.id}" if done else "",
            commit.window_tokens,
            render_embeddeds(commit.memories, self._settings.tag),
            self._settings.most_memories,
            memories,
            render_counters(commit.counters, commit.at, new.owner if is_owned else None),
            account,
        ]
        self._redis.run(CREATE, keys, arguments)

    def load(self, conversation_id: int) -> Conversation:
        """Count, load and lock, as `load_or_repeat`."""
        loaded = self.load_or_repeat(conversation_id)
        if isinstance(loaded, TurnResult):
            raise CorruptConversation  # results are kept under keys, and none was given
        return loaded

    def load_or_repeat(
        self,
        conversation_id: int,
        terms: Sequence[str] = (),
        repetition: Repetition | None = None,
        *,
        is_counted: bool = True,
    ) -> Conversation | TurnResult:
        """Count, load and lock, in one round trip for each owner that may have it."""
        limits = self._settings.limits if is_counted else NO_LIMITS
        for owner in self._settings.owners(conversation_id):
            try:
                return self._load(owner, conversation_id, repetition, terms, limits)
            except UnknownConversation:
                limits = NO_LIMITS  # it was counted
        raise UnknownConversation

    def _load(
        self,
        owner: str,
        conversation_id: int,
        repetition: Repetition | None,
        terms: Sequence[str],
        limits: Limits,
    ) -> Conversation | TurnResult:
        settings = self._settings
        keys = conversation_keys(settings.prefix, owner, conversation_id).all()
        account = self._account if self._account and self._account.owner == owner else None
        account_keys, text = self._entry(account, limits)
        arguments: Arguments = [
            settings.fencing,
            settings.lock_ms,
            limits.per_owner,
            limits.of_all,
            repetition.key if repetition else "",
            repetition.body if repetition else "",
            settings.most_found,
            text,
            *terms,
        ]
        reply = self._redis.run(LOAD, [*keys, *self._rate_keys(), *account_keys], arguments)
        if reply[0] == b"done":
            return parse_result(as_bytes(reply[1]))
        unlock = partial(self._redis.run, RELEASE, [keys[LOCK]], [settings.fencing])
        with undone_on_error(unlock):
            self._take_quota(limits, reply[9:11])
            self._note_word(account, reply)
            return parse_conversation(owner, conversation_id, [*reply[1:9], *reply[11:13]])

    def commit(self, loaded: Conversation, commit: Commit, done: Done | None = None) -> None:
        """Append, evict and unlock, in one round trip."""
        is_owned = loaded.owner != anyone(loaded.id)
        keys = self._keys(loaded) + stats_keys(self._settings.prefix, day_of(commit.at))
        if is_owned:
            keys.append(conversations_key(self._settings.prefix, loaded.owner))
            keys += memory_keys(self._settings.prefix, loaded.owner)
        account_keys, account = account_of(self._account, loaded.owner)
        keys += account_keys
        arguments: Arguments = [
            self._settings.fencing,
            loaded.turn_count,
            commit.context_tokens,
            commit.vocabulary.evidence_tokens,
            repr(commit.at),
            len(commit.evicted),
            self._settings.archive_turns,
            commit.lifetime_s,
            loaded.id,
            *_render_done(done, loaded.turn_count + 1),
            render_terms(commit.evicted),
            commit.window_tokens,
            render_embeddeds(commit.memories, self._settings.tag),
            self._settings.most_memories,
            self._settings.tag,
            render_counters(commit.counters, commit.at, loaded.owner if is_owned else None),
            account,
            *map(render_turn, commit.turns),
        ]
        self._redis.run(COMMIT, keys, arguments)

    def hold(self, loaded: Conversation) -> None:
        """Lock again, in one round trip."""
        settings = self._settings
        keys, account = account_of(self._account, loaded.owner)
        arguments: Arguments = [settings.fencing, loaded.turn_count, settings.lock_ms, account]
        self._redis.run(HOLD, [*self._keys(loaded), *keys], arguments)

    def release(self, loaded: Conversation) -> None:
        """Unlock, if the lock is still this request's."""
        self._redis.run(RELEASE, [self._keys(loaded)[LOCK]], [self._settings.fencing])

    def _keys(self, conversation: Conversation) -> list[str]:
        prefix = self._settings.prefix
        return conversation_keys(prefix, conversation.owner, conversation.id).all()

    def _rate_keys(self) -> list[str]:
        prefix = self._settings.prefix
        return [rate_key(prefix, self._settings.rate_tag), rate_key(prefix)]

    def _started_key(self, repetition: Repetition) -> str:
        return started_key(self._settings.prefix, self._settings.rate_tag, repetition.key)

    def _running(self, repetition: Repetition) -> str:
        return f"{repetition.body}?{self._settings.fencing}"

    def _take_quota(self, limits: Limits, left: Sequence[Value]) -> None:
        if limits.per_owner:
            self.quota = Quota(limits.per_owner, as_int(left[0]), as_int(left[1]))

    def _done(self, conversation_id: int, repetition: Repetition) -> TurnResult:
        """Give the result that is kept with the conversation: what is forgotten is so here too."""
        for owner in self._settings.owners(conversation_id):
            keys = conversation_keys(self._settings.prefix, owner, conversation_id)
            kept = self._redis.get("HGET", [keys.done, repetition.key])
            if kept:
                return parse_result(kept.split(b":", 2)[2])
        raise UnknownConversation


def _render_done(done: Done | None, turn_number: int) -> tuple[str, bytes]:
    """Render the digest of the key, and what is kept under it; empty without one."""
    if done is None:
        return "", b""
    head = f"{done.repetition.body}:{turn_number}:".encode()
    return done.repetition.key, head + render_result(done.result)


def parse_conversation(owner: str, conversation_id: int, reply: Sequence[Value]) -> Conversation:
    """Parse what `LOAD` gives.

    Errors: CorruptConversation.
    """
    *head, turns, found, scores = reply
    context, context_tokens, turn_count, active_at, pinned, evidence, window = map(as_bytes, head)
    try:
        return Conversation(
            id=conversation_id,
            owner=owner,
            context=context.decode(),
            context_tokens=int(context_tokens),
            window_tokens=int(window),
            turn_count=int(turn_count),
            turns=parse_turns(as_text(turns)),
            active_at=float(active_at),
            is_pinned=pinned == b"1",
            vocabulary=Vocabulary(int(evidence)),
            found=tuple(
                Found(turn, float(score))
                for turn, score in zip(
                    parse_turns(as_text(found)), as_bytes(scores).split(), strict=True
                )
            ),
        )
    except ValueError as error:
        raise CorruptConversation from error
