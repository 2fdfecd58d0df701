"""What the use cases need from outside."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from chat.core.cuts import Cut, ForgottenMessages
from chat.core.heads import Change, Forgotten, Summary
from chat.core.limits import Adds, Quota
from chat.core.messages import Commit, Completion, Conversation, Message, Place, Sampling, Turn
from chat.core.tool_calls import CallPart
from chat.core.usage import TurnResult


@dataclass(frozen=True)
class Repetition:
    """How a repeated request is recognised: by digests of its Idempotency-Key and of its body."""

    key: str
    body: str


@dataclass(frozen=True)
class Done:
    """The result of a turn, kept because the request may be sent again."""

    repetition: Repetition
    result: TurnResult


class AnsweredBefore(Exception):
    """The request was answered before: `result` is the answer that it got."""

    def __init__(self, result: TurnResult) -> None:
        super().__init__("this request was answered before")
        self.result = result


class TurnStore(Protocol):
    """Loads conversations for turns, and stores the turns.

    Errors: every method may raise StoreUnavailable.
    """

    @property
    def quota(self) -> Quota | None:
        """The caller's quota when the turn was counted; None without a limit."""

    async def admit(self, repetition: Repetition | None, adds: Adds = "") -> None:
        """Count a new conversation against the limits.

        Errors: AnsweredBefore, LimitExceeded, KeyReused, ConversationBusy while the first request
                runs, UnknownConversation if the conversation that it made is gone, OwnerErased,
                StorageFull if there is no room for what the request `adds`.
        """

    async def dismiss(self, repetition: Repetition | None, begun: int = 0) -> None:
        """Note that starting failed, of `begun` if it was stored: the request may be sent again."""

    async def find_done(self, conversation_id: int, repetition: Repetition) -> TurnResult | None:
        """Return the result that is kept under a key; None without one. Errors: KeyReused."""

    async def next_id(self) -> int:
        """Return the next id; no other call returns it again."""

    async def last_id(self) -> int:
        """Return the id that was given out last; 0 if none was."""

    async def mend_ids(self, least: int = 0) -> None:
        """Raise the counter, so that the next id is above `least` and above all ids in use.

        This repairs a counter that gave out an id twice.
        """

    async def create(self, new: Conversation, commit: Commit, done: Done | None) -> None:
        """Store a new conversation with its first turn.

        Errors: IdTaken, OwnerErased, StorageFull.
        """

    async def load(
        self, conversation_id: int, terms: Sequence[str] = (), repetition: Repetition | None = None
    ) -> Conversation:
        """Count a turn, then load and lock its conversation.

        Evicted turns that contain some of `terms` come with it.
        Errors: AnsweredBefore, KeyReused, LimitExceeded, UnknownConversation, ConversationBusy,
                CorruptConversation, OwnerErased, StorageFull.
        """

    async def commit(self, loaded: Conversation, commit: Commit, done: Done | None = None) -> None:
        """Append the new turns, archive the evicted ones, and unlock; all of it or nothing.

        Errors: UnknownConversation if the conversation was forgotten, ConversationBusy if another
                turn was stored meanwhile, OwnerErased.
        """

    async def release(self, loaded: Conversation) -> None:
        """Unlock a conversation after a turn that failed."""


@dataclass(frozen=True)
class StoredTurn:
    """A turn, and the store's mark of this version of it; only the store can read the mark."""

    turn: Turn
    revision: bytes


@dataclass(frozen=True)
class Cursor:
    """Where a page ended: the time and the id of its last item."""

    at: str
    id: str


class ConversationStore(Protocol):
    """Reads, changes and forgets an owner's conversations.

    Errors: every method may raise StoreUnavailable; methods that take an id may raise
            UnknownConversation and CorruptConversation; methods that change something may raise
            ConversationBusy.
    """

    async def list_page(
        self, cursor: Cursor | None, limit: int, namespace: str | None = None
    ) -> tuple[list[Summary], Cursor | None]:
        """Return a page of conversations, the newest activity first, and where the next begins.

        With a `namespace`, only its conversations are listed.
        """

    async def summarise(self, conversation_id: int) -> Summary:
        """Return all of a conversation but its messages."""

    async def turns_page(
        self, conversation_id: int, last_number: int, count: int
    ) -> list[StoredTurn]:
        """Return the last `count` turns up to `last_number`, the oldest first.

        0 for `last_number` is the newest turn. If the turns are long, fewer are returned, but
        always one if there is one.
        """

    async def change(
        self,
        conversation_id: int,
        change: Change,
        *,
        context_tokens: int = 0,
        lifetime_s: int | None = None,
    ) -> None:
        """Make all changes of a conversation at once; if `lifetime_s` is given, it begins now.

        Units: `context_tokens` is the most that a new context takes; the window counts as so much
               fuller from now on.
        """

    async def replace(
        self, conversation_id: int, place: Place, old: StoredTurn, new: Turn | None
    ) -> None:
        """Replace `old` by `new`, which lacks the message at `place`; remove `old` if it is None.

        The memory that the message became is forgotten, too.
        Errors: ConversationBusy if the turn was changed since `old` was read.
        """

    async def cut(self, conversation_id: int, cut: Cut) -> ForgottenMessages:
        """Forget all messages from a place on, and what was kept of them; all of it or nothing.

        Errors: ConversationBusy if a turn was stored or changed since the cut was made.
        """

    async def forget(self, conversation_id: int) -> Forgotten:
        """Remove all of a conversation; return how much was removed."""


class EmbeddingStore(Protocol):
    """Keeps embeddings of a conversation's messages, each under its name.

    Errors: StoreUnavailable, UnknownConversation, CorruptConversation.
    """

    async def load_embeddings(
        self, conversation_id: int, names: Sequence[str]
    ) -> dict[str, Sequence[float]]:
        """Return the embeddings that are kept, by name; other `names` are left out."""

    async def keep_embeddings(
        self, conversation_id: int, embeddings: Mapping[str, Sequence[float]]
    ) -> None:
        """Keep embeddings for as long as the conversation."""


class OwnedStore(ConversationStore, EmbeddingStore, Protocol):
    """An owner's conversations, with the embeddings of their messages."""


class Embedder(Protocol):
    """Turns texts into vectors."""

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """Return one embedding for each text.

        Errors: ModelUnavailable, ModelFailed, ModelTimeout.
        """


class LanguageModel(Protocol):
    """Replies to messages."""

    def complete(
        self, messages: Sequence[Message], sampling: Sampling
    ) -> AsyncGenerator[str | CallPart | Completion, None]:
        """Yield the reply to `messages` in parts, as it is made, and at last the completion.

        The messages begin with the system context, if any; then user and assistant take turns, and
        the outputs of tool calls stand behind the message with the calls. The parts make up the
        completion's text and its calls. An empty part says that the model is still at work. Whoever
        wants no more parts closes the generator, and the model stops.
        Errors: ModelUnavailable, ModelFailed, ModelTimeout; InvalidRequest, which names the field,
                if this model cannot be asked for `sampling.wishes`, or shown tool calls.
        """


Work = Callable[[], Awaitable[None]]
"""Work that needs nothing more than to be run."""


class Later(Protocol):
    """Takes work that only later requests need."""

    def __call__(self, work: Work) -> None:
        """Run `work` behind the answer, if at all: whoever needs its outcome has to look for it.

        Errors: none; those of `work` go to the log.
        """


class Clock(Protocol):
    """A clock."""

    def __call__(self) -> float:
        """Return the time, in seconds since 1970."""
