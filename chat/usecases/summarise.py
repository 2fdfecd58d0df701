"""Folds evicted turns into a conversation's running summary, behind the answer of a turn.

Nothing locks the conversation meanwhile. Each step is kept only if the summary is still the one
that it went on from, and no message was forgotten since its turns were read. A step that fails, or
is cut short, changes nothing: the next turn finds what is left to do.
"""

import dataclasses
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from chat.context.summary import MAX_STEP_TURNS, STEP_TURNS, make_step
from chat.core.messages import Commit, Completion, Conversation, Message, Turn
from chat.core.summaries import RunningSummary
from chat.settings import Settings
from chat.usecases.ports import LanguageModel, Later

MAX_STEPS = 4
"""How many steps are taken behind one answer at most: each is a call of the model."""


@dataclass(frozen=True)
class Unsummarised:
    """What is left to be folded into a summary.

    Shapes: `turns` are the oldest evicted ones behind the summary, oldest first. Only the store can
            read the `mark`.
    """

    before: RunningSummary | None
    mark: str
    turns: Sequence[Turn]


class SummaryStore(Protocol):
    """Keeps running summaries.

    Errors: every method may raise StoreUnavailable, UnknownConversation and CorruptConversation.
    """

    async def load(self, conversation_id: int, count: int) -> Unsummarised:
        """Return the summary, and up to `count` evicted turns that it does not cover yet."""

    async def keep(self, conversation_id: int, summary: RunningSummary, mark: str) -> bool:
        """Keep a summary, and return whether it was kept.

        It is not if another one was kept, or a message was forgotten, since `mark` was read.
        """


class Summariser:
    """Folds the evicted turns of one request's conversation."""

    def __init__(
        self, settings: Settings, model: LanguageModel, store: SummaryStore, later: Later
    ) -> None:
        self._settings = settings
        self._model = model
        self._store = store
        self._later = later

    def fold_later(self, loaded: Conversation, commit: Commit) -> None:
        """Fold behind the answer, if there are enough turns that the summary does not cover."""
        covered = loaded.summary.last if loaded.summary else 0
        if self._settings.summary_tokens and last_evicted(loaded, commit) >= covered + STEP_TURNS:
            self._later(partial(self._fold, loaded.id))

    async def _fold(self, conversation_id: int) -> None:
        for _ in range(MAX_STEPS):
            if not await self._step(conversation_id):
                return

    async def _step(self, conversation_id: int) -> bool:
        """Take one step, and return whether it was taken."""
        found = await self._store.load(conversation_id, MAX_STEP_TURNS)
        if len(found.turns) < STEP_TURNS:
            return False
        settings = self._settings
        room_tokens = settings.context_length - settings.summary_tokens
        messages, last = make_step(found.before, found.turns, settings.summary_tokens, room_tokens)
        text = await self._ask(messages)
        return bool(text) and await self._store.keep(
            conversation_id, RunningSummary(last, text), found.mark
        )

    async def _ask(self, messages: Sequence[Message]) -> str:
        sampling = dataclasses.replace(
            self._settings.sampling, max_reply_tokens=self._settings.summary_tokens
        )
        text = ""
        async with aclosing(self._model.complete(messages, sampling)) as parts:
            async for part in parts:
                if isinstance(part, Completion):
                    text = part.text.strip()
        return text


def last_evicted(loaded: Conversation, commit: Commit) -> int:
    """Return the number of the last evicted turn after a commit; 0 without one."""
    left = [*loaded.turns, *commit.turns][len(commit.evicted) :]
    return left[0].number - 1 if left else loaded.turn_count + len(commit.turns)
