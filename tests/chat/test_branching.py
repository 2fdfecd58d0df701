"""A branch has what was said before a message, wherever that is kept, and nothing else."""

import dataclasses
from collections.abc import Sequence

import pytest

from chat.chroma.collection import collection_of
from chat.chroma.memories import ChromaMemory
from chat.chroma.requests import base_path
from chat.core.errors import StoreUnavailable
from chat.core.heads import Change, Summary
from chat.core.messages import Commit, Conversation, Message, Place, Turn
from chat.core.owners import anyone
from chat.core.refusals import KeyReused, UnknownConversation, UnknownMessage
from chat.core.tokens import UNKNOWN
from chat.redis.brancher import RedisBrancher
from chat.redis.connection import Redis, Value
from chat.redis.failures import RedisError
from chat.usecases.branch import BranchMaker, fit_branch
from chat.usecases.branch_ports import Source
from chat.usecases.change import forget_message
from chat.usecases.ports import Repetition
from tests.chat.native import NativeConnection, NativeHttp
from tests.chat.stores import (
    OTHER,
    OWNER,
    MakeStores,
    Stores,
    in_redis,
    make_restorer,
    make_stores_of,
)
from tests.chat.test_recovering import OneLetterEmbedder, lose
from tests.chat.test_settings import parse

NOW = 1_800_000_000.0
SETTINGS = parse()
KEY = Repetition("0" * 40, "1" * 40)


@pytest.fixture(params=["memory", "redis", "chroma"])
def make(request: pytest.FixtureRequest, connection: NativeConnection) -> MakeStores:
    """Make the stores of a request."""
    return make_stores_of(request.param, request, connection)


def maker(stores: Stores) -> BranchMaker:
    return BranchMaker(stores.turns, stores.conversations, stores.brancher, SETTINGS)


async def branch(
    stores: Stores,
    taken: int,
    before: str | None = None,
    owner: str | None = OWNER,
    repetition: Repetition | None = None,
) -> Summary:
    place = Place(*map(int, before.split("."))) if before else None
    return await maker(stores).make(taken, place, owner, NOW, repetition)


def turn(number: int, tokens: int = 200) -> Turn:
    messages = (
        Message("user", f"prompt{number} animal{number % 3}", 1.5, {"n": number}),
        Message("assistant", f"reply{number}"),
    )
    return Turn(number, messages, tokens, 0, 2, 1_700_000_000.0 + number)


def commit(new: Turn, evicted: tuple[Turn, ...] = (), window_tokens: int = 400) -> Commit:
    return Commit((new,), 9, window_tokens, UNKNOWN, evicted, new.at, 500)


async def talk(
    stores: Stores, count: int, owner: str = OWNER, window: int = 2, tokens: int = 2000
) -> int:
    """Store a conversation whose window has the last `window` turns; no older one fits again."""
    taken = await stores.turns.next_id()
    new = Conversation(taken, owner or anyone(taken), "ctx", 9, 9, 0, ())
    await stores.turns.create(new, commit(turn(1, tokens)), None)
    for number in range(2, count + 1):
        loaded = await stores.turns.load(taken)
        evicted = loaded.turns[: int(number > window)]
        await stores.turns.commit(loaded, commit(turn(number, tokens), evicted, 3400))
    return taken


async def numbers(stores: Stores, taken: int) -> list[int]:
    page = await stores.conversations.turns_page(taken, 0, 100)
    return [stored.turn.number for stored in page]


