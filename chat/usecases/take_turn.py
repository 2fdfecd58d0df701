"""Takes one turn: load, decide, ask the model, store."""

import dataclasses
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial

from chat.context.asked import Asked, plain
from chat.context.budget import Fit, Room, message_tokens
from chat.context.recall import Quoting, Recall, fit_with_recall, with_leaving
from chat.context.showing import lay_out
from chat.context.terms import recall_terms
from chat.core.counters import turn_counters
from chat.core.errors import IdTaken
from chat.core.messages import Commit, Completion, Conversation, Found, Turn, messages_of
from chat.core.owners import anyone
from chat.core.refusals import ConversationBusy, PromptTooLong
from chat.core.tool_calls import CallPart
from chat.core.undoing import undone_on_error
from chat.core.usage import TurnResult, Usage
from chat.settings import Settings
from chat.usecases.ports import AnsweredBefore, Clock, Done, LanguageModel, Repetition, TurnStore
from chat.usecases.replies import Replied, Shown, make_replied, make_result
from chat.usecases.stopwatch import Stopwatch
from chat.usecases.turn_memory import Recaller

TurnEvents = AsyncGenerator[str | TurnResult, None]
"""A turn as it is taken: parts of the reply, and its result once it is stored.

The first part is empty: it says that nothing is against the turn, and the model is asked now. Later
empty parts say that the model is still at work. Whoever wants no more of a turn closes it: then
nothing is stored, and the conversation is free.
"""


@dataclasses.dataclass(frozen=True)
class Begun:
    """Says that the model is asked now, and where the turn will be; an unknown id is 0."""

    conversation_id: int
    number: int


@dataclasses.dataclass(frozen=True)
class Taken:
    """A turn that was taken; None for `turn` if that was before, and only the result is known."""

    result: TurnResult
    turn: Turn | None


Events = AsyncGenerator[Begun | str | CallPart | Taken, None]
"""A turn as it is taken, with all that a caller may be shown of it; otherwise as `TurnEvents`."""


@dataclasses.dataclass(frozen=True)
class Timing:
    """The time of day, and what times the turn."""

    clock: Clock
    stopwatch: Stopwatch


