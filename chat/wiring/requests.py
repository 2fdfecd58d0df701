"""Puts the parts of one request together: which class stands for which port, by the settings."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from chat.chroma.collection import Collection, base_path, collection_of
from chat.chroma.conversations import ChromaArchive
from chat.chroma.memories import ChromaMemory
from chat.core.errors import CredentialNeeded, StoreUnavailable
from chat.core.messages import Message
from chat.core.owners import address_tag
from chat.http.credentials import Caller, owners_of
from chat.llm.once import OnceEmbedder
from chat.llm.openai import OpenAiEmbedder, OpenAiModel
from chat.redis.account import Account, make_account, spend_import
from chat.redis.connection import Redis
from chat.redis.conversations import RedisConversationStore
from chat.redis.health import probe_store, tried_once
from chat.redis.memories import RedisMemory
from chat.redis.restorer import RedisRestorer
from chat.redis.turns import RedisTurnStore, TurnStoreSettings
from chat.settings import ChromaAddress, ModelEndpoint, Settings
from chat.spin.clock import Moment
from chat.spin.host import open_redis
from chat.spin.models import SpinEmbedder, SpinModel
from chat.spin.outgoing import Limit, SpinChroma, SpinEndpoint
from chat.usecases.check_health import Health, note_on, tried
from chat.usecases.durable_ports import Archive, Restorer
from chat.usecases.durable_stores import (
    ArchivingRestorer,
    RecoveringStore,
    RecoveringTurnStore,
    Recovery,
)
from chat.usecases.ports import Embedder, LanguageModel, LongTermMemory, OwnedStore, TurnStore
from chat.usecases.snapshots import Snapshots
from chat.usecases.take_back import Importer
from chat.usecases.turn_memory import Recaller

MS_PER_S = 1000
MOST_FOUND, MOST_FOUND_TO_RANK = 12, 50
"""Evicted turns that a search gives, and how many where they are ranked once more."""
CHROMA_TIMEOUT_S = 10
"""What a turn asks of Chroma has to be over long before its lock is."""


@dataclass(frozen=True)
class Who:
    """Whom a request is for.

    `owner` is that of what it makes, None for anyone; `fencing` is a random value of the request.
    """

    caller: Caller
    owner: str | None
    fencing: str


class Parts:
    """The parts of one request, over one connection to Redis."""

    def __init__(
        self, redis: Redis, settings: Settings, who: Who, until: Moment | None = None
    ) -> None:
        """Take until when a turn may ask models and Chroma; None for what is no turn."""
        self._redis = redis
        self._settings = settings
        self._who = who
        self._until = until
        self._redis = redis
        self._account = self._make_account()
        self.embedder: Embedder = OnceEmbedder(make_embedder(settings, until))
        self.hot_turns = RedisTurnStore(redis, self._turn_store_settings(), self._account)
        self.turns: TurnStore = self.hot_turns
        self.conversations: OwnedStore = self._make_store(who.caller.owner, self._owners)
        self.memory: LongTermMemory | None = None
        self._archive: Archive | None = None
        self.restorer: Restorer | None = None
        if who.owner is not None:
            self.restorer = make_restorer(redis, settings, who, who.owner, self._account)
            self._add_memory(redis, who.owner, self.restorer)
        self.recaller = Recaller(settings, self.embedder, self.conversations, self.memory)

    def _add_memory(self, redis: Redis, owner: str, restorer: Restorer) -> None:
        settings = self._settings
        if settings.chroma is not None:
            self._add_chroma(settings.chroma, owner, restorer)
        elif settings.long_term.is_on:
            self.memory = RedisMemory(
                redis,
                self.embedder,
                prefix=settings.key_prefix,
                owner=owner,
                tag=settings.embedding_tag,
                most=settings.long_term.most,
                account=self._account,
            )

    def _add_chroma(self, address: ChromaAddress, owner: str, restorer: Restorer) -> None:
        """Let Chroma have the memories, and stand behind Redis."""
        settings, redis, account = self._settings, self._redis, self._account
        check = partial(account.check, redis) if account else lambda: None
        collection = make_collection(settings, address, owner, self._until, check)
        self.memory = memory = ChromaMemory(collection, self.embedder, owner)
        self._archive = archive = ChromaArchive(
            collection, memory, self.embedder, settings.long_term.min_chars
        )
        unbounded = Account(settings.key_prefix, owner)
        hot_restorer = make_restorer(redis, settings, self._who, owner, unbounded)
        begin = partial(unbounded.read, redis)
        recovery = Recovery(archive, hot_restorer, settings, owner, begin)
        self.restorer = ArchivingRestorer(archive, restorer)
        hot = self.conversations
        self.turns = RecoveringTurnStore(self.hot_turns, archive, recovery, hot)
        self.conversations = RecoveringStore(hot, archive, recovery)

    def make_importer(self) -> Importer:
        """Make what takes an export back.

        Errors: CredentialNeeded.
        """
        if self.restorer is None:
            raise CredentialNeeded
        return Importer(self.turns, self.conversations, self.restorer, self.memory, self._settings)

    def make_snapshots(self) -> Snapshots:
        """Make what reads all that the owner has.

        Errors: CredentialNeeded.
        """
        owner = self._who.owner
        if owner is None:
            raise CredentialNeeded
        return Snapshots(self._make_store(owner, lambda _: [owner]), self._archive)

    def _make_store(
        self, owner: str | None, owners: Callable[[int], Sequence[str]]
    ) -> RedisConversationStore:
        return RedisConversationStore(
            self._redis,
            prefix=self._settings.key_prefix,
            fencing=self._who.fencing,
            owner=owner,
            owners=owners,
            account=self._account,
        )

    def count_import(self, size: int) -> None:
        """Count the bytes of an import, which a client's address may have so many of.

        Errors: LimitExceeded.
        """
        settings, tag = self._settings, address_tag(self._who.caller.address)
        most = settings.limits.import_bytes
        spend_import(self._redis, settings.key_prefix, tag, most, size)

    def _make_account(self) -> Account | None:
        """Make the account of the owner of what the request makes."""
        settings, who = self._settings, self._who
        if who.owner is None:
            return None
        is_new = who.owner != who.caller.owner
        tag = address_tag(who.caller.address)
        return make_account(settings.key_prefix, who.owner, settings.bounds, tag, is_new=is_new)

    def _owners(self, conversation_id: int) -> Sequence[str]:
        return owners_of(self._who.caller, conversation_id, is_open=self._settings.is_open)

    def _turn_store_settings(self) -> TurnStoreSettings:
        """Gather them; `turn_timeout_s` is how long a request may hold a conversation."""
        settings = self._settings
        return TurnStoreSettings(
            prefix=settings.key_prefix,
            fencing=self._who.fencing,
            lock_ms=settings.turn_timeout_s * MS_PER_S,
            archive_turns=settings.archive_turns,
            limits=settings.limits,
            rate_tag=self._who.caller.rate_tag,
            owners=self._owners,
            most_found=MOST_FOUND_TO_RANK if settings.is_hybrid else MOST_FOUND,
            most_memories=settings.long_term.most,
            tag=settings.embedding_tag,
        )


def make_collection(
    settings: Settings,
    address: ChromaAddress,
    owner: str,
    until: Moment | None = None,
    check: Callable[[], None] = lambda: None,
) -> Collection:
    """Make an owner's collection in Chroma."""
    http = SpinChroma(address, chroma_limit(settings, until))
    base = base_path(address.tenant, address.database)
    tag = settings.embedding_tag
    return collection_of(http, base, settings.key_prefix, owner, tag, check)