async def found(stores: Stores, taken: int, *terms: str) -> list[int]:
    """Return the numbers of the evicted turns that a turn finds by terms, without neighbours."""
    loaded = await stores.turns.load(taken, terms)
    await stores.turns.release(loaded)
    best = max((one.score for one in loaded.found), default=0.0)
    return sorted(one.turn.number for one in loaded.found if one.score > best / 2)


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        pytest.param(None, [1, 2, 3, 4, 5, 6], id="all of it"),
        pytest.param("6.0", [1, 2, 3, 4, 5], id="up to a turn in the window"),
        pytest.param("5.0", [1, 2, 3, 4], id="up to the first turn in the window"),
        pytest.param("3.0", [1, 2], id="up to an evicted turn"),
        pytest.param("1.0", [], id="nothing but the context"),
    ],
)
async def test_a_branch_has_the_turns_before_a_message(
    make: MakeStores, before: str | None, kept: list[int]
) -> None:
    stores = make()
    taken = await talk(stores, 6)
    await stores.conversations.change(taken, Change(title="Zoo", is_pinned=True))

    made = await branch(stores, taken, before)

    assert made.id > taken
    assert (made.title, made.is_pinned) == ("Zoo" if kept else None, False)
    assert made.created_at == NOW
    assert made.turn_count == len(kept)
    assert await numbers(stores, made.id) == kept
    assert await numbers(stores, taken) == [1, 2, 3, 4, 5, 6]
    page = await stores.conversations.turns_page(made.id, 0, 100)
    assert [stored.turn.messages for stored in page] == [turn(n).messages for n in kept]
    assert [stored.turn.at for stored in page] == [turn(n).at for n in kept]
    again = await stores.conversations.summarise(made.id)
    assert dataclasses.replace(again, expires_at=made.expires_at) == made
    listed, _ = await stores.conversations.list_page(None, 5)
    assert [one.id for one in listed] == [made.id, taken]


async def test_a_branch_in_the_middle_of_a_turn_has_the_messages_before_it(
    make: MakeStores,
) -> None:
    stores = make()
    taken = await talk(stores, 5)

    in_window, evicted = await branch(stores, taken, "5.1"), await branch(stores, taken, "2.1")

    for made, last in ((in_window, 5), (evicted, 2)):
        assert await numbers(stores, made.id) == list(range(1, last + 1))
        newest = (await stores.conversations.turns_page(made.id, 0, 1))[0].turn
        assert newest.messages == turn(last).messages[:1]
        assert made.turn_count == last


async def test_a_branch_recalls_the_evicted_turns_that_it_has_and_no_others(
    make: MakeStores,
) -> None:
    stores = make()
    taken = await talk(stores, 9)

    made = await branch(stores, taken, "7.0")

    assert await found(stores, made.id, "prompt2") == [2]
    assert await found(stores, made.id, "prompt7") == []
    assert {1, 4} <= set(await found(stores, made.id, "animal1"))
    assert await found(stores, taken, "prompt7") == [7]


async def test_both_conversations_go_on_by_themselves(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 4)
    made = await branch(stores, taken, "4.0")

    loaded = await stores.turns.load(made.id)
    other = turn(4)._replace(messages=(Message("user", "another way"),))
    await stores.turns.commit(loaded, commit(other, loaded.turns[:1]))
    await stores.conversations.forget(taken)

    assert loaded.context == "ctx"
    assert await numbers(stores, made.id) == [1, 2, 3, 4]
    assert (await stores.conversations.turns_page(made.id, 4, 1))[0].turn.messages[0] == Message(
        "user", "another way"
    )


async def test_a_running_turn_is_not_part_of_a_branch_and_does_not_hinder_it(
    make: MakeStores,
) -> None:
    stores = make()
    taken = await talk(stores, 3)
    loaded = await make("two").turns.load(taken)

    made = await branch(stores, taken)
    await make("two").turns.commit(loaded, commit(turn(4), loaded.turns[:1]))

    assert await numbers(stores, made.id) == [1, 2, 3]
    assert await numbers(stores, taken) == [1, 2, 3, 4]


async def test_embeddings_come_with_the_branch(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 5)
    kept = {f"tag:{n}.{i}": [0.5, 0.25] for n in (1, 2, 3, 4) for i in (0, 1)}
    await stores.conversations.keep_embeddings(taken, kept)

    made = await branch(stores, taken, "3.1")

    there = await stores.conversations.load_embeddings(made.id, list(kept))
    assert set(there) == {"tag:1.0", "tag:1.1", "tag:2.0", "tag:2.1", "tag:3.0"}


