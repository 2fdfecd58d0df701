"""Stores in this process: second implementations of the ports, held by their contracts."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chat.context.terms import turn_terms
from chat.core.cuts import Cut, ForgottenMessages
from chat.core.errors import IdTaken
from chat.core.heads import Change, Forgotten, Labels, Summary
from chat.core.limits import Adds, Quota
from chat.core.messages import Commit, Conversation, Found, Place, Turn
from chat.core.owners import anyone
from chat.core.refusals import (
    ConversationBusy,
    KeyReused,
    LimitExceeded,
    PinNeedsOwner,
    UnknownConversation,
)
from chat.core.usage import TurnResult
from chat.usecases.branch_ports import Branch, Made, Source
from chat.usecases.ports import AnsweredBefore, Cursor, Done, Repetition, StoredTurn
from chat.usecases.read_messages import newest_page

MINUTE_S = 60


@dataclass
class Kept:
    """A conversation, and what is kept beside it."""

    conversation: Conversation
    archive: tuple[Turn, ...] = ()
    title: str | None = None
    created_at: float | None = None
    lifetime_s: int = 0
    lock: str = ""
    done: dict[str, tuple[str, TurnResult]] = field(default_factory=dict)
    metadata: Labels = field(default_factory=dict)
    embeddings: dict[str, Sequence[float]] = field(default_factory=dict)

    def turns(self) -> tuple[Turn, ...]:
        """Return all turns, the oldest first."""
        return (*self.archive, *self.conversation.turns)


@dataclass
class Shelf:
    """The data that all requests share."""

    last_id: int = 0
    kept: dict[tuple[str, int], Kept] = field(default_factory=dict)
    started: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    counted: int = 0

    def find(self, owner: str | None, conversation_id: int) -> Kept:
        """Find the owner's conversation with this id, or anyone's."""
        for one in (*([owner] if owner else []), anyone(conversation_id)):
            if (one, conversation_id) in self.kept:
                return self.kept[one, conversation_id]
        raise UnknownConversation


class InMemoryTurnStore:
    """The `TurnStore` port for one request, of an owner or of nobody."""

    def __init__(self, shelf: Shelf, fencing: str, owner: str | None = None, most: int = 0) -> None:
        """Make a store that admits `most` turns in all; 0 means any number."""
        self._shelf = shelf
        self._fencing = fencing
        self._owner = owner
        self._most = most
        self.quota: Quota | None = None

    async def admit(self, repetition: Repetition | None, adds: Adds = "") -> None:
        assert adds in {"", "conversation", "memory"}
        if repetition and repetition.key in self._shelf.started:
            body, _, conversation_id = self._shelf.started[repetition.key]
            if body != repetition.body:
                raise KeyReused
            if not conversation_id:
                raise ConversationBusy
            raise AnsweredBefore(self._find(conversation_id).done[repetition.key][1])
        self._count()
        if repetition:
            self._shelf.started[repetition.key] = (repetition.body, self._fencing, 0)

    def _count(self) -> None:
        if self._most and self._shelf.counted >= self._most:
            raise LimitExceeded(self._most, MINUTE_S, "caller")
        self._shelf.counted += 1
        if self._most:
            self.quota = Quota(self._most, self._most - self._shelf.counted, MINUTE_S)

    async def dismiss(self, repetition: Repetition | None, begun: int = 0) -> None:
        if repetition is None:
            return
        body, fencing, conversation_id = self._shelf.started.get(repetition.key, ("", "", 0))
        is_own = body == repetition.body if begun else fencing == self._fencing
        if is_own and conversation_id == begun:
            del self._shelf.started[repetition.key]

    async def find_done(self, conversation_id: int, repetition: Repetition) -> TurnResult | None:
        try:
            body, result = self._find(conversation_id).done[repetition.key]
        except (KeyError, UnknownConversation):
            return None
        if body != repetition.body:
            raise KeyReused
        return result

    async def next_id(self) -> int:
        self._shelf.last_id += 1
        return self._shelf.last_id

    async def last_id(self) -> int:
        return self._shelf.last_id

    async def mend_ids(self, least: int = 0) -> None:
        ids = [conversation_id for _, conversation_id in self._shelf.kept]
        self._shelf.last_id = max([least, self._shelf.last_id, *ids])

    async def create(self, new: Conversation, commit: Commit, done: Done | None) -> None:
        if (new.owner, new.id) in self._shelf.kept:
            raise IdTaken
        kept = self._shelf.kept[new.owner, new.id] = Kept(new)
        self._append(kept, commit, done)
        if done:
            repetition = done.repetition
            self._shelf.started[repetition.key] = (repetition.body, self._fencing, new.id)

    async def load(
        self, conversation_id: int, terms: Sequence[str] = (), repetition: Repetition | None = None
    ) -> Conversation:
        self._count()
        kept = self._find(conversation_id)
        if repetition and repetition.key in kept.done:
            body, result = kept.done[repetition.key]
            if body != repetition.body:
                raise KeyReused
            self._shelf.counted -= 1
            raise AnsweredBefore(result)
        if kept.lock:
            self._shelf.counted -= 1
            raise ConversationBusy
        kept.lock = self._fencing
        found = [turn for turn in kept.archive if set(terms) & set(turn_terms(turn))]
        return dataclasses.replace(
            kept.conversation, found=tuple(Found(turn, 1.0) for turn in found)
        )

    async def commit(self, loaded: Conversation, commit: Commit, done: Done | None = None) -> None:
        kept = self._shelf.kept.get((loaded.owner, loaded.id))
        if kept is None:
            raise UnknownConversation
        is_other = kept.lock not in {"", self._fencing}
        if is_other or kept.conversation.turn_count != loaded.turn_count:
            raise ConversationBusy
        self._append(kept, commit, done)
        kept.lock = ""

    async def release(self, loaded: Conversation) -> None:
        kept = self._shelf.kept.get((loaded.owner, loaded.id))
        if kept and kept.lock == self._fencing:
            kept.lock = ""

    def _find(self, conversation_id: int) -> Kept:
        return self._shelf.find(self._owner, conversation_id)

    def _append(self, kept: Kept, commit: Commit, done: Done | None) -> None:
        before = kept.conversation
        turns = (*before.turns, *commit.turns)
        gone = len(commit.evicted)
        kept.archive = (*kept.archive, *turns[:gone])
        kept.conversation = dataclasses.replace(
            before,
            turns=turns[gone:],
            turn_count=before.turn_count + len(commit.turns),
            context_tokens=commit.context_tokens,
            window_tokens=commit.window_tokens,
            vocabulary=commit.vocabulary,
            active_at=commit.at,
        )
        kept.created_at = commit.at if kept.created_at is None else kept.created_at
        kept.lifetime_s = commit.lifetime_s
        kept.title = kept.title or commit.title or None
        if done:
            kept.done[done.repetition.key] = (done.repetition.body, done.result)


class InMemoryConversationStore:
    """The `ConversationStore` and `EmbeddingStore` ports for one request."""

    def __init__(self, shelf: Shelf, fencing: str, owner: str | None = None) -> None:
        self._shelf = shelf
        self._fencing = fencing
        self._owner = owner

    async def list_page(
        self, cursor: Cursor | None, limit: int, namespace: str | None = None
    ) -> tuple[list[Summary], Cursor | None]:
        own = [
            kept
            for (owner, _), kept in self._shelf.kept.items()
            if owner == self._owner and namespace in {None, kept.conversation.namespace}
        ]
        summaries = [dataclasses.replace(_summary(kept), context="") for kept in own]
        return newest_page(summaries, lambda one: (one.active_at, str(one.id)), cursor, limit)

    async def summarise(self, conversation_id: int) -> Summary:
        return _summary(self._find(conversation_id))

    async def turns_page(
        self, conversation_id: int, last_number: int, count: int
    ) -> list[StoredTurn]:
        turns = self._find(conversation_id).turns()
        wanted = [turn for turn in turns if not last_number or turn.number <= last_number]
        return [StoredTurn(turn, repr(turn).encode()) for turn in wanted[-count:]]

    async def change(
        self,
        conversation_id: int,
        change: Change,
        *,
        context_tokens: int = 0,
        lifetime_s: int | None = None,
    ) -> None:
        kept = self._free(conversation_id)
        before = kept.conversation
        if change.is_pinned and before.owner == anyone(before.id):
            raise PinNeedsOwner
        kept.conversation = dataclasses.replace(
            before,
            context=before.context if change.context is None else change.context,
            context_tokens=before.context_tokens if change.context is None else context_tokens,
            window_tokens=before.window_tokens + context_tokens,
            is_pinned=before.is_pinned if change.is_pinned is None else change.is_pinned,
        )
        kept.title = kept.title if change.title is None else change.title or None
        kept.metadata = kept.metadata if change.metadata is None else change.metadata
        kept.lifetime_s = kept.lifetime_s if lifetime_s is None else lifetime_s

    async def replace(
        self, conversation_id: int, place: Place, old: StoredTurn, new: Turn | None
    ) -> None:
        assert place.turn_number == old.turn.number
        kept = self._free(conversation_id)
        if old.revision not in {repr(turn).encode() for turn in kept.turns()}:
            raise ConversationBusy

        def replaced(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
            put = ((new if turn == old.turn else turn) for turn in turns)
            return tuple(turn for turn in put if turn is not None)

        kept.archive = replaced(kept.archive)
        window = replaced(kept.conversation.turns)
        kept.conversation = dataclasses.replace(kept.conversation, turns=window)

    async def cut(self, conversation_id: int, cut: Cut) -> ForgottenMessages:
        kept = self._free(conversation_id)
        before = kept.conversation
        stored = {repr(turn).encode() for turn in kept.turns()}
        if cut.turn_count not in {None, before.turn_count} or (
            cut.revision and cut.revision not in stored
        ):
            raise ConversationBusy
        said = sum(len(turn.shown()) for turn in kept.turns())

        def left(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
            whole = tuple(turn for turn in turns if turn.number < cut.begin.turn_number)
            is_here = any(turn.number == cut.begin.turn_number for turn in turns)
            return (*whole, cut.left) if cut.left and is_here else whole

        kept.archive = left(kept.archive)
        window = left(before.turns)
        unsaid = sum(turn.least_tokens for turn in before.turns[len(window) :])
        kept.conversation = dataclasses.replace(
            before,
            turns=window,
            window_tokens=min(
                before.window_tokens - unsaid,
                before.context_tokens + sum(turn.tokens for turn in window),
            ),
        )
        kept.title = None if cut.title and kept.title == cut.title else kept.title
        kept.done, begin = {}, (cut.begin.turn_number, 0)
        kept.embeddings = {
            name: embedding
            for name, embedding in kept.embeddings.items()
            if ":" in name and _is_before(name, Place(*begin))
        }
        return ForgottenMessages(said - sum(len(turn.shown()) for turn in kept.turns()), 0)

    async def forget(self, conversation_id: int) -> Forgotten:
        kept = self._find(conversation_id)
        del self._shelf.kept[kept.conversation.owner, conversation_id]
        window, archived = len(kept.conversation.turns), len(kept.archive)
        return Forgotten(conversation_id, window, archived, memories=0, keys=1)

    async def load_embeddings(
        self, conversation_id: int, names: Sequence[str]
    ) -> dict[str, Sequence[float]]:
        kept = self._find(conversation_id).embeddings if names else {}
        return {name: kept[name] for name in names if name in kept}

    async def keep_embeddings(
        self, conversation_id: int, embeddings: Mapping[str, Sequence[float]]
    ) -> None:
        self._find(conversation_id).embeddings.update(embeddings)

    def _find(self, conversation_id: int) -> Kept:
        return self._shelf.find(self._owner, conversation_id)

    def _free(self, conversation_id: int) -> Kept:
        """Find a conversation that no turn of another request holds."""
        kept = self._find(conversation_id)
        if kept.lock not in {"", self._fencing}:
            raise ConversationBusy
        return kept


class InMemoryBrancher:
    """The `Brancher` port for one request."""

    def __init__(self, shelf: Shelf, fencing: str, owner: str | None = None) -> None:
        self._shelf = shelf
        self._fencing = fencing
        self._owner = owner

    async def load(self, conversation_id: int, before: Place | None) -> Source:
        kept = self._shelf.find(self._owner, conversation_id)
        last = before.turn_number if before else 0
        older = tuple(turn for turn in kept.archive if turn.number <= last)
        return Source(kept.conversation, kept.title, older, has_evicted=bool(kept.archive))

    async def store(self, source: Source, branch: Branch, owner: str) -> Made:
        whole, before = branch.whole, self._shelf.find(self._owner, source.conversation.id)
        if (owner, whole.head.id) in self._shelf.kept:
            raise IdTaken
        conversation = dataclasses.replace(
            source.conversation,
            id=whole.head.id,
            owner=owner,
            turns=tuple(whole.turns),
            turn_count=whole.head.turn_count,
            window_tokens=whole.window_tokens,
            active_at=whole.head.active_at,
            is_pinned=False,
        )
        copied = [turn for turn in before.archive if turn.number < branch.first_number]
        cut = branch.before or Place(whole.head.turn_count + 1, 0)
        self._shelf.kept[owner, whole.head.id] = Kept(
            conversation,
            (*copied, *whole.evicted),
            whole.head.title,
            whole.head.created_at,
            whole.lifetime_s,
            embeddings={n: e for n, e in before.embeddings.items() if _is_before(n, cut)},
        )
        if branch.done:
            repetition, result = branch.done.repetition, branch.done.result
            self._shelf.kept[owner, whole.head.id].done[repetition.key] = (repetition.body, result)
            self._shelf.started[repetition.key] = (
                repetition.body, self._fencing, whole.head.id,
            )  # fmt: skip
        evicted = (*copied, *whole.evicted)
        said = sum(len(turn.shown()) for turn in (*evicted, *whole.turns))
        return Made(len(evicted), said)


def _is_before(name: str, cut: Place) -> bool:
    number, index = map(int, name.rpartition(":")[2].split("."))
    return (number, index) < (cut.turn_number, cut.index)


def _summary(kept: Kept) -> Summary:
    is_forever = kept.conversation.is_pinned or not kept.lifetime_s
    assert kept.created_at is not None
    assert kept.conversation.active_at is not None
    return Summary(
        id=kept.conversation.id,
        title=kept.title,
        context=kept.conversation.context,
        created_at=kept.created_at,
        active_at=kept.conversation.active_at,
        expires_at=None if is_forever else int(time.time()) + kept.lifetime_s,
        turn_count=kept.conversation.turn_count,
        message_count=sum(len(turn.shown()) for turn in kept.turns()),
        evicted_turns=len(kept.archive),
        is_pinned=kept.conversation.is_pinned,
        window_tokens=kept.conversation.window_tokens,
        metadata=kept.metadata,
        namespace=kept.conversation.namespace,
    )