def chroma_limit(settings: Settings, until: Moment | None = None) -> Limit:
    """Say how long Chroma may take for one request."""
    return Limit(max(1, min(CHROMA_TIMEOUT_S, settings.turn_timeout_s // 4)), until)


def make_restorer(
    redis: Redis, settings: Settings, who: Who, owner: str, account: Account | None
) -> RedisRestorer:
    """Make what brings an owner's conversations back into Redis."""
    return RedisRestorer(
        redis,
        prefix=settings.key_prefix,
        fencing=who.fencing,
        owner=owner,
        part_ms=settings.turn_timeout_s * MS_PER_S,
        archive_turns=settings.archive_turns,
        account=account,
    )


def make_model(
    settings: Settings, make_word: Callable[[], str], until: Moment | None = None
) -> LanguageModel:
    """Make what replies: an endpoint that the component asks itself, or Spin's own models.

    `make_word` makes a random word, by which a model's habits can be found out. An endpoint is
    given up at `until`; a call of Spin's own models takes as long as it does.
    """
    if settings.model_endpoint is not None:
        return OpenAiModel(make_endpoint(settings, settings.model_endpoint, until), settings.model)
    return SpinModel(settings.model, settings.prompt_format, make_word)


def make_embedder(settings: Settings, until: Moment | None) -> Embedder:
    """Make what embeds: an endpoint that the component asks itself, or Spin's own models."""
    if settings.embedding_endpoint is not None:
        endpoint = make_endpoint(settings, settings.embedding_endpoint, until)
        return OpenAiEmbedder(endpoint, settings.embedding_model)
    return SpinEmbedder(settings.embedding_model)


def make_endpoint(
    settings: Settings, endpoint: ModelEndpoint, until: Moment | None
) -> SpinEndpoint:
    """Make what sends requests to a model."""
    return SpinEndpoint(endpoint, Limit(settings.turn_timeout_s, until))


def make_redis_probe(settings: Settings) -> Callable[[], Health]:
    """Make what asks whether Redis takes writes."""

    def ask() -> str:
        with open_redis(settings.redis_url) as connection:
            probe_store(Redis(connection), settings.key_prefix)
        return ""

    return lambda: tried(ask)


def make_probes(
    settings: Settings, make_word: Callable[[], str]
) -> Mapping[str, Callable[[], Health]]:
    """Make what asks each part that a turn needs; the model is asked for one token."""

    def ask_model() -> str:
        one_token = replace(settings.sampling, max_reply_tokens=1)
        completion = make_model(settings, make_word).complete([Message("user", "Hi")], one_token)
        return note_on(completion, settings.context_length)

    def ask_model_once() -> Health:
        with suppress(StoreUnavailable), open_redis(settings.redis_url) as connection:
            return tried_once(Redis(connection), settings.key_prefix, ask_model)
        return tried(ask_model)

    probes = {"redis": make_redis_probe(settings), "model": ask_model_once}
    if settings.chroma is not None:
        collection = make_collection(settings, settings.chroma, "")

        def ask_chroma() -> str:
            collection.is_there()
            return ""

        probes["chroma"] = lambda: tried(ask_chroma)
    return probes
