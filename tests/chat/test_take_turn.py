"""The turn by itself: what it shows the model, stores, and undoes, over stores in this process."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from chat.core.errors import ModelFailed, ModelTimeout
from chat.core.messages import Completion, Message, Sampling
from chat.core.owners import anyone
from chat.core.refusals import ConversationBusy, PromptTooLong, UnknownConversation
from chat.core.usage import TurnResult
from chat.settings import Settings
from chat.usecases.parts import outcome
from chat.usecases.ports import LanguageModel, Repetition, Work
from chat.usecases.stopwatch import Stopwatch
from chat.usecases.take_turn import Timing, TurnTaker
from chat.usecases.turn_memory import Recaller
from tests.chat.in_memory import InMemoryConversationStore, InMemoryTurnStore, Kept, Shelf
from tests.chat.test_settings import parse

NOW = 1_700_000_000.0
OWNER = "{ada}"
KEY = Repetition("a" * 40, "b" * 40)


class ScriptedModel:
    """Replies with what `reply` makes of the prompt, and keeps what it was shown."""

    def __init__(self, reply: Callable[[str], str] = "You said: {}".format) -> None:
        self._reply = reply
        self.shown: list[Sequence[Message]] = []

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling
    ) -> AsyncGenerator[str | Completion, None]:
        assert sampling.max_reply_tokens > 0
        self.shown.append(messages)
        reply = self._reply(messages[-1].content)
        yield reply
        yield Completion(reply, 0, 0)


class HeldModel(ScriptedModel):
    """Replies once it may."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked, self.may_reply = asyncio.Event(), asyncio.Event()

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling
    ) -> AsyncGenerator[str | Completion, None]:
        self.is_asked.set()
        await self.may_reply.wait()
        async for part in super().complete(messages, sampling):
            yield part


class Nothing:
    """Embeds nothing, and does nothing later: recall by words alone asks for neither."""

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        raise AssertionError(texts)

    def __call__(self, work: Work) -> None:
        raise AssertionError(work)


def by_words(shelf: Shelf, settings: Settings) -> Recaller:
    """Make the part of a turn that asks for no embeddings."""
    conversations = InMemoryConversationStore(shelf, "one", OWNER)
    return Recaller(settings, Nothing(), conversations, None, Nothing())


class WholeTurns:
    """Takes turns, and returns their results only."""

    def __init__(self, taker: TurnTaker) -> None:
        self._taker = taker

    async def start(
        self, context: str, prompt: str, owner: str | None, repetition: Repetition | None = None
    ) -> TurnResult:
        return await outcome(self._taker.start(context, prompt, owner, repetition))

    async def resume(
        self, conversation_id: int, prompt: str, repetition: Repetition | None = None
    ) -> TurnResult:
        return await outcome(self._taker.resume(conversation_id, prompt, repetition))


def taker(shelf: Shelf, model: ScriptedModel, fencing: str = "one", **changed: str) -> WholeTurns:
    return WholeTurns(in_parts(shelf, model, fencing, **changed))


def in_parts(shelf: Shelf, model: LanguageModel, fencing: str = "one", **changed: str) -> TurnTaker:
    settings = parse(**changed)
    recaller = by_words(shelf, settings)
    timing = Timing(lambda: NOW, Stopwatch(iter(range(100)).__next__))
    return TurnTaker(InMemoryTurnStore(shelf, fencing, OWNER), model, recaller, settings, timing)


def kept(shelf: Shelf, owner: str = OWNER, conversation_id: int = 1) -> Kept:
    return shelf.kept[owner, conversation_id]


def texts(messages: Sequence[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in messages]


async def test_a_start_stores_one_turn_and_says_what_the_model_saw() -> None:
    shelf, model = Shelf(), ScriptedModel()

    result = await taker(shelf, model).start("Be brief.", "Hello", OWNER)

    assert (result.conversation_id, result.reply) == (1, "You said: Hello")
    assert (result.context, result.prompt) == ("Be brief.", "Hello")
    assert result.expires_at == int(NOW) + 2_592_000
    assert texts(model.shown[0]) == [("system", "Be brief."), ("user", "Hello")]
    (turn,) = kept(shelf).conversation.turns
    assert texts(turn.shown()) == [("user", "Hello"), ("assistant", "You said: Hello")]
    assert turn.at == NOW


async def test_without_an_owner_it_is_whoevers_knows_the_id() -> None:
    shelf = Shelf()

    result = await taker(shelf, ScriptedModel()).start("", "Hello", None)

    assert kept(shelf, anyone(result.conversation_id)).conversation.turn_count == 1


async def test_the_next_turn_shows_the_model_all_of_the_window_in_order() -> None:
    shelf, model = Shelf(), ScriptedModel(lambda prompt: prompt[::-1])
    await taker(shelf, model).start("ctx", "abc", OWNER)

    result = await taker(shelf, model, "two").resume(1, "def")

    assert texts(model.shown[1]) == [
        ("system", "ctx"), ("user", "abc"), ("assistant", "cba"), ("user", "def"),
    ]  # fmt: skip
    assert (result.reply, result.usage.window_turns) == ("fed", 2)
    assert kept(shelf).lock == ""


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (lambda _: "", ModelFailed),
        (lambda _: "x" * 70_000, ModelFailed),
        (lambda _: (_ for _ in ()).throw(ModelTimeout("late")), ModelTimeout),
    ],
    ids=["nothing", "too long", "late"],
)
async def test_a_model_that_fails_leaves_everything_as_it_was(
    reply: Callable[[str], str], error: type[Exception]
) -> None:
    shelf = Shelf()
    with pytest.raises(error):
        await taker(shelf, ScriptedModel(reply)).start("ctx", "p", OWNER, KEY)
    assert (shelf.kept, shelf.last_id, shelf.started) == ({}, 0, {})

    await taker(shelf, ScriptedModel()).start("ctx", "p", OWNER, KEY)
    before = kept(shelf).conversation
    with pytest.raises(error):
        await taker(shelf, ScriptedModel(reply), "two").resume(1, "q")

    assert kept(shelf).conversation == before
    assert kept(shelf).lock == ""


