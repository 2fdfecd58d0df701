"""Counts in what spans owners, which has a slot of its own in a cluster."""

from dataclasses import dataclass

from chat.core.counters import Counters, day_of
from chat.core.limits import Limits, Quota
from chat.core.messages import Commit, Conversation
from chat.core.owners import anyone
from chat.core.served import Tally
from chat.redis.common_scripts import BEGIN_START, JOIN, LEAVE, TELL
from chat.redis.connection import Redis, as_bytes, as_int
from chat.redis.counters import render_counters
from chat.redis.keys import (
    Keys,
    credentials_key,
    newcomers_key,
    profile_key,
    rate_key,
    started_key,
    stats_keys,
)
from chat.redis.records import new_profile
from chat.redis.repetitions import render_running, render_started
from chat.redis.scripts import COUNT_CREDENTIAL, RELEASE
from chat.usecases.ports import Repetition


@dataclass(frozen=True)
class CommonSettings:
    """What has to be known once.

    Shapes: the keys start with `prefix`; `limits` are those of all, and of a client's address if
            the request has no owner. `address_tag` is the address's; `model_tag` is the model's.
            `is_new` is whether the request makes a credential. `tally` counts the request with a
            turn that it stores.
    Units:  `running_ms` is how long a start with an Idempotency-Key counts as running.
    """

    prefix: str
    fencing: str
    limits: Limits
    address_tag: str
    model_tag: str
    is_new: bool
    running_ms: int
    tally: Tally


@dataclass(frozen=True)
class Joined:
    """What was learned as a turn was counted: what is left, and what is known of the model.

    `begun` is the conversation that an Idempotency-Key began before; 0 if it is a new one.
    """

    quota: Quota | None = None
    profile: bytes = b""
    begun: int = 0


class Commons:
    """What spans owners, for one request. Every method may raise StoreUnavailable."""

    def __init__(self, redis: Redis, settings: CommonSettings) -> None:
        self._redis = redis
        self._settings = settings

    async def join(self, repetition: Repetition | None) -> Joined:
        """Count a turn, in one round trip; with an Idempotency-Key, note that it is running.

        Errors: LimitExceeded, KeyReused, ConversationBusy.
        """
        settings = self._settings
        most = settings.limits.per_owner
        reply = await self._redis.run(
            JOIN,
            self._keys(repetition),
            limit=most,
            limit_of_all=settings.limits.of_all,
            limit_of_new=settings.limits.credentials if settings.is_new else 0,
            body=repetition.body if repetition else "",
            running=render_running(repetition, settings.fencing) if repetition else "",
            running_ms=settings.running_ms,
        )
        if reply[0] == b"done":
            return Joined(begun=int(as_bytes(reply[1])))
        quota = Quota(most, as_int(reply[1]), as_int(reply[2])) if most else None
        return Joined(quota, as_bytes(reply[3]))

    async def leave(self) -> None:
        """Take back that a turn counts among those of all, in one round trip."""
        if self._settings.limits.of_all:
            await self._redis.run(LEAVE, {"rate": rate_key(self._settings.prefix)})

    async def count_newcomer(self) -> None:
        """Count an owner that was not seen before, in one round trip.

        Errors: LimitExceeded.
        """
        most = self._settings.limits.credentials
        if most and not self._settings.is_new:
            key = newcomers_key(self._settings.prefix, self._settings.address_tag)
            await self._redis.run(COUNT_CREDENTIAL, {"credentials": key}, limit=most)

    async def begin_start(self, repetition: Repetition, conversation_id: int) -> None:
        """Note where an Idempotency-Key will lead, in one round trip.

        Errors: ConversationBusy if it led to another conversation meanwhile.
        """
        await self._redis.run(
            BEGIN_START,
            self._started_keys(repetition),
            running=render_running(repetition, self._settings.fencing),
            started=render_started(repetition, conversation_id),
        )

    async def dismiss(self, repetition: Repetition, begun: int = 0) -> None:
        """Remove the note that an Idempotency-Key's first request is running, or has begun."""
        note = render_running(repetition, self._settings.fencing)
        if begun:
            note = render_started(repetition, begun)
        key = self._started_keys(repetition)["started"]
        await self._redis.run(RELEASE, {"lock": key}, fencing=note)

    def taken_along(self, commit: Commit) -> Counters:
        """Return the counters of the request that are stored with its turn."""
        return self._settings.tally.taken_along(commit.counters)

    async def tell(
        self, conversation: Conversation, commit: Commit, served: Counters, *, is_undone: bool
    ) -> None:
        """Count a turn in the counters, or take that back; keep what is known of the model."""
        owner, sign = conversation.owner, -1 if is_undone else 1
        turn, route = (
            {name: sign * by for name, by in one.items()} for one in (commit.counters, served)
        )
        is_owned = owner not in {"", anyone(conversation.id)}
        await self._redis.run(
            TELL,
            stats_keys(self._settings.prefix, day_of(commit.at)) | self._profile_keys(),
            counters=render_counters(turn, route, commit.at, owner if is_owned else None),
            profile=new_profile(conversation, commit),
        )

    def _keys(self, repetition: Repetition | None) -> Keys:
        prefix, tag = self._settings.prefix, self._settings.address_tag
        rates = {"caller_rate": rate_key(prefix, tag), "rate": rate_key(prefix)}
        new = {"newcomers": credentials_key(prefix, tag)}
        return rates | new | self._started_keys(repetition) | self._profile_keys()

    def _profile_keys(self) -> Keys:
        return {"profile": profile_key(self._settings.prefix, self._settings.model_tag)}

    def _started_keys(self, repetition: Repetition | None) -> Keys:
        key = repetition.key if repetition else ""
        tag = self._settings.address_tag
        return {"started": started_key(self._settings.prefix, tag, key)}
