"""What a store of turns needs to know."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chat.core.limits import NO_REPLICAS, Limits, Replicas
from chat.core.served import Tally, uncounted
from chat.redis.keys import Keys, common_prefix, profile_key, rate_key, started_key
from chat.usecases.ports import Repetition


@dataclass(frozen=True)
class TurnStoreSettings:
    """What a store needs to know once.

    Shapes: a search finds up to `max_found` evicted turns; an owner has up to `max_memories`
            memories; `tags` are those of the embedding model and of the model; `rate_tag` names
            whose turns are limited; `owners` returns who a conversation may belong to. `tally`
            counts the request with a turn that it stores. If it `is_sharded`, a script's keys are
            all of one owner, and what spans owners is elsewhere: see `ShardedTurnStore`.
            `replicas` have to have a turn before it counts as stored.
    """

    prefix: str
    fencing: str
    lock_ms: int
    archive_turns: int
    limits: Limits
    rate_tag: str
    owners: Callable[[int], Sequence[str]]
    max_found: int = 12
    max_memories: int = 0
    tags: tuple[str, str] = ("", "")
    tally: Tally = field(default_factory=uncounted)
    replicas: Replicas = NO_REPLICAS
    is_sharded: bool = False

    @property
    def common(self) -> str:
        """What the keys of what spans owners start with."""
        return common_prefix(self.prefix, is_sharded=self.is_sharded)

    def beside(self, owner: str) -> str:
        """Return what keys start with that scripts get beside an owner's.

        In a cluster, those that really span owners are used elsewhere.
        """
        return f"{self.prefix}:{owner}" if self.is_sharded else self.prefix

    def tag_beside(self, owner: str) -> str:
        """Return the tag of the limits and Idempotency-Keys that scripts get beside an owner's."""
        return owner if self.is_sharded else self.rate_tag

    def profile_keys(self, owner: str) -> Keys:
        """Return the key that holds what the model's counts have shown."""
        return {"profile": profile_key(self.beside(owner), self.tags[1])}

    def rate_keys(self, owner: str) -> Keys:
        """Return the keys that count the caller's turns, and those of everybody."""
        caller = rate_key(self.prefix, self.tag_beside(owner))
        return {"caller_rate": caller, "rate": rate_key(self.beside(owner))}

    def started_keys(self, owner: str, repetition: Repetition | None) -> Keys:
        """Return the key that holds where an Idempotency-Key leads.

        Without an Idempotency-Key the scripts do not use it.
        """
        key = repetition.key if repetition else ""
        return {"started": started_key(self.prefix, self.tag_beside(owner), key)}