class TurnTaker:
    """Takes turns, with the parts that one request needs."""

    def __init__(
        self,
        store: TurnStore,
        model: LanguageModel,
        recaller: Recaller,
        settings: Settings,
        timing: Timing,
    ) -> None:
        self._store = store
        self._model = model
        self._recaller = recaller
        self._clock = timing.clock
        self._stopwatch = timing.stopwatch
        self._settings = settings

    async def start(
        self,
        context: str,
        prompt: str,
        owner: str | None,
        repetition: Repetition | None = None,
        namespace: str | None = None,
    ) -> TurnEvents:
        """Take the first turn of a new conversation; if there is no reply, no id is used up.

        Without an `owner`, the conversation belongs to anyone who knows its id.
        Errors: those of the ports; if anything fails, nothing is stored and the caller may ask
                again.
        """
        begun = self.begin(context, plain(prompt), owner, repetition, namespace=namespace)
        async with aclosing(begun) as events:
            async for event in events:
                if (shown := shown_of(event)) is not None:
                    yield shown

    async def resume(
        self, conversation_id: int, prompt: str, repetition: Repetition | None = None
    ) -> TurnEvents:
        """Take the next turn of a conversation.

        Errors: those of the ports; if anything fails, the conversation is unchanged and can go on.
        """
        async with aclosing(self.go_on(conversation_id, plain(prompt), repetition)) as events:
            async for event in events:
                if (shown := shown_of(event)) is not None:
                    yield shown

    async def begin(
        self,
        context: str,
        asked: Asked,
        owner: str | None,
        repetition: Repetition | None = None,
        *,
        is_named: bool = False,
        namespace: str | None = None,
    ) -> Events:
        """Take the first turn of a new conversation.

        `is_named`: whether its id is known from the start; then it is used up without a reply, too.
        Errors: those of the ports; if anything fails, nothing is stored and the caller may ask
                again.
        """
        try:
            await self._store.admit(repetition, "conversation" if asked.is_kept else "")
        except AnsweredBefore as before:
            yield Taken(before.result, None)
            return
        async with undone_on_error(partial(self._store.dismiss, repetition)):
            taken = await self._store.next_id() if is_named and asked.is_kept else 0
            context_tokens = message_tokens(context) if context else 0
            window_tokens = context_tokens + sum(turn.tokens for turn in asked.before)
            unsaved = Conversation(
                taken, owner or "", context, context_tokens, window_tokens, len(asked.before),
                asked.before, vocabulary=self._settings.vocabulary, namespace=namespace,
            )  # fmt: skip
            async with aclosing(self._reply(self._room(unsaved, asked), asked)) as parts:
                async for part in parts:
                    if isinstance(part, Replied):
                        replied = part
                    else:
                        yield part
            result = await self._store_first(unsaved, replied, asked, repetition)
        yield Taken(result, replied.turn)

    async def _store_first(
        self, unsaved: Conversation, replied: Replied, asked: Asked, repetition: Repetition | None
    ) -> TurnResult:
        if not asked.is_kept:
            await self._store.dismiss(repetition)
            return make_result(unsaved, replied, asked)
        try:
            return await self._store_new(unsaved, replied, asked, repetition)
        except IdTaken:
            await self._store.mend_ids()
            if unsaved.id:  # the caller knows the id already
                raise
            return await self._store_new(unsaved, replied, asked, repetition)

    async def _store_new(
        self, unsaved: Conversation, replied: Replied, asked: Asked, repetition: Repetition | None
    ) -> TurnResult:
        commit, usage = replied
        taken = unsaved.id or await self._store.next_id()
        new = dataclasses.replace(unsaved, id=taken, owner=unsaved.owner or anyone(taken))
        commit = self._counted(await self._recaller.remember(new, commit), usage, is_new=True)
        result = make_result(new, replied, asked)
        await self._store.create(new, commit, Done(repetition, result) if repetition else None)
        return result

    async def go_on(
        self,
        conversation_id: int,
        asked: Asked,
        repetition: Repetition | None = None,
        *,
        behind: int | None = None,
    ) -> Events:
        """Take the next turn of a conversation; `behind` is the number of its last turn, if known.

        Errors: those of the ports; ConversationBusy if another turn is the last one by now. If
                anything fails, the conversation is unchanged and can go on.
        """
        terms = recall_terms(asked.said) if self._settings.recall_tokens else ()
        try:
            loaded = await self._store.load(conversation_id, terms, repetition)
        except AnsweredBefore as before:
            yield Taken(before.result, None)
            return
        async with undone_on_error(partial(self._store.release, loaded)):
            if behind not in {None, loaded.turn_count}:
                raise ConversationBusy
            room = self._room(loaded, asked)
            by_words = with_leaving(room, asked.said, self._settings.recall_tokens)
            found = await self._recaller.rank(loaded, by_words, asked.said)
            async with aclosing(self._reply(room, asked, found)) as parts:
                async for part in parts:
                    if isinstance(part, Replied):
                        replied = part
                    else:
                        yield part
            result = await self._store_next(loaded, replied, asked, repetition)
        if asked.is_kept:
            self._recaller.keep_evicted_later(loaded, replied.commit)
        yield Taken(result, replied.turn)

    def _room(self, loaded: Conversation, asked: Asked) -> Room:
        settings = self._settings
        return Room(
            loaded,
            asked.prompt,
            settings.context_length,
            (asked.sampling or settings.sampling).max_reply_tokens,
            asked.beside_tokens + asked.around_tokens,
        )

    async def _store_next(
        self, loaded: Conversation, replied: Replied, asked: Asked, repetition: Repetition | None
    ) -> TurnResult:
        commit, usage = replied
        result = make_result(loaded, replied, asked)
        if not asked.is_kept:
            await self._store.release(loaded)
            return result
        commit = self._counted(await self._recaller.remember(loaded, commit), usage, is_new=False)
        await self._store.commit(loaded, commit, Done(repetition, result) if repetition else None)
        return result

    async def _reply(
        self, room: Room, asked: Asked, found: Sequence[Found] = ()
    ) -> AsyncGenerator[Begun | str | CallPart | Replied, None]:
        """Yield that the prompt fits, then the reply's parts, and at last what to store."""
        loaded, (fit, recall) = room.conversation, await self._fit(room, asked, found)
        yield Begun(loaded.id, loaded.turn_count + 1)
        around = recall.around(loaded.context)
        context = "\n\n".join(filter(None, (around, asked.instructions)))
        has_tools = self._settings.model_endpoint is not None
        said = (*messages_of(fit.kept), *asked.messages)
        messages = lay_out(context, said, has_tools=has_tools)
        shown = Shown(loaded, fit, recall, asked)
        sampling = asked.sampling or self._settings.sampling
        async with aclosing(self._model.complete(messages, sampling)) as parts:
            while not isinstance(part := await self._next(parts), Completion):
                yield part
        yield make_replied(self._settings, shown, part, self._clock())

    async def _fit(self, room: Room, asked: Asked, found: Sequence[Found]) -> tuple[Fit, Recall]:
        settings, loaded = self._settings, room.conversation
        quoting = Quoting(
            settings.recall_tokens,
            settings.long_term.template,
            settings.long_term.max_chars,
            self._clock(),
        )
        memories = await self._recaller.search(loaded, asked.said)
        fit, recall = fit_with_recall(room, found, memories, quoting)
        is_torn = asked.continues and bool(loaded.turns) and not fit.kept
        if is_torn or (fit.evicted and not asked.may_evict):
            needed_tokens = fit.prompt_tokens + sum(turn.tokens for turn in fit.evicted)
            raise PromptTooLong(needed_tokens + room.max_reply_tokens, room.context_length)
        return fit, recall

    async def _next(
        self, parts: AsyncGenerator[str | CallPart | Completion, None]
    ) -> str | CallPart | Completion:
        """Wait for the model; what becomes of its parts meanwhile is not its time."""
        with self._stopwatch.model():
            return await anext(parts)

    def _counted(self, commit: Commit, usage: Usage, *, is_new: bool) -> Commit:
        counters = turn_counters(
            usage,
            is_new=is_new,
            model_ms=self._stopwatch.model_ms,
            turn_ms=self._stopwatch.turn_ms,
        )
        return dataclasses.replace(commit, counters=counters)


def shown_of(event: Begun | str | CallPart | Taken) -> str | TurnResult | None:
    """Return what a plain turn shows of an event; None if that is nothing."""
    if isinstance(event, Taken):
        return event.result
    if isinstance(event, Begun):
        return ""
    return event if isinstance(event, str) else None
