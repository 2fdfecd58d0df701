"""The ports for keeping conversations for good, for exporting them and for erasing them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chat.core.heads import Head
from chat.core.messages import Conversation, Place, Turn
from chat.core.tokens import UNKNOWN, Vocabulary
from chat.usecases.ports import ConversationStore, OwnedStore, Repetition, TurnStore


class HotTurnStore(TurnStore, Protocol):
    """A store of turns with a durable store behind it."""

    async def load(
        self,
        conversation_id: int,
        terms: Sequence[str] = (),
        repetition: Repetition | None = None,
        *,
        is_counted: bool = True,
    ) -> Conversation:
        """Load a conversation for a turn; False for `is_counted` if the turn was counted before."""

    async def hold(self, loaded: Conversation) -> None:
        """Lock a conversation again, for as long as before.

        Errors: UnknownConversation if the conversation was forgotten, ConversationBusy if another
                turn was stored meanwhile, TurnsLost, OwnerErased.
        """


class HotStore(ConversationStore, Protocol):
    """A store that reaches the conversations of one owner, and no others."""

    async def list_ids(self, namespace: str | None = None) -> list[int]:
        """Return the ids of all conversations at one moment, the newest activity first.

        With a `namespace`, only those of its conversations are returned.
        """


class HotOwnedStore(OwnedStore, Protocol):
    """An owner's conversations with a durable store behind them."""

    async def hold(self, conversation_id: int) -> None:
        """Lock a conversation for a change that the durable store makes first.

        Errors: ConversationBusy.
        """

    async def release(self, conversation_id: int) -> None:
        """Unlock a conversation after a change that failed."""


@dataclass(frozen=True)
class Whole:
    """A conversation with all that a store keeps of it; its token counts are upper bounds.

    Shapes: `turns` are those in the window; `evicted` and `turns` both run oldest first.
            `evicted_before` counts evicted turns that are not in `evicted`, and `messages_before`
            those messages of them that are kept.
    """

    head: Head
    evicted: Sequence[Turn]
    turns: Sequence[Turn]
    context_tokens: int
    window_tokens: int
    lifetime_s: int
    vocabulary: Vocabulary = UNKNOWN
    evicted_before: int = 0
    messages_before: int = 0


class Restorer(Protocol):
    """Puts whole conversations of one owner into the store."""

    async def restore(self, whole: Whole) -> None:
        """Restore a conversation; nobody can read it before all of it is stored.

        Errors: StoreUnavailable, ConversationBusy if the store has the conversation and it was not
                locked by this request, OwnerErased, StorageFull.
        """


@dataclass(frozen=True)
class Ahead:
    """How many turns a durable store has of a conversation, and whether it has a certain turn.

    `turn_count` is 0 for a conversation that the store does not have.
    """

    turn_count: int
    has_turn: bool


class DurableStore(Protocol):
    """One owner's conversations, kept for good. Every method may raise MemoryUnavailable."""

    async def append(
        self, head: Head, turns: Sequence[Turn], *, is_remembered: bool = True
    ) -> None:
        """Write turns together with the head; a field that is None in the head stays as it is.

        With `is_remembered`, messages that are long enough become memories.
        Errors: those of an embedder.
        """

    async def look(self, conversation_id: int, next_number: int) -> Ahead:
        """Return how many turns a conversation has, and whether turn `next_number` is there."""

    async def load_head(self, conversation_id: int) -> Head | None:
        """Return the head of a conversation; None if the store does not have the conversation."""

    async def load_heads(self) -> list[Head]:
        """Return the heads of all conversations."""

    async def load_turns(self, conversation_id: int) -> list[Turn]:
        """Return all turns of a conversation, the oldest first; token counts are upper bounds."""

    async def copy(self, conversation_id: int, head: Head, before: Place | None) -> None:
        """Copy the messages of a conversation before a place to another one, whose head is `head`.

        None for `before` copies all up to the last turn of `head`. No memories are made.
        """

    async def change(self, head: Head) -> None:
        """Replace the head of a conversation by `head`."""

    async def forget(self, conversation_id: int) -> tuple[int, int]:
        """Forget a conversation; return how many records and how many memories it had."""

    async def cut(self, conversation_id: int, begin: Place) -> int:
        """Forget all messages from a place on; return how many memories they had become."""

    async def forget_message(self, conversation_id: int, place: Place) -> None:
        """Forget one message, and with it the memory that it became."""


@dataclass(frozen=True)
class Erased:
    """How much of an owner was removed from one store, and how much a second look still found."""

    counts: Mapping[str, int]
    left: int
