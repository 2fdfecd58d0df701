"""What the use cases need from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chat.core.counters import Stats
from chat.core.heads import Change, Forgotten, Summary
from chat.core.limits import Quota
from chat.core.messages import (
    Adds,
    Commit,
    Completion,
    Conversation,
    FoundMemory,
    Memory,
    Message,
    Place,
    Sampling,
    Turn,
    TurnResult,
)


@dataclass(frozen=True)
class Repetition:
    """What shows that a request was sent before: digests of its Idempotency-Key and of its body."""

    key: str
    body: str


@dataclass(frozen=True)
class Done:
    """The result of a turn that may be asked for again."""

    repetition: Repetition
    result: TurnResult


class AnsweredBefore(Exception):
    """A request that was sent before is sent again: `result` is what it was answered with."""

    def __init__(self, result: TurnResult) -> None:
        super().__init__("this request was answered before")
        self.result = result


class TurnStore(Protocol):
    """Where turns are taken from and stored. Every method may raise StoreUnavailable."""

    @property
    def quota(self) -> Quota | None:
        """What the caller had left when a turn was counted; None without a limit."""

    def admit(self, repetition: Repetition | None, adds: Adds = "") -> None:
        """Count a new conversation against the limits.

        Errors: AnsweredBefore, LimitExceeded, KeyReused, ConversationBusy while the first request
                runs, UnknownConversation if its conversation is gone, OwnerErased, StorageFull if
                what it `adds` has no room.
        """

    def dismiss(self, repetition: Repetition | None) -> None:
        """Let a new conversation that failed be asked for again."""

    def next_id(self) -> int:
        """Take the next id."""

    def last_id(self) -> int:
        """Give the id that was taken last; 0 if none was."""

    def mend_ids(self, least: int = 0) -> None:
        """Let ids go on behind `least` and all that are there, after one was given out twice."""

    def create(self, new: Conversation, commit: Commit, done: Done | None) -> None:
        """Store a new conversation with its first turn.

        Errors: IdTaken, OwnerErased, StorageFull.
        """

    def load(
        self, conversation_id: int, terms: Sequence[str] = (), repetition: Repetition | None = None
    ) -> Conversation:
        """Count a turn, load a conversation for it and lock it.

        With it come the evicted turns that have one of `terms`.
        Errors: AnsweredBefore, KeyReused, LimitExceeded, UnknownConversation, ConversationBusy,
                CorruptConversation, OwnerErased, StorageFull.
        """

    def commit(self, loaded: Conversation, commit: Commit, done: Done | None = None) -> None:
        """Append turns, archive the oldest evicted ones, and unlock; all or nothing.

        Errors: UnknownConversation if it was forgotten, ConversationBusy if another turn came in,
                OwnerErased.
        """

    def release(self, loaded: Conversation) -> None:
        """Unlock after a turn that failed."""


@dataclass(frozen=True)
class StoredTurn:
    """A turn, and the store's own mark of this version of it, which nobody else can read."""

    turn: Turn
    revision: bytes


@dataclass(frozen=True)
class Cursor:
    """Where a page ended: the time and the id of its last one."""

    at: str
    id: str


class ConversationStore(Protocol):
    """Where an owner's conversations are read, changed and forgotten.

    Errors: every method may raise StoreUnavailable; those with an id UnknownConversation and
            CorruptConversation; those that change something ConversationBusy.
    """

    def list_page(self, cursor: Cursor | None, limit: int) -> tuple[list[Summary], Cursor | None]:
        """List the conversations with the newest activity, and say where to go on."""

    def summarise(self, conversation_id: int) -> Summary:
        """Say what there is of a conversation beside its messages."""

    def turns_page(self, conversation_id: int, last_number: int, count: int) -> list[StoredTurn]:
        """Give `count` turns up to `last_number`, oldest first; up to the newest if it is 0.

        Long ones may be fewer, but one where there is one.
        """

    def change(
        self,
        conversation_id: int,
        change: Change,
        *,
        context_tokens: int = 0,
        lifetime_s: int | None = None,
    ) -> None:
        """Change a conversation, all of it at once; a lifetime begins now, if one is given.

        Units: `context_tokens` is the most that a new context takes, which counts from now on as
               more in the window.
        """

    def replace(
        self, conversation_id: int, place: Place, old: StoredTurn, new: Turn | None
    ) -> None:
        """Put `new`, without the message at `place`, where `old` is; None for nothing.

        With the message goes the memory that it left.
        Errors: ConversationBusy if the turn is not `old` any more.
        """

    def forget(self, conversation_id: int) -> Forgotten:
        """Remove all of a conversation."""


class EmbeddingStore(Protocol):
    """Where embeddings of a conversation's messages are kept, by what names them.

    Errors: StoreUnavailable, UnknownConversation, CorruptConversation.
    """

    def load_embeddings(
        self, conversation_id: int, names: Sequence[str]
    ) -> dict[str, Sequence[float]]:
        """Give those of `names` that are kept."""

    def keep_embeddings(
        self, conversation_id: int, embeddings: Mapping[str, Sequence[float]]
    ) -> None:
        """Keep more, for as long as the conversation."""


class OwnedStore(ConversationStore, EmbeddingStore, Protocol):
    """Both of what is needed of a conversation."""


class LongTermMemory(Protocol):
    """What one owner said, in all conversations.

    Errors: every method may raise StoreUnavailable or MemoryUnavailable; those that are given a
            text may raise what an embedder does; those with an id UnknownMemory.
    """

    owner: str

    def search(
        self, text: str, *, count: int, max_distance: float, beside: int | None = None
    ) -> list[FoundMemory]:
        """Give up to `count` memories nearer than `max_distance`, the nearest first.

        None of the conversation `beside`.
        """

    def list_page(self, cursor: Cursor | None, limit: int) -> tuple[list[Memory], Cursor | None]:
        """List the newest memories, and say where to go on."""

    def get(self, memory_id: str) -> Memory:
        """Give one."""

    def add(self, memories: Sequence[Memory]) -> list[str]:
        """Remember, and give the ids; of what is remembered already, the ids that it has.

        Nothing is put in the place of a memory that has the id.
        """

    def change(self, memory: Memory) -> None:
        """Put a memory in the place of the one with its id; TextRemembered if another says it."""

    def forget(self, memory_id: str) -> None:
        """Forget one."""

    def forget_all(self) -> int:
        """Forget all, and say how many there were."""


class Embedder(Protocol):
    """What turns texts into vectors."""

    def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """Embed each text.

        Errors: ModelUnavailable, ModelFailed, ModelTimeout.
        """


class LanguageModel(Protocol):
    """What replies to messages."""

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Reply to `messages`: the system context, if any, then user and assistant in turn.

        Errors: ModelUnavailable, ModelFailed, ModelTimeout.
        """


class Clock(Protocol):
    """The time."""

    def __call__(self) -> float:
        """Return seconds since 1970."""


class StatsStore(Protocol):
    """Where what was counted is read."""

    def read(self, at: float) -> Stats:
        """Return all of it; `at` is seconds since 1970.

        Errors: StoreUnavailable.
        """
