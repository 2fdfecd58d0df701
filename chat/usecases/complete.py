"""Replies to messages that the caller sends as a whole; only memories of them are kept."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from chat.context.askable import check_askable
from chat.context.budget import bounded_turn, message_tokens
from chat.context.recall import (
    MEMORIES_HEADER,
    RECALL_SHARE,
    Quoting,
    Recall,
    choose_memories,
    taken_tokens,
)
from chat.context.rounds import Kept, Rounds, fit_rounds, parse_rounds
from chat.context.showing import lay_out
from chat.core.counters import Counters, completion_counters
from chat.core.json_text import render_json_text
from chat.core.memories import note_id
from chat.core.messages import (
    SIDES,
    Completion,
    Conversation,
    FoundMemory,
    Memory,
    Message,
    Sampling,
    Turn,
)
from chat.core.tokens import estimate_tokens
from chat.core.tool_calls import CallPart
from chat.core.usage import RecalledMemory
from chat.settings import Settings
from chat.usecases.memory_port import LongTermMemory
from chat.usecases.ports import LanguageModel
from chat.usecases.replies import check_reply
from chat.usecases.take_turn import Timing


@dataclass(frozen=True)
class Asked:
    """What is asked for: the system context, the messages behind it, and how to reply."""

    context: str
    said: tuple[Message, ...]
    sampling: Sampling


@dataclass(frozen=True)
class Completed:
    """A reply, and its receipt.

    Shapes: `recalled` are the memories that the model was shown, and `remembered` the ids of those
            that say what the user said and the reply.
    Units:  `prompt_tokens` is the model's count, or an upper bound; `evicted_count` is messages.
    """

    completion: Completion
    prompt_tokens: int
    evicted_count: int
    recalled: tuple[RecalledMemory, ...]
    remembered: tuple[str, ...]


CompletionEvents = AsyncGenerator[str | CallPart | Completed, None]
"""Parts of a reply, and at last its completion; the first part is empty: nothing is against it."""


class Completer:
    """Replies, with the parts that one request needs."""

    def __init__(
        self,
        model: LanguageModel,
        memory: LongTermMemory | None,
        settings: Settings,
        timing: Timing,
        count: Callable[[Counters], None],
    ) -> None:
        """Take the caller's `memory`; None with `long_term` off. `count` counts later."""
        self._model = model
        self._memory = memory
        self._settings = settings
        self._timing = timing
        self._count = count

    async def complete(self, asked: Asked) -> CompletionEvents:
        """Reply to messages.

        Errors: those of the ports; PromptTooLong; Unsupported for what the model cannot be asked.
        """
        settings = self._settings
        has_tools = settings.model_endpoint is not None
        if not has_tools:
            check_askable(asked.said, asked.sampling)
        rounds = parse_rounds(asked.said, settings.vocabulary)
        kept, recall = self._fit(asked, rounds, await self._search(rounds.prompt))
        yield ""
        shown = lay_out(recall.around(asked.context), kept.said, has_tools=has_tools)
        async with aclosing(self._model.complete(shown, asked.sampling)) as parts:
            while not isinstance(part := await self._next(parts), Completion):
                yield part
        check_reply(part, settings.max_prompt_bytes)
        recalled = tuple(
            RecalledMemory(q.found.memory.id, round(1 - (q.found.distance or 0.0), 4), q.age_s)
            for q in recall.memories
        )
        remembered = tuple(await self._remember(asked.said, part.text))
        prompt_tokens = part.prompt_tokens or kept.prompt_tokens
        model_ms = self._timing.stopwatch.model_ms
        self._count(
            completion_counters(prompt_tokens, part.generated_tokens, len(recalled), model_ms)
        )
        yield Completed(part, prompt_tokens, kept.evicted_count, recalled, remembered)

    async def _next(
        self, parts: AsyncGenerator[str | CallPart | Completion, None]
    ) -> str | CallPart | Completion:
        with self._timing.stopwatch.model():
            return await anext(parts)

    async def _search(self, prompt: str) -> Sequence[FoundMemory]:
        long_term = self._settings.long_term
        if self._memory is None or not long_term.per_turn or not prompt.strip():
            return ()
        return await self._memory.search(
            prompt, count=long_term.per_turn, max_distance=long_term.max_distance
        )

    def _fit(
        self, asked: Asked, rounds: Rounds, found: Sequence[FoundMemory]
    ) -> tuple[Kept, Recall]:
        """Fit the messages, and beside them the memories that are worth recalling.

        Errors: PromptTooLong.
        """
        settings, vocabulary = self._settings, self._settings.vocabulary
        turns = (*rounds.turns, *rounds.rounds)
        context_tokens = message_tokens(asked.context, vocabulary) if asked.context else 0
        if asked.sampling.wishes:
            context_tokens += estimate_tokens(render_json_text(asked.sampling.wishes), vocabulary)
        conversation = Conversation(
            0, "", asked.context, context_tokens,
            context_tokens + sum(turn.tokens for turn in turns), 0, turns, vocabulary=vocabulary,
        )  # fmt: skip
        reserve_tokens = asked.sampling.max_reply_tokens
        free_tokens = settings.context_length - reserve_tokens - context_tokens
        share_tokens = free_tokens - rounds.fixed_tokens(vocabulary)
        memories = choose_memories(
            replace(conversation, turns=(*turns, _fixed_turn(rounds))),
            rounds.prompt,
            found,
            Quoting(
                0, settings.long_term.template, settings.long_term.max_chars, self._timing.clock()
            ),
            share_tokens // RECALL_SHARE,
        )
        taken = taken_tokens(memories, MEMORIES_HEADER, vocabulary)
        kept = fit_rounds(
            conversation,
            rounds,
            context_length=settings.context_length,
            beside_tokens=reserve_tokens + taken,
        )
        return kept, Recall(memories=tuple(memories))

    async def _remember(self, said: Sequence[Message], reply: str) -> Sequence[str]:
        """Remember the user's newest message and the reply; return the ids of their memories.

        A text that is remembered already is not stored again.
        """
        least = self._settings.long_term.min_chars
        new = [message for message in said[-1:] if message.role == "user"]
        texts = [message for message in (*new, Message("assistant", reply)) if message.content]
        notes = [
            Memory(note_id(one.content), one.role, one.content, self._timing.clock(), None)
            for one in texts
            if len(one.content) >= least and one.role in SIDES
        ]
        return await self._memory.add(notes) if self._memory and notes else ()


def _fixed_turn(rounds: Rounds) -> Turn:
    """Return what never leaves, as a turn."""
    return bounded_turn(0, (*rounds.asked, *rounds.newest), 0.0)
