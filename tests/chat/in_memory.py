"""A store of turns in this process, which passes the contract tests of the port."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

from chat.context.terms import turn_terms
from chat.core.errors import IdTaken
from chat.core.limits import Quota
from chat.core.messages import Adds, Commit, Conversation, Found, Turn, TurnResult
from chat.core.owners import anyone
from chat.core.refusals import ConversationBusy, KeyReused, LimitExceeded, UnknownConversation
from chat.usecases.ports import Done, Repetition

MINUTE_S = 60


@dataclass
class Kept:
    """A conversation, and what is kept beside it."""

    conversation: Conversation
    archive: tuple[Turn, ...] = ()
    lock: str = ""
    done: dict[str, tuple[str, TurnResult]] = field(default_factory=dict)


@dataclass
class Shelf:
    """The data that all requests share."""

    last_id: int = 0
    kept: dict[tuple[str, int], Kept] = field(default_factory=dict)
    started: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    counted: int = 0


class InMemoryTurnStore:
    """The `TurnStore` port for one request, of an owner or of nobody."""

    def __init__(self, shelf: Shelf, fencing: str, owner: str | None = None, most: int = 0) -> None:
        """Make a store that admits `most` turns in all; 0 means any number."""
        self._shelf = shelf
        self._fencing = fencing
        self._owner = owner
        self._most = most
        self.quota: Quota | None = None

    def admit(self, repetition: Repetition | None, adds: Adds = "") -> TurnResult | None:
        assert adds in {"", "conversation", "memory"}
        if repetition and repetition.key in self._shelf.started:
            body, _, conversation_id = self._shelf.started[repetition.key]
            if body != repetition.body:
                raise KeyReused
            if not conversation_id:
                raise ConversationBusy
            return self._find(conversation_id).done[repetition.key][1]
        self._count()
        if repetition:
            self._shelf.started[repetition.key] = (repetition.body, self._fencing, 0)
        return None

    def _count(self) -> None:
        if self._most and self._shelf.counted >= self._most:
            raise LimitExceeded(self._most, MINUTE_S, "caller")
        self._shelf.counted += 1
        if self._most:
            self.quota = Quota(self._most, self._most - self._shelf.counted, MINUTE_S)

    def dismiss(self, repetition: Repetition | None) -> None:
        if repetition and self._shelf.started.get(repetition.key, ("", "", 1))[1:] == (
            self._fencing, 0,
        ):  # fmt: skip
            del self._shelf.started[repetition.key]

    def next_id(self) -> int:
        self._shelf.last_id += 1
        return self._shelf.last_id

    def last_id(self) -> int:
        return self._shelf.last_id

    def mend_ids(self, least: int = 0) -> None:
        ids = [conversation_id for _, conversation_id in self._shelf.kept]
        self._shelf.last_id = max([least, self._shelf.last_id, *ids])

    def create(self, new: Conversation, commit: Commit, done: Done | None) -> None:
        if (new.owner, new.id) in self._shelf.kept:
            raise IdTaken
        kept = self._shelf.kept[new.owner, new.id] = Kept(new)
        self._append(kept, commit, done)
        if done:
            repetition = done.repetition
            self._shelf.started[repetition.key] = (repetition.body, self._fencing, new.id)

    def load(self, conversation_id: int) -> Conversation:
        loaded = self.load_or_repeat(conversation_id)
        assert isinstance(loaded, Conversation)
        return loaded

    def load_or_repeat(
        self,
        conversation_id: int,
        terms: Sequence[str] = (),
        repetition: Repetition | None = None,
    ) -> Conversation | TurnResult:
        kept = self._find(conversation_id, is_counted=True)
        if repetition and repetition.key in kept.done:
            body, result = kept.done[repetition.key]
            if body != repetition.body:
                raise KeyReused
            self._shelf.counted -= 1
            return result
        if kept.lock:
            self._shelf.counted -= 1
            raise ConversationBusy
        kept.lock = self._fencing
        found = [turn for turn in kept.archive if set(terms) & set(turn_terms(turn))]
        return dataclasses.replace(
            kept.conversation, found=tuple(Found(turn, 1.0) for turn in found)
        )

    def commit(self, loaded: Conversation, commit: Commit, done: Done | None = None) -> None:
        kept = self._shelf.kept.get((loaded.owner, loaded.id))
        if kept is None:
            raise UnknownConversation
        is_other = kept.lock not in {"", self._fencing}
        if is_other or kept.conversation.turn_count != loaded.turn_count:
            raise ConversationBusy
        self._append(kept, commit, done)
        kept.lock = ""

    def release(self, loaded: Conversation) -> None:
        kept = self._shelf.kept.get((loaded.owner, loaded.id))
        if kept and kept.lock == self._fencing:
            kept.lock = ""

    def _find(self, conversation_id: int, *, is_counted: bool = False) -> Kept:
        if is_counted:
            self._count()
        for owner in (*([self._owner] if self._owner else []), anyone(conversation_id)):
            if (owner, conversation_id) in self._shelf.kept:
                return self._shelf.kept[owner, conversation_id]
        raise UnknownConversation

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
        if done:
            kept.done[done.repetition.key] = (done.repetition.body, done.result)
