"""Conversations that are archived in Chroma: what Redis loses comes back."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from chat.chroma.collection import collection_of
from chat.chroma.conversations import ChromaDurableStore
from chat.chroma.memories import ChromaMemory
from chat.chroma.requests import base_path
from chat.core.errors import IdTaken, MemoryUnavailable, StoreUnavailable, TurnsLost
from chat.core.heads import Change
from chat.core.limits import Limits
from chat.core.messages import Commit, Conversation, Message, Place, Turn
from chat.core.owners import anyone
from chat.core.refusals import ConversationBusy, UnknownConversation, UnknownMemory
from chat.core.tokens import UNKNOWN
from chat.core.usage import TurnResult, Usage
from chat.redis.connection import Connection, Redis, Value
from chat.redis.conversations import RedisConversationStore
from chat.redis.failures import RedisError
from chat.redis.restorer import RedisRestorer
from chat.redis.turn_settings import TurnStoreSettings
from chat.redis.turns import RedisTurnStore
from chat.usecases.change import change_conversation, forget_message
from chat.usecases.durable_stores import RecoveringStore, RecoveringTurnStore
from chat.usecases.forget_messages import forget_messages
from chat.usecases.ports import Done, Repetition
from chat.usecases.read_messages import all_messages
from chat.usecases.recovery import Recovery
from tests.chat.native import NativeConnection, NativeHttp
from tests.chat.test_settings import parse

OWNER, OTHER = "{ada}", "{bob}"


@dataclass
class World:
    """The stores of one request."""

    turns: RecoveringTurnStore
    store: RecoveringStore
    memory: ChromaMemory
    hot: RedisTurnStore


class OneLetterEmbedder:
    """Embeds by the first letter, as these tests are not about likeness."""

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        return [[1.0, float(ord(text[0]) % 7), 1.0] for text in texts]


class FailingConnection:
    """A real connection to Redis that is lost at its n-th call."""

    def __init__(self, connection: Connection, at: int) -> None:
        self._connection = connection
        self._left = at

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        self._left -= 1
        if self._left <= 0:
            raise RedisError("IoError: broken pipe")
        return await self._connection.execute(command, arguments)


class FailingHttp:
    """A real connection to Chroma that is lost at its n-th request."""

    def __init__(self, http: NativeHttp, at: int) -> None:
        self._http = http
        self._left = at

    async def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        self._left -= 1
        if self._left <= 0:
            raise MemoryUnavailable("away")
        return await self._http.request(method, path, body)


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(connection: NativeConnection, chroma: NativeHttp, database: str) -> MakeWorld:
    def make(
        fencing: str = "one",
        owner: str = OWNER,
        redis_fails_at: int = 0,
        chroma_fails_at: int = 0,
        limits: tuple[int, int] = (0, 0),
    ) -> World:
        def owners(conversation_id: int) -> list[str]:
            return [owner, anyone(conversation_id)]

        settings = parse(
            long_term="chroma", context_length="600", max_reply_tokens="60", archive_turns="20"
        )
        failing = FailingConnection(connection, redis_fails_at) if redis_fails_at else connection
        redis = Redis(failing)
        http = FailingHttp(chroma, chroma_fails_at) if chroma_fails_at else chroma
        collection = collection_of(http, base_path("default_tenant", database), "t", owner, "m0de1")
        memory = ChromaMemory(collection, OneLetterEmbedder(), owner)
        archive = ChromaDurableStore(collection, memory, OneLetterEmbedder(), 10)
        restorer = RedisRestorer(
            redis, prefix="t", fencing=fencing, owner=owner, part_ms=5000, archive_turns=20
        )
        recovery = Recovery(archive, restorer, settings, owner)
        hot = RedisTurnStore(
            redis,
            TurnStoreSettings("t", fencing, 60_000, 20, Limits(*limits), "{r}", owners),
        )
        store = RedisConversationStore(
            redis, prefix="t", fencing=fencing, owner=owner, owners=owners
        )
        return World(
            RecoveringTurnStore(hot, archive, recovery, store),
            RecoveringStore(store, archive, recovery),
            memory,
            hot,
        )

    return make


def turn(number: int, said: str = "") -> Turn:
    messages = (
        Message("user", said or f"prompt {number}"),
        Message("assistant", f"reply {number}"),
    )
    return Turn(number, messages, 30, 30, 5, 1000.0 + number)


def commit(*turns: Turn, evicted: Sequence[Turn] = ()) -> Commit:
    return Commit(turns, 9, 77, UNKNOWN, tuple(evicted), turns[-1].at, 500)


async def talk(world: World, count: int, owner: str = OWNER) -> int:
    taken = await world.turns.next_id()
    new = Conversation(taken, owner, "Be a chef.", 9, 9, 0, ())
    await world.turns.create(new, commit(turn(1)), None)
    for number in range(2, count + 1):
        await add(world, taken, turn(number))
    return taken


async def add(world: World, taken: int, *turns: Turn) -> None:
    loaded = await world.turns.load(taken)
    evicted = loaded.turns[:1] if len(loaded.turns) > 5 else ()
    await world.turns.commit(loaded, commit(*turns, evicted=evicted))


async def contents(world: World, taken: int) -> list[str]:
    return [placed.message.content for placed in await all_messages(world.store, taken)]


def said(*numbers: int) -> list[str]:
    return [f"{kind} {number}" for number in numbers for kind in ("prompt", "reply")]


async def lose(connection: NativeConnection, *patterns: str) -> None:
    for pattern in patterns or ("t:*",):
        for key in await connection.execute("KEYS", [pattern.encode()]):
            if isinstance(key, bytes) and not key.endswith(b"next_id"):
                await connection.execute("DEL", [key])


async def test_a_turn_on_an_expired_conversation_goes_on_from_the_archive(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    taken = await talk(make_world(), 12)
    await lose(connection)

    loaded = await make_world("two").turns.load(taken, ["prompt"])

    assert isinstance(loaded, Conversation)
    assert (loaded.context, loaded.turn_count) == ("Be a chef.", 12)
    kept = [t.number for t in loaded.turns]
    assert kept == list(range(kept[0], 13))
    assert 1 < kept[0] < 12, "the newest that fit"
    assert loaded.turns[-1].messages == turn(12).messages
    assert loaded.turns[-1].at == turn(12).at
    assert {found.turn.number for found in loaded.found} <= set(range(1, kept[0]))
    assert loaded.found, "what is behind the window is found by its words"
    world = make_world("two")
    await world.turns.commit(loaded, commit(turn(13)))
    assert await contents(make_world("three"), taken) == said(*range(1, 14))
    await lose(connection)
    assert await contents(make_world("four"), taken) == said(*range(1, 14))


async def test_all_that_is_known_of_a_conversation_comes_back(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    taken = await talk(world, 3)
    note = Message("tool", "42 °C 你好", 7.25, {"unit": [1, {"a": None}]})
    own = Turn(4, (Message("user", "x"), note, Message("assistant", "y")), 9, 9, 2, 2000.5)
    await add(world, taken, own)
    await change_conversation(
        world.store, parse(), taken, Change(context="Be kind.", title="Köche", is_pinned=True)
    )
    await forget_message(world.store, taken, Place(2, 0))
    await forget_message(world.store, taken, Place(3, 0))
    await forget_message(world.store, taken, Place(3, 1))
    before, shown = await world.store.summarise(taken), await all_messages(world.store, taken)
    await lose(connection)

    after = await make_world("two").store.summarise(taken)

    assert dataclasses.replace(after, evicted_turns=0, window_tokens=0) == dataclasses.replace(
        before, evicted_turns=0, window_tokens=0
    )
    assert (after.title, after.context, after.is_pinned) == ("Köche", "Be kind.", True)
    assert after.expires_at is None
    assert await all_messages(make_world("two").store, taken) == shown
    loaded = await make_world("two").turns.load(taken)
    assert [t.number for t in loaded.turns] == [1, 2, 4]
    assert loaded.turns[1].messages == (None, Message("assistant", "reply 2"))
    assert loaded.turns[2].messages == own.messages


@pytest.mark.parametrize("part", ["turns", "archive"])
async def test_a_list_that_redis_lost_comes_back(
    make_world: MakeWorld, connection: NativeConnection, part: str
) -> None:
    taken = await talk(make_world(), 12)

    async def by_loading() -> bool:
        return (await make_world("two").turns.load(taken)).turn_count == 12

    async def by_reading() -> bool:
        return await contents(make_world("three"), taken) == said(*range(1, 13))

    async def by_summarising() -> bool:
        return (await make_world("four").store.summarise(taken)).turn_count == 12

    for ask in (by_loading, by_reading, by_summarising):
        await lose(connection, f"*:{part}", "*:lock")

        assert await ask()
        assert await contents(make_world("x"), taken) == said(*range(1, 13))


async def test_what_is_archived_nowhere_is_not_made_from_what_is(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    never, open_one = await world.hot.next_id(), await world.hot.next_id()
    for taken, owner in ((never, OWNER), (open_one, anyone(open_one))):
        new = Conversation(taken, owner, "c", 9, 9, 0, ())
        await world.hot.create(new, commit(turn(1)), None)
    behind = await talk(world, 2)
    await world.hot.commit(await world.hot.load(behind), commit(turn(3)))
    await lose(connection, "*:turns")

    for taken in (never, open_one, behind):
        with pytest.raises(TurnsLost):
            await make_world("two").turns.load(taken)
        with pytest.raises(TurnsLost):
            await contents(make_world("two"), taken)


async def test_a_turn_is_whole_whose_conversation_loses_a_list_meanwhile(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    taken = await talk(make_world(), 3)
    world = make_world("two")
    loaded = await world.turns.load(taken)
    await lose(connection, "*:turns")

    await world.turns.commit(loaded, commit(turn(4)))

    assert await contents(make_world("three"), taken) == said(1, 2, 3, 4)
    assert (await make_world("four").turns.load(taken)).turn_count == 4


async def test_a_long_conversation_comes_back_whole_page_by_page(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    taken = await talk(world, 1)
    loaded = await world.turns.load(taken)
    await world.turns.commit(loaded, commit(*(turn(number) for number in range(2, 452))))
    await lose(connection)

    loaded = await make_world("two").turns.load(taken)

    assert loaded.turn_count == 451
    shown = await contents(make_world("two"), taken)
    assert shown == said(*range(452 - len(shown) // 2, 452))
    assert len(shown) // 2 == len(loaded.turns) + 20, "the archive's cap holds here, too"


async def test_what_redis_failed_to_store_is_there_with_the_next_turn(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    taken = await talk(make_world(), 2)
    failing = make_world("two", redis_fails_at=3)
    loaded = await failing.turns.load(taken)
    await failing.turns.commit(loaded, commit(turn(3)))
    await lose(connection, "*:lock")  # as it ends by itself
    assert (await make_world("x").hot.load(taken)).turn_count == 2, "Redis was away for the commit"
    await lose(connection, "*:lock")

    loaded = await make_world("three").turns.load(taken)

    assert [t.number for t in loaded.turns] == [1, 2, 3]
    assert loaded.turn_count == 3


async def test_a_start_that_redis_failed_to_store_is_there(make_world: MakeWorld) -> None:
    await talk(make_world(), 1)

    taken = await talk(make_world("two", redis_fails_at=2), 1)

    assert await contents(make_world("three"), taken) == said(1)


async def test_where_redis_fails_before_the_archive_nothing_is_stored(
    make_world: MakeWorld,
) -> None:
    taken = await talk(make_world(), 1)
    failing = make_world("two", redis_fails_at=2)
    loaded = await failing.turns.load(taken)

    with pytest.raises(StoreUnavailable):
        await failing.turns.commit(loaded, commit(turn(2)))

    await make_world("two").turns.release(loaded)
    assert (await make_world("three").turns.load(taken)).turn_count == 1


@pytest.mark.parametrize("at", range(1, 5))
async def test_where_chroma_is_away_nothing_is_stored_and_the_conversation_goes_on(
    make_world: MakeWorld, at: int
) -> None:
    taken = await talk(make_world(), 1)
    failing = make_world("two", chroma_fails_at=at)
    long = turn(2, "a prompt that is remembered")

    with pytest.raises(MemoryUnavailable):
        await add_or_release(failing, taken, long)

    assert await contents(make_world("three"), taken) == said(1)
    await add(make_world("four"), taken, long)
    assert (
        await make_world("five").memory.get(f"{taken}.2.0")
    ).content == "a prompt that is remembered"


async def add_or_release(world: World, taken: int, new: Turn) -> None:
    loaded = await world.turns.load(taken)
    try:
        await world.turns.commit(loaded, commit(new))
    except MemoryUnavailable:
        await world.turns.release(loaded)
        raise


async def test_a_turn_that_lost_its_lock_reaches_neither_store(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    taken = await talk(make_world(), 1)
    late = make_world("late")
    loaded = await late.turns.load(taken)
    await lose(connection, "*:lock")
    await add(make_world("quick"), taken, turn(2, "quick"))

    with pytest.raises(ConversationBusy):
        await late.turns.commit(loaded, commit(turn(2, "late")))

    await lose(connection)
    assert await contents(make_world("two"), taken) == [*said(1), "quick", "reply 2"]


async def test_what_is_forgotten_stays_forgotten(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    gone, kept = await talk(world, 3), await talk(world, 1)
    running = make_world("running")
    loaded = await running.turns.load(gone)

    receipt = await world.store.forget(gone)

    assert (receipt.window_turns, receipt.memories) == (3, 0)
    with pytest.raises(UnknownConversation):
        await running.turns.commit(loaded, commit(turn(4)))
    for act in (world.turns.load, world.store.summarise, world.store.forget):
        with pytest.raises(UnknownConversation):
            await act(gone)
    assert [summary.id for summary in (await world.store.list_page(None, 9))[0]] == [kept]
    await lose(connection)
    assert (await world.store.forget(kept)).window_turns == 0, (
        "what Redis has lost is forgotten, too"
    )
    with pytest.raises(UnknownConversation):
        await world.store.summarise(kept)


async def test_memories_are_messages_and_go_with_them(make_world: MakeWorld) -> None:
    world = make_world()
    taken = await talk(world, 1)
    await add(world, taken, turn(2, "I was born in Oslo."), turn(3, "I was born in Oslo."))
    await add(world, taken, turn(4, "I was born in Oslo."), turn(5, "I live in Rome."))

    assert [one.id for one in (await world.memory.list_page(None, 9))[0]] == [
        f"{taken}.5.0", f"{taken}.2.0",
    ]  # fmt: skip
    await world.memory.forget(f"{taken}.5.0")
    assert "I live in Rome." in await contents(world, taken)
    await forget_message(world.store, taken, Place(2, 0))
    with pytest.raises(UnknownMemory):
        await world.memory.get(f"{taken}.2.0")
    assert await world.memory.forget_all() == 0


async def test_what_is_emptied_stays_empty_in_both_stores(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    taken = await talk(world, 2)
    await add(world, taken, turn(3, "I was born in Oslo."))
    await world.store.change(taken, Change(title="prompt 1"))

    cut = await forget_messages(world.store, taken, 3)

    assert (cut.messages, cut.memories) == (3, 1)
    assert await contents(world, taken) == ["prompt 1", "reply 1", "prompt 2"]
    await lose(connection)
    assert await contents(world, taken) == ["prompt 1", "reply 1", "prompt 2"]
    assert (await forget_messages(world.store, taken, None)).messages == 3
    await lose(connection)
    assert await contents(world, taken) == []
    summary = await world.store.summarise(taken)
    assert (summary.title, summary.context, summary.turn_count) == (None, "Be a chef.", 3)
    await add(world, taken, turn(4))
    assert await contents(world, taken) == said(4)


async def test_a_namespace_comes_back_with_its_conversation_and_its_memories(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    taken, other = await world.turns.next_id(), await talk(world, 1)
    new = Conversation(taken, OWNER, "Be a chef.", 9, 9, 0, (), namespace="chef")
    await world.turns.create(new, commit(turn(1, "I was born in Oslo.")), None)
    await lose(connection)

    found, _ = await world.store.list_page(None, 9, "chef")

    assert [(one.id, one.namespace) for one in found] == [(taken, "chef")]
    await add(world, taken, turn(2, "I was born in Oslo."), turn(3, "I live in Rome."))
    await add(world, other, turn(2, "I was born in Oslo."))
    assert (await world.store.summarise(taken)).namespace == "chef"
    assert [one.id for one in (await world.memory.list_page(None, 9, "chef"))[0]] == [
        f"{taken}.3.0", f"{taken}.1.0",
    ]  # fmt: skip
    plain = await world.memory.search("I", count=9, max_distance=2)
    assert [one.memory.id for one in plain] == [f"{other}.2.0"]
    assert (await world.store.forget(taken)).memories == 2


async def test_while_a_turn_runs_neither_store_is_emptied(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    taken = await talk(world, 2)
    await make_world("running").turns.load(taken)

    with pytest.raises(ConversationBusy):
        await forget_messages(world.store, taken, None)

    await lose(connection)
    assert await contents(world, taken) == said(1, 2)


async def test_where_chroma_is_away_nothing_is_emptied_and_nothing_stays_locked(
    make_world: MakeWorld,
) -> None:
    taken = await talk(make_world(), 2)

    with pytest.raises(MemoryUnavailable):
        await forget_messages(make_world(chroma_fails_at=1).store, taken, None)

    assert await contents(make_world("two"), taken) == said(1, 2)
    await add(make_world("two"), taken, turn(3))


async def test_a_conversation_from_before_the_archive_is_archived_whole(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    taken = await world.hot.next_id()
    await world.hot.create(Conversation(taken, OWNER, "ctx", 9, 9, 0, ()), commit(turn(1)), None)
    for number in range(2, 9):
        await world.hot.commit(await world.hot.load(taken), commit(turn(number)))
    await add(world, taken, turn(9))
    await lose(connection)

    assert await contents(make_world("two"), taken) == said(*range(1, 10))


async def test_turns_that_the_archive_missed_are_archived_with_the_next_one(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    taken = await talk(world, 2)
    await add(world, taken, turn(3, "I was born in Oslo."))
    for number in (4, 5):
        await world.hot.commit(await world.hot.load(taken), commit(turn(number)))
    await add(world, taken, turn(6))
    await lose(connection)

    shown = await contents(make_world("two"), taken)
    assert shown == [*said(1, 2), "I was born in Oslo.", "reply 3", *said(4, 5, 6)]
    assert [one.id for one in (await world.memory.list_page(None, 9))[0]] == [f"{taken}.3.0"]


async def test_open_conversations_and_those_of_others_are_left_alone(make_world: MakeWorld) -> None:
    world = make_world()
    open_one = await world.turns.next_id()
    new = Conversation(open_one, anyone(open_one), "c", 9, 9, 0, ())
    await world.hot.create(new, commit(turn(1)), None)
    await add(world, open_one, turn(2))
    mine = await talk(world, 1)

    stranger = make_world("s", owner=OTHER)

    assert await contents(world, open_one) == await contents(stranger, open_one) == said(1, 2)
    assert [summary.id for summary in (await world.store.list_page(None, 9))[0]] == [mine]
    assert (await stranger.store.list_page(None, 9))[0] == []
    with pytest.raises(UnknownConversation):
        await stranger.turns.load(mine)
    with pytest.raises(UnknownConversation):
        await stranger.store.forget(mine)
    assert (await world.store.forget(open_one)).window_turns == 2


async def test_ids_that_redis_gives_out_again_do_not_meet_what_is_archived(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    first, second = await talk(world, 2), await talk(world, 1)
    await connection.execute("FLUSHDB", [])
    open_one = await world.hot.next_id()
    begun = Conversation(open_one, anyone(open_one), "open", 9, 9, 0, ())
    await world.hot.create(begun, commit(turn(1, "of anyone")), None)

    third = await talk(make_world("two"), 1)
    await add(make_world("three"), first, turn(3, "and on"))

    assert (first, second, open_one, third) == (1, 2, 1, 3)
    assert await contents(make_world("four"), first) == [*said(1, 2), "and on", "reply 3"]
    assert await contents(make_world("four"), second) == said(1)
    assert await contents(make_world("five", owner=OTHER), open_one) == ["of anyone", "reply 1"]


async def test_a_lost_counter_goes_on_behind_the_archive_at_once(
    make_world: MakeWorld, connection: NativeConnection, chroma: NativeHttp
) -> None:
    ids = [await talk(make_world(), 1) for _ in range(5)]
    await connection.execute("FLUSHDB", [])
    await talk(make_world("x", owner=OTHER), 1)
    world = make_world("two")
    chroma.calls.clear()

    taken = await world.turns.next_id()

    assert (ids, taken) == ([1, 2, 3, 4, 5], 6)
    assert len(chroma.calls) == 3


async def test_a_start_that_another_one_with_its_key_was_before_leaves_nothing_in_the_archive(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    key = Repetition("a" * 40, "b" * 40)
    worlds = [make_world("one"), make_world("two")]
    for world in worlds:
        await world.turns.admit(key)
        await connection.execute("DEL", [b"t:{r}:started:" + b"a" * 40])
    first, second = [await world.turns.next_id() for world in worlds]
    usage = Usage(1, 2, 3, 4, 5)

    async def begin(world: World, taken: int) -> None:
        result = TurnResult(taken, "p", "ctx", "r", None, usage)
        new = Conversation(taken, OWNER, "ctx", 9, 9, 0, ())
        await world.turns.create(new, commit(turn(1)), Done(key, result))

    await begin(worlds[0], first)
    with pytest.raises(ConversationBusy):
        await begin(worlds[1], second)

    assert await contents(make_world("three"), first) == said(1)
    with pytest.raises(UnknownConversation):
        await make_world("four").turns.load(second)


async def test_a_start_whose_id_redis_has_leaves_nothing_in_the_archive(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    taken = await world.hot.next_id()
    old = Conversation(taken, OWNER, "old", 9, 9, 0, ())
    await world.hot.create(old, commit(turn(1, "the old one")), None)
    await connection.execute("SET", [b"t:next_id", taken - 1])

    with pytest.raises(IdTaken):
        await talk(make_world("two"), 1)

    assert await contents(make_world("three"), taken) == ["the old one", "reply 1"]
    await make_world("four").turns.mend_ids()
    assert await talk(make_world("four"), 1) == taken + 1


async def test_the_list_has_what_redis_lost_and_pages_through_all(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    ids = [await talk(world, count) for count in (3, 1, 2)]
    await lose(connection)
    await make_world("two").turns.release(await make_world("two").turns.load(ids[1]))

    pages: list[list[tuple[int, int]]] = []
    cursor = None
    while not pages or (cursor and len(pages) < 9):
        page, cursor = await world.store.list_page(cursor, 1)
        pages.append([(summary.id, summary.turn_count) for summary in page])

    assert pages == [[(ids[0], 3)], [(ids[2], 2)], [(ids[1], 1)]]


async def test_two_that_bring_a_conversation_back_do_not_mix(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    taken = await talk(make_world(), 3)
    await lose(connection)
    first = await make_world("one").turns.load(taken)

    with pytest.raises(ConversationBusy):
        await make_world("two").turns.load(taken)

    assert [t.number for t in first.turns] == [1, 2, 3]
    assert await contents(make_world("three"), taken) == said(1, 2, 3)


async def test_a_recovery_that_breaks_off_leaves_nothing_half(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    taken = await talk(world, 1)
    await world.turns.commit(
        await world.turns.load(taken), commit(*(turn(n) for n in range(2, 300)))
    )
    await lose(connection)
    for fails_at in (2, 3):
        with pytest.raises(StoreUnavailable):
            await make_world(f"f{fails_at}", redis_fails_at=fails_at).turns.load(taken)
        await lose(connection, "*:lock")  # as it ends by itself

    left = (await connection.execute("PTTL", [f"t:{OWNER}:{taken}:turns".encode()]))[0]
    loaded = await make_world("two").turns.load(taken)

    assert isinstance(left, int)
    assert left <= 5000
    assert [t.number for t in loaded.turns] == list(range(301 - len(loaded.turns) - 1, 300))


async def test_a_turn_that_brings_a_conversation_back_counts_once(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    taken = await talk(make_world(), 1)
    await lose(connection)

    await make_world("two", limits=(5, 0)).turns.load(taken)

    assert await connection.execute("HVALS", [b"t:{r}:rate"]) == [b"1"]


async def test_a_turn_asks_chroma_four_times(make_world: MakeWorld, chroma: NativeHttp) -> None:
    taken = await talk(make_world(), 1)
    chroma.calls.clear()

    await add(make_world("two"), taken, turn(2, "a prompt that is remembered"))

    assert [call.partition(" ")[2][:6] for call in chroma.calls] == [
        "owner_", "get", "get", "upsert",
    ]  # fmt: skip
