"""Puts the parts of one request together: the settings decide which class implements which port."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from chat.chroma.conversations import ChromaDurableStore
from chat.chroma.memories import ChromaMemory
from chat.core.addresses import ChromaAddress
from chat.core.limits import Limits
from chat.core.owners import address_tag
from chat.core.refusals import CredentialNeeded, MemoryOff
from chat.core.undoing import nothing
from chat.http.credentials import owners_of
from chat.llm.once import OnceEmbedder
from chat.redis.account import Account, make_account, spend_import
from chat.redis.connection import Redis
from chat.redis.conversations import RedisConversationStore
from chat.redis.counters import RedisStats
from chat.redis.memories import RedisMemory
from chat.redis.searcher import RedisSearcher
from chat.redis.sharded_turns import ShardedTurnStore
from chat.redis.summaries import RedisSummaries
from chat.redis.turns import RedisTurnStore
from chat.settings import Settings
from chat.usecases.begin import Beginner
from chat.usecases.branch import BranchMaker
from chat.usecases.branch_ports import Brancher
from chat.usecases.complete import Completer
from chat.usecases.durable_ports import HotTurnStore, Restorer
from chat.usecases.durable_stores import RecoveringStore, RecoveringTurnStore
from chat.usecases.memory_port import LongTermMemory
from chat.usecases.ports import Embedder, LanguageModel, OwnedStore, TurnStore
from chat.usecases.recovery import DurableBrancher, DurableRestorer, Recovery
from chat.usecases.respond import Responder
from chat.usecases.search import Searcher
from chat.usecases.snapshots import Snapshots
from chat.usecases.stopwatch import Stopwatch
from chat.usecases.summarise import Summariser
from chat.usecases.take_back import Importer
from chat.usecases.take_turn import Timing, TurnTaker
from chat.usecases.turn_memory import Recaller
from chat.wiring.models import Means, make_collection, make_embedder, make_model
from chat.wiring.turn_stores import common_of, make_sharded_turns, owned_limits, turn_settings
from chat.wiring.whole import Behind, Who, make_brancher, make_restorer


@dataclass(frozen=True)
class RequestStores:
    """The parts of one request over one connection to Redis; each is made when it is first used."""

    redis: Redis
    settings: Settings
    who: Who
    means: Means

    @cached_property
    def turns(self) -> TurnStore:
        """The store of turns."""
        durable = self._durable
        hot = self._hot_turns
        if durable is None:
            return hot
        return RecoveringTurnStore(hot, durable.store, durable.recovery, self._hot_conversations)

    @cached_property
    def conversations(self) -> OwnedStore:
        """The store of the caller's conversations."""
        durable = self._durable
        hot = self._hot_conversations
        return hot if durable is None else RecoveringStore(hot, durable.store, durable.recovery)

    @cached_property
    def long_term(self) -> LongTermMemory | None:
        """The owner's memories; None without an owner, or with `long_term` off."""
        owner, settings = self.who.owner, self.settings
        if self._durable is not None:
            return self._durable.memory
        if owner is None or not settings.long_term.is_on:
            return None
        return RedisMemory(
            self.redis,
            self.embedder,
            prefix=settings.key_prefix,
            owner=owner,
            tag=settings.embedding_tag,
            most=settings.long_term.most,
            account=self._account,
        )

    @property
    def memory(self) -> LongTermMemory:
        """The owner's memories.

        Errors: MemoryOff.
        """
        if self.long_term is None:
            raise MemoryOff
        return self.long_term

    @cached_property
    def embedder(self) -> Embedder:
        """The embedder, which embeds each text of the request only once."""
        return OnceEmbedder(make_embedder(self.means.host, self.settings, self.means.until))

    @cached_property
    def model(self) -> LanguageModel:
        """The model that replies."""
        return make_model(self.means.host, self.settings, self.means.make_word, self.means.until)

    @cached_property
    def recaller(self) -> Recaller:
        """What a turn does with embeddings."""
        settings, later = self.settings, self.means.later
        summaries = RedisSummaries(self.redis, settings.key_prefix, self._owners, self._account)
        summariser = Summariser(settings, self.model, summaries, later)
        return Recaller(
            settings, self.embedder, self.conversations, self.long_term, later, summariser
        )

    @cached_property
    def stopwatch(self) -> Stopwatch:
        """The stopwatch of the request."""
        return Stopwatch(self.means.timer)

    @cached_property
    def turn_taker(self) -> TurnTaker:
        """What takes turns."""
        return TurnTaker(self.turns, self.model, self.recaller, self.settings, self._timing)

    @cached_property
    def completer(self) -> Completer:
        """What replies to messages that are not kept."""
        stats, means = RedisStats(self.redis, common_of(self.settings)), self.means
        return Completer(
            self.model, self.long_term, self.settings, self._timing,
            lambda counters: means.later(partial(stats.count, counters, means.clock())),
        )  # fmt: skip

    @property
    def _timing(self) -> Timing:
        return Timing(self.means.clock, self.stopwatch)

    @cached_property
    def branch_maker(self) -> BranchMaker:
        """What makes branches."""
        start = None if self._sharded is None else self._sharded.starting
        hot = make_brancher(self.redis, self.settings, self.who, self._owners, self._account, start)
        durable = self._durable
        brancher: Brancher = hot
        if durable is not None:
            brancher = DurableBrancher(durable.store, hot, durable.recovery)
        return BranchMaker(self.turns, self.conversations, brancher, self.settings)

    def searcher(self, namespace: str | None) -> Searcher:
        """Return what searches the owner's conversations, or those of a `namespace`.

        Errors: CredentialNeeded.
        """
        return RedisSearcher(self.redis, self.settings.key_prefix, self._owner, namespace)

    @cached_property
    def beginner(self) -> Beginner:
        """What begins conversations without asking for a reply.

        Errors: CredentialNeeded.
        """
        return Beginner(
            self.turns, self.conversations, self._restorer, self.recaller, self.means.clock,
            self.settings,
        )  # fmt: skip

    @cached_property
    def responder(self) -> Responder:
        """What responds to items.

        Errors: CredentialNeeded.
        """
        parts = (self.turn_taker, self.branch_maker, self.conversations)
        return Responder(*parts, self._owner, self.means.clock)

    @cached_property
    def importer(self) -> Importer:
        """What imports an export.

        Errors: CredentialNeeded.
        """
        return Importer(
            self.turns, self.conversations, self._restorer, self.long_term, self.settings
        )

    @cached_property
    def _restorer(self) -> Restorer:
        """What puts whole conversations of the owner into all stores.

        Errors: CredentialNeeded.
        """
        hot = make_restorer(self.redis, self.settings, self.who, self._owner, self._account)
        durable = self._durable
        return hot if durable is None else DurableRestorer(durable.store, hot)

    @cached_property
    def snapshots(self) -> Snapshots:
        """What reads all of the owner's conversations.

        Errors: CredentialNeeded.
        """
        owner = self._owner
        store = None if self._durable is None else self._durable.store
        return Snapshots(self._make_store(owner, lambda _: [owner]), store)

    async def count_import(self, size: int) -> None:
        """Count the bytes of an import: a client's address may import so many a minute.

        Errors: LimitExceeded.
        """
        settings, tag = self.settings, address_tag(self.who.caller.address)
        most = settings.limits.import_bytes
        await spend_import(self.redis, common_of(settings), tag, most, size)

    @property
    def _owner(self) -> str:
        """The owner of what the request makes.

        Errors: CredentialNeeded without one.
        """
        if self.who.owner is None:
            raise CredentialNeeded
        return self.who.owner

    @cached_property
    def _account(self) -> Account | None:
        """The account of the owner of what the request makes; None without an owner."""
        settings, who = self.settings, self.who
        if who.owner is None:
            return None
        is_new = who.owner != who.caller.owner
        tag = None if settings.is_sharded else address_tag(who.caller.address)
        return make_account(settings.key_prefix, who.owner, settings.bounds, tag, is_new=is_new)

    @cached_property
    def _hot_conversations(self) -> RedisConversationStore:
        return self._make_store(self.who.caller.owner, self._owners)

    def _make_store(
        self, owner: str | None, owners: Callable[[int], Sequence[str]]
    ) -> RedisConversationStore:
        return RedisConversationStore(
            self.redis,
            prefix=self.settings.key_prefix,
            fencing=self.who.fencing,
            owner=owner,
            owners=owners,
            account=self._account,
        )

    def _owners(self, conversation_id: int) -> Sequence[str]:
        return owners_of(self.who.caller, conversation_id, is_open=self.settings.is_open)

    @cached_property
    def _hot_turns(self) -> HotTurnStore:
        """The store of turns in Redis."""
        return self._sharded or self._make_turns(self.settings.limits)

    @cached_property
    def _sharded(self) -> ShardedTurnStore | None:
        """The store of turns in a cluster; None without one."""
        settings, who = self.settings, self.who
        if not settings.is_sharded:
            return None
        hot = self._make_turns(owned_limits(settings, who))
        return make_sharded_turns(self.redis, settings, who, self.means.tally, hot)

    def _make_turns(self, limits: Limits) -> RedisTurnStore:
        """Make a store of turns on one server."""
        wanted = turn_settings(self.settings, self.who, self._owners, self.means.tally, limits)
        return RedisTurnStore(self.redis, wanted, self._account)

    @cached_property
    def _durable(self) -> Behind | None:
        """The durable parts behind Redis; None without an owner, or without Chroma."""
        if self.who.owner is None or self.settings.chroma is None:
            return None
        return self._make_durable(self.who.owner, self.settings.chroma)

    def _make_durable(self, owner: str, address: ChromaAddress) -> Behind:
        settings, redis, account = self.settings, self.redis, self._account
        check = partial(account.check, redis) if account else nothing
        collection = make_collection(
            self.means.host, settings, address, owner, self.means.until, check
        )
        memory = ChromaMemory(collection, self.embedder, owner)
        min_chars = settings.long_term.min_chars
        store = ChromaDurableStore(collection, memory, self.embedder, min_chars)
        unbounded = Account(settings.key_prefix, owner)
        restorer = make_restorer(redis, settings, self.who, owner, unbounded)
        begin = partial(unbounded.read, redis)
        recovery = Recovery(store, restorer, settings, owner, begin)
        return Behind(store, memory, recovery)
