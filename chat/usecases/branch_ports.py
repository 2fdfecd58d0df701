"""The port for making a branch: a new conversation that begins as another one did."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from chat.core.messages import Conversation, Place, Turn
from chat.usecases.durable_ports import Whole
from chat.usecases.ports import Done


@dataclass(frozen=True)
class Source:
    """A conversation that a branch is made of.

    Shapes: `conversation` has the turns of its window; `older` are the newest evicted turns up to
            the turn where the branch ends, oldest first. `has_evicted` is whether any evicted turns
            are kept.
    """

    conversation: Conversation
    title: str | None
    older: tuple[Turn, ...]
    has_evicted: bool


@dataclass(frozen=True)
class Branch:
    """What a branch is to be.

    Shapes: `whole` has the head, the window, and those evicted turns that are not copied: evicted
            turns of the source with a number below `first_number` are copied before them. The
            branch ends before the message at `before`; None copies all. `done` is what is kept
            under the request's Idempotency-Key.
    """

    whole: Whole
    first_number: int
    before: Place | None
    done: Done | None = None


class Made(NamedTuple):
    """How many turns a branch has evicted, and how many messages can be read in it."""

    evicted_turns: int
    message_count: int


class Brancher(Protocol):
    """Makes branches of conversations that the caller may reach.

    Errors: every method may raise StoreUnavailable, UnknownConversation and CorruptConversation.
    """

    async def load(self, conversation_id: int, before: Place | None) -> Source:
        """Load what decides about a branch, without locking the conversation.

        A turn that runs meanwhile is not part of what is loaded.
        """

    async def store(self, source: Source, branch: Branch, owner: str) -> Made:
        """Store a branch for an owner.

        Nobody can read the branch before all of it is stored.
        Errors: IdTaken, OwnerErased, StorageFull, ConversationBusy.
        """
