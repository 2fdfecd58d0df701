"""What the use cases need from outside."""

from collections.abc import Sequence
from typing import Protocol

from chat.messages import Completion, Conversation, Message, NewTurn, Sampling


class ConversationStore(Protocol):
    """Where conversations are kept. Every method may raise StoreUnavailable."""

    def load(self, conversation_id: int) -> Conversation:
        """Load a conversation for its next turn, and lock it.

        Errors: UnknownConversation, ConversationBusy, CorruptConversation.
        """

    def create(self, context: str, new: NewTurn) -> int:
        """Store a new conversation with its first turn, and return its id."""

    def commit(self, loaded: Conversation, new: NewTurn) -> None:
        """Append the turn, archive the oldest evicted ones, and unlock; all or nothing.

        Errors: UnknownConversation if it was deleted, ConversationBusy if another turn came in.
        """

    def release(self, conversation_id: int) -> None:
        """Unlock after a turn that failed."""

    def ping(self) -> None:
        """Return if the store answers."""


class LanguageModel(Protocol):
    """What replies to messages."""

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Reply to `messages`: the system context, if any, then user and assistant in turn.

        Errors: ModelUnavailable, ModelFailed.
        """


class Clock(Protocol):
    """The time."""

    def __call__(self) -> float:
        """Return seconds since 1970."""