async def test_only_what_one_may_reach_can_be_branched(make: MakeStores) -> None:
    stores, other = make(), make("two", OTHER)
    mine, anyones = await talk(stores, 2), await talk(make("begin", None), 3, owner="")

    with pytest.raises(UnknownConversation):
        await branch(other, mine, owner=OTHER)
    for before in ("9.0", "2.2"):
        with pytest.raises(UnknownMessage):
            await branch(stores, mine, before)
    made = await branch(other, anyones, "3.0", owner=OTHER)
    nobodys = await branch(make("three", None), anyones, owner=None)

    assert await numbers(other, made.id) == [1, 2]
    assert await numbers(make("four", None), nobodys.id) == [1, 2, 3]
    with pytest.raises(UnknownConversation):
        await stores.conversations.summarise(made.id)
    assert [one.id for one in (await other.conversations.list_page(None, 9))[0]] == [made.id]


async def test_a_message_that_was_forgotten_is_none_to_branch_at(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 4)
    stored = (await stores.conversations.turns_page(taken, 3, 1))[0]
    cut = stored.turn._replace(messages=(None, stored.turn.messages[1]))
    await stores.conversations.replace(taken, Place(3, 0), stored, cut)

    with pytest.raises(UnknownMessage):
        await branch(stores, taken, "3.0")
    made = await branch(stores, taken, "3.1")

    assert await numbers(stores, made.id) == [1, 2]
    assert made.turn_count == 2


async def test_what_was_forgotten_of_an_evicted_turn_is_in_no_branch(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 9)
    await forget_message(stores.conversations, taken, Place(2, 1))

    made = await branch(stores, taken, "5.0")

    assert await numbers(stores, made.id) == [1, 2, 3, 4]
    assert await found(stores, made.id, "reply2") == []
    assert await found(stores, made.id, "prompt2") == [2]
    assert await found(stores, made.id, "reply6", "reply7") == []


async def test_a_repeated_request_makes_one_branch(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 3)

    first = await branch(stores, taken, "3.0", repetition=KEY)
    again = await branch(make("two"), taken, "3.0", repetition=KEY)

    assert again.id == first.id
    assert len((await stores.conversations.list_page(None, 9))[0]) == 2
    with pytest.raises(KeyReused):
        await branch(stores, taken, repetition=dataclasses.replace(KEY, body="2" * 40))


async def test_a_branch_that_fails_may_be_asked_for_again(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 3)

    with pytest.raises(UnknownMessage):
        await branch(stores, taken, "9.0", repetition=KEY)

    assert (await branch(stores, taken, "9.0".replace("9", "3"), repetition=KEY)).turn_count == 2


# what goes into the window


def source(count: int, window: int, tokens: int, window_tokens: int) -> Source:
    turns = [turn(number, tokens) for number in range(1, count + 1)]
    evicted = turns[: count - window]
    conversation = Conversation(
        1, OWNER, "ctx", 10, window_tokens, count, tuple(turns[count - window :])
    )
    return Source(conversation, None, tuple(evicted), has_evicted=bool(evicted))


@pytest.mark.parametrize(
    ("end", "room", "kept", "window_tokens"),
    [
        pytest.param(9, 45, [7, 8], 26, id="the whole window, with what is known of it"),
        pytest.param(8, 50, [6, 7], 44, id="room is filled with evicted turns"),
        pytest.param(4, 50, [2, 3], 50, id="exactly full"),
        pytest.param(4, 49, [3], 30, id="one over"),
        pytest.param(1, 50, [], 10, id="nothing"),
        pytest.param(9, 24, [8], 24, id="less room than before"),
    ],
)
def test_the_window_of_a_branch_has_the_newest_turns_that_fit(
    end: int, room: int, kept: list[int], window_tokens: int
) -> None:
    fit = fit_branch(source(8, 2, 20, 26), end, None, room)

    assert [one.number for one in fit.kept] == kept
    assert fit.window_tokens == window_tokens


# in Redis


class BrokenConnection:
    """A connection that is gone."""

    async def execute(self, command: str, arguments: Sequence[bytes | int]) -> list[Value]:
        raise RedisError(f"{command} {len(arguments)}")


