"""What keeping conversations for good, carrying them away and erasing them need from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chat.core.heads import Head
from chat.core.messages import Conversation, Place, Turn
from chat.usecases.ports import ConversationStore, Repetition, TurnStore


class HotTurnStore(TurnStore, Protocol):
    """A store of turns that a durable store stands behind."""

    def load(
        self,
        conversation_id: int,
        terms: Sequence[str] = (),
        repetition: Repetition | None = None,
        *,
        is_counted: bool = True,
    ) -> Conversation:
        """Load, without counting the turn if it was counted before."""

    def hold(self, loaded: Conversation) -> None:
        """Lock once more for as long as before.

        Errors: UnknownConversation if it was forgotten, ConversationBusy if another turn came in.
        """


class HotStore(ConversationStore, Protocol):
    """Where the conversations of one owner are, and no others."""

    def list_ids(self) -> list[int]:
        """List all of one moment, those of the newest activity first."""


@dataclass(frozen=True)
class Whole:
    """A conversation with all that a store keeps of it; token counts are bounds.

    Shapes: `evicted` and `turns`, those in the window, run oldest first.
    """

    head: Head
    evicted: Sequence[Turn]
    turns: Sequence[Turn]
    context_tokens: int
    window_tokens: int
    lifetime_s: int


class Restorer(Protocol):
    """What puts whole conversations of one owner into the store."""

    def restore(self, whole: Whole) -> None:
        """Restore; until all of it is there, none is.

        Errors: StoreUnavailable, ConversationBusy if it is there and not locked by this request.
        """


@dataclass(frozen=True)
class Ahead:
    """What a durable store knows of a conversation: how many turns it has, and whether one more.

    `turn_count` is 0 for a conversation that is not there.
    """

    turn_count: int
    has_turn: bool


class DurableStore(Protocol):
    """One owner's conversations, kept for good. Every method may raise MemoryUnavailable."""

    def append(self, head: Head, turns: Sequence[Turn], *, is_remembered: bool = True) -> None:
        """Write turns and the head together; what the head does not say stays as it is.

        What is long enough becomes a memory if it `is_remembered`.
        Errors: those of an embedder.
        """

    def look(self, conversation_id: int, next_number: int) -> Ahead:
        """Say how far a conversation is there, and whether it has a turn with that number."""

    def load_head(self, conversation_id: int) -> Head | None:
        """Give the head of a conversation; None if there is none."""

    def load_heads(self) -> list[Head]:
        """Give the heads of all conversations."""

    def load_turns(self, conversation_id: int) -> list[Turn]:
        """Give all turns of a conversation, the oldest first."""

    def change(self, head: Head) -> None:
        """Put a changed head in the place of the one that is there."""

    def forget(self, conversation_id: int) -> tuple[int, int]:
        """Forget a conversation; say how many records and memories there were."""

    def forget_message(self, conversation_id: int, place: Place) -> None:
        """Forget one message, and the memory that it is."""


@dataclass(frozen=True)
class Erased:
    """What was removed of an owner from one store, and how much a second look found."""

    counts: Mapping[str, int]
    left: int
