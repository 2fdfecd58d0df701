"""Takes one turn: load, decide, ask the model, store."""

import dataclasses
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from chat.context.budget import Fit, Measured, make_messages, measure, message_tokens
from chat.context.recall import Quoting, Recall, fit_with_recall
from chat.context.terms import prompt_terms
from chat.core.counters import turn_counters
from chat.core.errors import IdTaken, ModelFailed
from chat.core.lifetime import expires_at, lifetime_s
from chat.core.messages import (
    Commit,
    Completion,
    Conversation,
    Message,
    Recalled,
    RecalledMemory,
    Turn,
    TurnResult,
    Usage,
)
from chat.core.owners import anyone
from chat.core.receipts import render_receipt
from chat.core.titles import make_title
from chat.core.undoing import undone_on_error
from chat.settings import Settings
from chat.usecases.ports import AnsweredBefore, Clock, Done, LanguageModel, Repetition, TurnStore
from chat.usecases.stopwatch import Stopwatch
from chat.usecases.turn_memory import Recaller

Replied = tuple[Commit, Usage]
"""What is to be stored once the model has replied."""
TurnEvents = AsyncGenerator[str | TurnResult, None]
"""A turn as it is taken: parts of the reply, and its result once it is stored.

The first part is empty: it says that nothing is against the turn, and the model is asked now. Later
empty parts say that the model is still at work. Whoever wants no more of a turn closes it: then
nothing is stored, and the conversation is free.
"""


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
        try:
            await self._store.admit(repetition, "conversation")
        except AnsweredBefore as before:
            yield before.result
            return
        async with undone_on_error(partial(self._store.dismiss, repetition)):
            context_tokens = message_tokens(context) if context else 0
            unsaved = Conversation(
                0, owner or "", context, context_tokens, context_tokens, 0, (),
                vocabulary=self._settings.vocabulary, namespace=namespace,
            )  # fmt: skip
            async with aclosing(self._reply(unsaved, prompt)) as parts:
                async for part in parts:
                    if isinstance(part, str):
                        yield part
                    else:
                        replied = part
            result = await self._store_first(unsaved, replied, repetition)
        yield result

    async def _store_first(
        self, unsaved: Conversation, replied: Replied, repetition: Repetition | None
    ) -> TurnResult:
        try:
            return await self._store_new(unsaved, replied, repetition)
        except IdTaken:
            await self._store.mend_ids()
            return await self._store_new(unsaved, replied, repetition)

    async def _store_new(
        self, unsaved: Conversation, replied: Replied, repetition: Repetition | None
    ) -> TurnResult:
        commit, usage = replied
        taken = await self._store.next_id()
        new = dataclasses.replace(unsaved, id=taken, owner=unsaved.owner or anyone(taken))
        commit = self._counted(await self._recaller.remember(new, commit), usage, is_new=True)
        result = make_result(new, commit, usage)
        await self._store.create(new, commit, Done(repetition, result) if repetition else None)
        return result

    async def resume(
        self, conversation_id: int, prompt: str, repetition: Repetition | None = None
    ) -> TurnEvents:
        """Take the next turn of a conversation.

        Errors: those of the ports; if anything fails, the conversation is unchanged and can go on.
        """
        terms = prompt_terms(prompt) if self._settings.recall_tokens else ()
        try:
            loaded = await self._store.load(conversation_id, terms, repetition)
        except AnsweredBefore as before:
            yield before.result
            return
        async with undone_on_error(partial(self._store.release, loaded)):
            ranked = await self._recaller.rank(loaded, prompt)
            async with aclosing(self._reply(ranked, prompt)) as parts:
                async for part in parts:
                    if isinstance(part, str):
                        yield part
                    else:
                        replied = part
            result = await self._store_next(loaded, replied, repetition)
        self._recaller.keep_evicted_later(loaded, replied[0])
        yield result

    async def _store_next(
        self, loaded: Conversation, replied: Replied, repetition: Repetition | None
    ) -> TurnResult:
        commit, usage = replied
        commit = self._counted(await self._recaller.remember(loaded, commit), usage, is_new=False)
        result = make_result(loaded, commit, usage)
        await self._store.commit(loaded, commit, Done(repetition, result) if repetition else None)
        return result

    async def _reply(
        self, loaded: Conversation, prompt: str
    ) -> AsyncGenerator[str | Replied, None]:
        """Yield an empty part once the prompt fits, then the reply's, and at last what to store."""
        fit, recall = await self._fit(loaded, prompt)
        yield ""
        messages = make_messages(recall.around(loaded.context), fit.kept, prompt)
        async with aclosing(self._model.complete(messages, self._settings.sampling)) as parts:
            while isinstance(part := await self._next(parts), str):
                yield part
        check_reply(part.text, self._settings.max_prompt_bytes)
        yield self._make_commit(loaded, fit, recall, prompt, part)

    async def _fit(self, loaded: Conversation, prompt: str) -> tuple[Fit, Recall]:
        settings = self._settings
        quoting = Quoting(
            settings.recall_tokens,
            settings.long_term.template,
            settings.long_term.max_chars,
            self._clock(),
        )
        return fit_with_recall(
            loaded,
            prompt,
            await self._recaller.search(loaded, prompt),
            quoting,
            context_length=settings.context_length,
            max_reply_tokens=settings.sampling.max_reply_tokens,
        )

    async def _next(self, parts: AsyncGenerator[str | Completion, None]) -> str | Completion:
        """Wait for the model; what becomes of its parts meanwhile is not its time."""
        with self._stopwatch.model():
            return await anext(parts)

    def _make_commit(
        self, loaded: Conversation, fit: Fit, recall: Recall, prompt: str, completion: Completion
    ) -> Replied:
        measured = measure(fit, loaded, prompt, completion, recall.text())
        usage = self._make_usage(fit, recall, completion, measured)
        reply = Message("assistant", completion.text, receipt=render_receipt(usage))
        now = self._clock()
        turn = Turn(
            number=loaded.turn_count + 1,
            messages=(Message("user", prompt), reply),
            prompt_tokens=measured.prompt_tokens,
            reply_tokens=measured.reply_tokens,
            least_tokens=measured.least_tokens,
            at=now,
        )
        commit = Commit(
            turns=(turn,),
            context_tokens=measured.context_tokens,
            window_tokens=measured.window_tokens,
            vocabulary=measured.vocabulary,
            evicted=fit.evicted,
            at=now,
            lifetime_s=lifetime_s(self._settings.lifetimes, loaded, now),
            title="" if loaded.turn_count else make_title(prompt),
        )
        return commit, usage

    def _counted(self, commit: Commit, usage: Usage, *, is_new: bool) -> Commit:
        counters = turn_counters(
            usage,
            is_new=is_new,
            model_ms=self._stopwatch.model_ms,
            turn_ms=self._stopwatch.turn_ms,
        )
        return dataclasses.replace(commit, counters=counters)

    def _make_usage(
        self, fit: Fit, recall: Recall, completion: Completion, measured: Measured
    ) -> Usage:
        return Usage(
            context_length=self._settings.context_length,
            prompt_tokens=completion.prompt_tokens or fit.prompt_tokens,
            generated_tokens=completion.generated_tokens or measured.reply_tokens,
            window_turns=len(fit.kept) + 1,
            evicted_turns=len(fit.evicted),
            finish_reason=finish_reason(completion, self._settings.sampling.max_reply_tokens),
            evicted=tuple(turn.number for turn in fit.evicted),
            recalled=tuple(
                Recalled(quoted.found.turn.number, round(quoted.found.score, 4), quoted.age_s)
                for quoted in recall.turns
            ),
            memories=tuple(
                RecalledMemory(q.found.memory.id, round(1 - q.found.distance, 4), q.age_s)
                for q in recall.memories
            ),
            summarised_turns=recall.summary.last if recall.summary else 0,
        )


def finish_reason(completion: Completion, max_reply_tokens: int) -> str:
    """Return why a reply ended; if the model did not say, its length decides."""
    is_full = completion.generated_tokens >= max_reply_tokens
    return completion.finish_reason or ("length" if is_full else "stop")


def check_reply(text: str, max_bytes: int) -> None:
    """Refuse a reply that cannot be stored.

    Errors: ModelFailed if it is empty or has more than `max_bytes` bytes.
    """
    if not text:
        raise ModelFailed("the model gave an empty reply")
    if len(text.encode()) > max_bytes:
        raise ModelFailed(f"the model's reply has over {max_bytes} bytes")


def make_result(conversation: Conversation, commit: Commit, usage: Usage) -> TurnResult:
    """Make the result of a turn."""
    prompt, reply = (message.content for message in commit.turns[0].shown())
    ends = expires_at(commit.at, commit.lifetime_s)
    return TurnResult(conversation.id, prompt, conversation.context, reply, ends, usage)