async def test_a_long_conversation_is_copied_in_short_steps(connection: NativeConnection) -> None:
    taken, calls = 1, connection.calls
    stores = in_redis(connection, "one", OWNER, 0, archive_turns=10_000)
    whole = Conversation(taken, OWNER, "ctx", 9, 9, 0, ())
    turns = [turn(number) for number in range(1, 3001)]
    await store_long(stores, whole, turns)
    calls.clear()

    made = await branch(stores, taken, "2501.0")

    assert made.evicted_turns == 2500 - 16, "the others are in the window again"
    assert 5 < len(calls) < 30
    assert await found(stores, made.id, "prompt17") == [17]
    assert await found(stores, made.id, "prompt2600") == []
    assert (await stores.conversations.turns_page(made.id, 1, 1))[0].turn == turn(1)
    with pytest.raises(UnknownConversation):
        await branch(stores, 99)


async def store_long(stores: Stores, new: Conversation, turns: list[Turn]) -> None:
    await stores.turns.next_id()
    await stores.turns.create(new, commit(turns[0]), None)
    for begin in range(1, len(turns), 100):
        loaded = await stores.turns.load(new.id)
        some = tuple(turns[begin : begin + 100])
        evicted = (*loaded.turns, *some[:-1])
        await stores.turns.commit(
            loaded, dataclasses.replace(commit(some[-1], evicted), turns=some)
        )


async def test_what_is_half_copied_cannot_be_read_and_goes_away(
    connection: NativeConnection,
) -> None:
    stores = in_redis(connection, "one", OWNER, 0)
    taken = await talk(stores, 5)
    brancher = RedisBrancher(
        Redis(connection),
        prefix="t",
        fencing="one",
        part_ms=5000,
        rate_tag=OWNER,
        owners=lambda _: [OWNER],
        make_restorer=lambda _: make_restorer(Redis(BrokenConnection()), "one", OWNER),
    )

    with pytest.raises(StoreUnavailable):
        await branch(dataclasses.replace(stores, brancher=brancher), taken)

    half = await connection.execute("KEYS", [b"t:{ada}:2*"])
    lives = [(await connection.execute("PTTL", [key]))[0] for key in half if isinstance(key, bytes)]
    assert half
    assert all(isinstance(left, int) and 0 < left <= 5000 for left in lives)
    with pytest.raises(UnknownConversation):
        await stores.conversations.summarise(2)


async def test_a_branch_takes_few_round_trips(connection: NativeConnection) -> None:
    stores = in_redis(connection, "one", OWNER, 0)
    short, long = await talk(stores, 2), await talk(stores, 60)

    for taken, calls in ((short, 3), (long, 4)):
        await branch(stores, taken)
        connection.calls.clear()
        await branch(stores, taken)
        assert connection.calls == ["EVALSHA"] * calls, "load, id, copy what is evicted, restore"


# in Chroma


async def test_a_branch_that_redis_lost_comes_back_and_so_does_its_source(
    request: pytest.FixtureRequest, connection: NativeConnection
) -> None:
    stores = make_stores_of("chroma", request, connection)()
    taken = await talk(stores, 6)
    made = await branch(stores, taken, "5.1")
    await lose(connection)

    again = await branch(stores, taken, "3.0")

    assert await numbers(stores, again.id) == [1, 2]
    assert await numbers(stores, made.id) == [1, 2, 3, 4, 5]
    page = await stores.conversations.turns_page(made.id, 0, 2)
    assert [stored.turn.messages for stored in page] == [turn(4).messages, turn(5).messages[:1]]
    assert (await stores.conversations.summarise(made.id)).turn_count == 5
    assert await numbers(stores, taken) == [1, 2, 3, 4, 5, 6]


async def test_a_branch_makes_no_memories(
    request: pytest.FixtureRequest, connection: NativeConnection, chroma: NativeHttp, database: str
) -> None:
    stores = make_stores_of("chroma", request, connection)()
    taken = await talk(stores, 3)
    collection = collection_of(chroma, base_path("default_tenant", database), "t", OWNER, "m0de1")
    memory = ChromaMemory(collection, OneLetterEmbedder(), OWNER)
    before = (await memory.list_page(None, 50))[0]

    made = await branch(stores, taken)

    assert before
    assert (await memory.list_page(None, 50))[0] == before
    await stores.conversations.forget(made.id)
    assert await numbers(stores, taken) == [1, 2, 3]
    assert (await memory.list_page(None, 50))[0] == before