async def test_a_prompt_that_does_not_fit_is_refused_before_the_model_is_asked() -> None:
    shelf, model = Shelf(), ScriptedModel()
    await taker(shelf, model, context_length="300", max_reply_tokens="60").start("", "Hi", OWNER)

    with pytest.raises(PromptTooLong):
        await taker(shelf, model, "two", context_length="300", max_reply_tokens="60").resume(
            1, "word " * 300
        )

    assert len(model.shown) == 1
    assert kept(shelf).lock == ""


async def test_the_oldest_turns_leave_for_a_prompt_and_come_back_by_their_words() -> None:
    shelf, model = Shelf(), ScriptedModel(lambda _: "Fine.")
    small = {"context_length": "900", "max_reply_tokens": "40", "recall_tokens": "300"}
    await taker(shelf, model, **small).start("ctx", "My elephant is called Otto.", OWNER)
    for number in range(20):
        filler = f"Tell me about topic {number}, " + "and then some more of it, " * 3
        await taker(shelf, model, f"f{number}", **small).resume(1, filler)

    result = await taker(shelf, model, "last", **small).resume(1, "What was the elephant called?")

    assert [turn.number for turn in kept(shelf).archive][:2] == [1, 2], "the oldest ones left"
    assert [recalled.turn for recalled in result.usage.recalled] == [1]
    system = model.shown[-1][0]
    assert system.role == "system"
    assert "My elephant is called Otto." in system.content
    assert ("user", "My elephant is called Otto.") not in texts(model.shown[-1])


async def test_a_request_that_is_repeated_is_answered_without_the_model() -> None:
    shelf, model = Shelf(), ScriptedModel()
    started = await taker(shelf, model).start("ctx", "p", OWNER, KEY)
    again = await taker(shelf, model, "two").start("ctx", "p", OWNER, KEY)
    key = Repetition("c" * 40, "d" * 40)
    resumed = await taker(shelf, model, "three").resume(1, "q", key)
    resumed_again = await taker(shelf, model, "four").resume(1, "q", key)

    assert (again, resumed_again) == (started, resumed)
    assert len(model.shown) == 2
    assert kept(shelf).conversation.turn_count == 2


async def test_a_counter_that_was_set_back_costs_no_turn() -> None:
    shelf, model = Shelf(), ScriptedModel()
    for number in range(3):
        await taker(shelf, model, f"{number}").start("ctx", f"p{number}", OWNER)
    shelf.last_id = 1

    result = await taker(shelf, model, "after").start("ctx", "p", OWNER)

    assert result.conversation_id == 4
    assert len(model.shown) == 4, "the model is asked once"


async def test_two_turns_at_once_are_one_turn_and_a_refusal() -> None:
    shelf = Shelf()
    await taker(shelf, ScriptedModel()).start("ctx", "p", OWNER)
    held, refused = HeldModel(), ScriptedModel()

    first = asyncio.create_task(taker(shelf, held, "first").resume(1, "q"))
    await held.is_asked.wait()
    with pytest.raises(ConversationBusy):
        await taker(shelf, refused, "between").resume(1, "another")
    held.may_reply.set()

    assert (await first).reply == "You said: q"
    assert refused.shown == []
    assert kept(shelf).conversation.turn_count == 2


async def test_what_is_cancelled_while_the_model_is_asked_leaves_everything_as_it_was() -> None:
    shelf = Shelf()
    await cancelled(lambda held: taker(shelf, held).start("ctx", "p", OWNER, KEY))
    assert (shelf.kept, shelf.last_id, shelf.started) == ({}, 0, {})

    await taker(shelf, ScriptedModel()).start("ctx", "p", OWNER, KEY)
    before = kept(shelf).conversation
    await cancelled(lambda held: taker(shelf, held, "two").resume(1, "q"))

    assert kept(shelf).conversation == before
    assert kept(shelf).lock == ""


async def cancelled(take: Callable[[HeldModel], Coroutine[Any, Any, TurnResult]]) -> None:
    """Cancel a turn while its model is asked."""
    held = HeldModel()
    turn = asyncio.create_task(take(held))
    await held.is_asked.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn


