"""Turns of many requests that run at once: in this process, and over Redis with real waits."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import ExitStack, closing

import pytest

from chat.core.errors import ModelTimeout
from chat.core.messages import Completion, Message, Sampling, Turn
from chat.core.refusals import ConversationBusy
from chat.core.usage import TurnResult
from chat.redis.connection import Value
from chat.usecases.ports import LanguageModel, Repetition, TurnStore
from chat.usecases.stopwatch import Stopwatch
from chat.usecases.take_turn import Timing, TurnTaker
from host.interfaces.resp import Connection, parse_address
from tests.chat.in_memory import InMemoryTurnStore, Shelf
from tests.chat.native import NativeConnection
from tests.chat.stores import OWNER, in_redis
from tests.chat.test_settings import parse
from tests.chat.test_take_turn import NOW, HeldModel, WholeTurns, by_words
from tests.running import RunningRedis

CONVERSATIONS, TURNS = 8, 5
MakeStore = Callable[[], TurnStore]


class ThreadedConnection(NativeConnection):
    """A connection whose calls let other requests go on."""

    async def execute(self, command: str, arguments: Sequence[bytes | int]) -> list[Value]:
        return await asyncio.to_thread(self.call, command, arguments)


class SlowModel:
    """Lets other requests go on, for longer after some prompts than after others."""

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling
    ) -> AsyncGenerator[str | Completion, None]:
        assert sampling.max_reply_tokens > 0
        prompt = messages[-1].content
        for _ in range(len(prompt) + sum(prompt.encode()) % 7):
            await asyncio.sleep(0)
        if "fail" in prompt:
            raise ModelTimeout("late")
        yield f"You said: {prompt}"
        yield Completion(f"You said: {prompt}", 0, 0)


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest, shared_redis: RunningRedis) -> Iterator[MakeStore]:
    """Make the store of a request; in Redis, each has a connection of its own."""
    shelf, requests = Shelf(), itertools.count()
    address = parse_address(shared_redis.address + "/5")
    with ExitStack() as opened:

        def make_store() -> TurnStore:
            fencing = f"f{next(requests)}"
            if request.param == "memory":
                return InMemoryTurnStore(shelf, fencing, OWNER)
            connection = opened.enter_context(closing(Connection(address)))
            return in_redis(ThreadedConnection(connection), fencing, OWNER, 0).turns

        if request.param == "redis":
            opened.enter_context(closing(Connection(address))).call([b"FLUSHDB"])
        yield make_store


def taker(make: MakeStore, model: LanguageModel | None = None) -> WholeTurns:
    """Return what takes the turn of one request."""
    settings = parse()
    timing = Timing(lambda: NOW, Stopwatch(iter(range(100)).__next__))
    recaller = by_words(Shelf(), settings)
    return WholeTurns(TurnTaker(make(), model or SlowModel(), recaller, settings, timing))


async def stored(make: MakeStore, conversation_id: int) -> list[Turn]:
    """Return the turns of a conversation, which has to be free."""
    store = make()
    loaded = await store.load(conversation_id)
    await store.release(loaded)
    return list(loaded.turns)


def said(turns: Sequence[Turn]) -> list[tuple[int, str, str]]:
    told = [(turn.number, turn.shown()) for turn in turns]
    return [(number, prompt.content, reply.content) for number, (prompt, reply) in told]


def wanted(*prompts: str) -> list[tuple[int, str, str]]:
    return [(number, prompt, f"You said: {prompt}") for number, prompt in enumerate(prompts, 1)]


async def test_each_of_many_conversations_has_its_own_turns_once_and_in_order(
    make: MakeStore,
) -> None:
    async def talk(name: str) -> int:
        started = await taker(make).start("ctx", f"{name}1", OWNER)
        for number in range(2, TURNS + 1):
            await taker(make).resume(started.conversation_id, f"{name}{number}")
        return started.conversation_id

    names = "abcdefghijkl"[:CONVERSATIONS]
    ids = await asyncio.gather(*map(talk, names))

    assert sorted(ids) == list(range(1, CONVERSATIONS + 1))
    for name, taken in zip(names, ids, strict=True):
        prompts = [f"{name}{number}" for number in range(1, TURNS + 1)]
        assert said(await stored(make, taken)) == wanted(*prompts)


async def test_of_many_turns_of_a_conversation_at_once_one_has_it_and_the_others_are_refused(
    make: MakeStore,
) -> None:
    taken = (await taker(make).start("ctx", "first", OWNER)).conversation_id
    held = HeldModel()
    holder = asyncio.create_task(taker(make, held).resume(taken, "second"))
    await held.is_asked.wait()

    others = [taker(make).resume(taken, f"other {number}") for number in range(10)]
    refused = await asyncio.gather(*others, return_exceptions=True)
    held.may_reply.set()

    assert {type(one) for one in refused} == {ConversationBusy}
    assert (await holder).reply == "You said: second"
    assert said(await stored(make, taken)) == wanted("first", "second")


async def test_requests_that_ask_again_until_they_are_answered_are_each_stored_once(
    make: MakeStore,
) -> None:
    taken = (await taker(make).start("ctx", "first", OWNER)).conversation_id
    answered: list[str] = []

    async def insist(prompt: str) -> None:
        turns = taker(make)
        while True:
            try:
                result = await turns.resume(taken, prompt)
            except ConversationBusy:
                await asyncio.sleep(0.001)
            else:
                answered.append(result.prompt)
                return

    prompts = [f"prompt {number}" for number in range(10)]
    await asyncio.gather(*map(insist, prompts))

    assert sorted(answered) == prompts
    turns = said(await stored(make, taken))
    assert turns == wanted(*(prompt for _, prompt, _ in turns))
    assert sorted(prompt for _, prompt, _ in turns) == ["first", *prompts]


async def test_a_model_that_fails_leaves_its_conversation_free_among_others(
    make: MakeStore,
) -> None:
    starts = (taker(make).start("ctx", f"p{number}", OWNER) for number in range(CONVERSATIONS))
    ids = [started.conversation_id for started in await asyncio.gather(*starts)]

    turns = [taker(make).resume(taken, "fail" if taken % 2 else "go on") for taken in sorted(ids)]
    ended = await asyncio.gather(*turns, return_exceptions=True)

    assert [type(one) for one in ended] == [ModelTimeout, TurnResult] * (CONVERSATIONS // 2)
    for taken in ids:
        await taker(make).resume(taken, "and on")
        prompts = [prompt for _, prompt, _ in said(await stored(make, taken))]
        assert prompts[1:] == (["and on"] if taken % 2 else ["go on", "and on"])


async def test_a_turn_that_is_cancelled_while_it_waits_for_the_model_leaves_its_conversation_free(
    make: MakeStore,
) -> None:
    taken = (await taker(make).start("ctx", "first", OWNER)).conversation_id
    key = Repetition("a" * 40, "b" * 40)
    held, holding = HeldModel(), HeldModel()
    turn = asyncio.create_task(taker(make, held).resume(taken, "second"))
    start = asyncio.create_task(taker(make, holding).start("ctx", "another", OWNER, key))
    await asyncio.gather(held.is_asked.wait(), holding.is_asked.wait())

    turn.cancel()
    start.cancel()
    ended = await asyncio.gather(turn, start, return_exceptions=True)

    assert [type(one) for one in ended] == [asyncio.CancelledError] * 2
    again = await taker(make).start("ctx", "another", OWNER, key)
    assert again.conversation_id == taken + 1, "no id is used up"
    assert (await taker(make).resume(taken, "third")).reply == "You said: third"
    assert said(await stored(make, taken)) == wanted("first", "third")


async def test_of_many_starts_with_one_key_at_once_one_runs_and_the_others_are_refused(
    make: MakeStore,
) -> None:
    key, held = Repetition("a" * 40, "b" * 40), HeldModel()
    first = asyncio.create_task(taker(make, held).start("ctx", "hello", OWNER, key))
    await held.is_asked.wait()

    others = [taker(make).start("ctx", "hello", OWNER, key) for _ in range(5)]
    refused = await asyncio.gather(*others, return_exceptions=True)
    held.may_reply.set()

    assert {type(one) for one in refused} == {ConversationBusy}
    started = await first
    assert await taker(make).start("ctx", "hello", OWNER, key) == started
    assert said(await stored(make, started.conversation_id)) == wanted("hello")