async def test_a_conversation_that_nobody_has_is_unknown() -> None:
    model = ScriptedModel()
    with pytest.raises(UnknownConversation):
        await taker(Shelf(), model).resume(7, "p")

    assert model.shown == []


# a turn in parts


class SpeakingModel:
    """Replies in parts, with ticks between them; `is_closed`: whether it was told to stop."""

    def __init__(self, *parts: str | Exception) -> None:
        self._parts = parts
        self.is_closed = False

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling
    ) -> AsyncGenerator[str | Completion, None]:
        assert messages
        assert sampling.max_reply_tokens > 0
        try:
            for part in self._parts:
                await asyncio.sleep(0)
                if isinstance(part, Exception):
                    raise part
                yield part
            yield Completion("".join(map(str, self._parts)), 0, 0)
        finally:
            self.is_closed = True


async def test_a_turn_is_an_empty_part_the_models_parts_and_a_result_that_is_stored() -> None:
    shelf = Shelf()
    events = in_parts(shelf, SpeakingModel("Hel", "", "lo")).start("c", "p", OWNER)

    *parts, (result, _) = [(event, len(shelf.kept)) async for event in events]

    assert parts == [("", 0), ("Hel", 0), ("", 0), ("lo", 0)]
    assert isinstance(result, TurnResult)
    assert result.reply == "Hello"
    assert kept(shelf).conversation.turn_count == 1

    resumed = in_parts(shelf, SpeakingModel("A", "gain"), "two").resume(1, "q")
    assert [part async for part in resumed][:-1] == ["", "A", "gain"]
    assert kept(shelf).conversation.turn_count == 2


@pytest.mark.parametrize("wanted", range(1, 4))
async def test_who_leaves_a_turn_in_the_middle_has_none_of_it_and_frees_it_at_once(
    wanted: int,
) -> None:
    shelf, model = Shelf(), SpeakingModel("a", "b", "c")
    async with aclosing(in_parts(shelf, model).start("c", "p", OWNER, KEY)) as events:
        for _ in range(wanted):
            await anext(events)
    assert (shelf.kept, shelf.last_id, shelf.started) == ({}, 0, {})
    assert model.is_closed == (wanted > 1)

    await taker(shelf, ScriptedModel()).start("c", "p", OWNER)
    before, model = kept(shelf).conversation, SpeakingModel("a", "b", "c")
    async with aclosing(in_parts(shelf, model, "two").resume(1, "q")) as events:
        for _ in range(wanted):
            await anext(events)
        assert kept(shelf).lock == "two"

    assert (kept(shelf).conversation, kept(shelf).lock) == (before, "")
    assert model.is_closed == (wanted > 1)


async def test_who_leaves_behind_the_result_has_the_turn() -> None:
    shelf = Shelf()
    async with aclosing(in_parts(shelf, SpeakingModel("a")).start("c", "p", OWNER, KEY)) as events:
        while isinstance(await anext(events), str):
            pass

    again = await taker(shelf, ScriptedModel(), "two").start("c", "p", OWNER, KEY)
    assert (again.conversation_id, again.reply) == (1, "a")


async def test_a_model_that_fails_in_the_middle_leaves_everything_as_it_was() -> None:
    shelf = Shelf()
    model = SpeakingModel("a", ModelTimeout("late"))
    with pytest.raises(ModelTimeout):
        await outcome(in_parts(shelf, model).start("c", "p", OWNER, KEY))

    assert (shelf.kept, shelf.last_id, shelf.started) == ({}, 0, {})


async def test_what_is_refused_is_refused_before_anything_is_yielded() -> None:
    shelf = Shelf()
    small = {"context_length": "300", "max_reply_tokens": "60"}
    await taker(shelf, ScriptedModel(), **small).start("", "Hi", OWNER)

    with pytest.raises(PromptTooLong):
        await anext(in_parts(shelf, SpeakingModel("a"), "two", **small).resume(1, "word " * 300))
    with pytest.raises(UnknownConversation):
        await anext(in_parts(shelf, SpeakingModel("a"), "three").resume(7, "p"))

    assert kept(shelf).lock == ""


async def test_a_repeated_request_is_its_result_at_once() -> None:
    shelf = Shelf()
    started = await taker(shelf, ScriptedModel()).start("c", "p", OWNER, KEY)

    events = in_parts(shelf, SpeakingModel("never"), "two").start("c", "p", OWNER, KEY)

    assert [event async for event in events] == [started]


async def test_the_time_in_which_a_part_is_shown_is_not_the_models() -> None:
    times = iter([0.0, 1.0, 2.0, 10.0, 11.0, 20.0, 21.0, 99.0])
    settings, stopwatch = parse(), Stopwatch(times.__next__)
    recaller = by_words(Shelf(), settings)
    timing = Timing(lambda: NOW, stopwatch)
    store = InMemoryTurnStore(Shelf(), "one", OWNER)
    turns = TurnTaker(store, SpeakingModel("a", "b"), recaller, settings, timing)

    await outcome(turns.start("c", "p", OWNER))

    assert stopwatch.model_ms == 3000
