"""An export is of one moment, whatever is written, added and forgotten meanwhile."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from chat.chroma.collection import MAX_BODY_BYTES, RECORDS_A_CALL, collection_of
from chat.chroma.conversations import ChromaDurableStore
from chat.chroma.memories import ChromaMemory
from chat.chroma.requests import Http, base_path
from chat.chroma.rows import Record
from chat.context.budget import bounded_turn
from chat.core.errors import MemoryUnavailable, StoreUnavailable
from chat.core.heads import Head
from chat.core.limits import Limits
from chat.core.memories import memory_id
from chat.core.messages import Commit, Conversation, Embedded, Memory, Message, Place
from chat.core.portions import MAX_CALL_BYTES
from chat.core.refusals import ConversationBusy
from chat.core.tokens import UNKNOWN
from chat.http.export_lines import LineParser
from chat.redis.connection import Redis, Value
from chat.redis.conversations import RedisConversationStore
from chat.redis.failures import RedisError
from chat.redis.memories import RedisMemory
from chat.redis.restorer import RedisRestorer
from chat.redis.turn_settings import TurnStoreSettings
from chat.redis.turns import RedisTurnStore
from chat.usecases.add_messages import make_turns
from chat.usecases.durable_stores import RecoveringStore, RecoveringTurnStore
from chat.usecases.export import Line, export
from chat.usecases.memory_port import LongTermMemory
from chat.usecases.ports import OwnedStore, TurnStore
from chat.usecases.rebuild import make_whole
from chat.usecases.recovery import DurableRestorer, Recovery
from chat.usecases.snapshots import Snapshots
from chat.usecases.take_back import Importer
from tests.chat.native import NativeConnection, NativeHttp
from tests.chat.test_recovering import FailingHttp, OneLetterEmbedder
from tests.chat.test_settings import parse

NOW = 9_000.0
LONG = 65_536
TAG = "0000000a"
SETTINGS = parse(long_term="redis", max_prompt_bytes=str(LONG))


class WatchedConnection:
    """A connection that lets a test act between two calls, and notes how much each call carries."""

    def __init__(self, connection: NativeConnection) -> None:
        self._connection = connection
        self.before_call: Callable[[], Awaitable[object]] | None = None
        self.max_bytes = 0

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        act, self.before_call = self.before_call, None
        if act:
            await act()
        self.before_call = act
        answer = await self._connection.execute(command, arguments)
        texts = [*arguments, *answer]
        sizes = (len(text) for text in texts if isinstance(text, bytes | str))
        if command != "EVAL":  # EVAL carries the script's text, too, but only once
            self.max_bytes = max(self.max_bytes, sum(sizes))
        return answer


def at_call(number: int, act: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
    """Return a function that acts before the n-th call only."""
    calls = itertools.count(1)

    async def before_call() -> None:
        if next(calls) == number:
            await act()

    return before_call


@dataclass
class World:
    """The stores of an owner."""

    owner: str
    turns: TurnStore
    store: OwnedStore
    memory: LongTermMemory
    snapshots: Snapshots
    importer: Importer


MakeWorld = Callable[..., World]


@pytest.fixture
def watched(connection: NativeConnection) -> WatchedConnection:
    return WatchedConnection(connection)


@pytest.fixture(params=["redis", "chroma"])
def make_world(
    request: pytest.FixtureRequest, connection: NativeConnection, watched: WatchedConnection
) -> MakeWorld:
    in_chroma = request.param == "chroma"
    http = request.getfixturevalue("chroma") if in_chroma else None
    database = request.getfixturevalue("database") if in_chroma else ""

    def make(owner: str = "{ada}", *, is_watched: bool = False) -> World:
        redis = Redis(watched if is_watched else connection)
        parts = Hot(redis, owner)
        if http is None:
            memory = RedisMemory(
                redis, OneLetterEmbedder(), prefix="t", owner=owner, tag=TAG, most=10_000
            )
            importer = Importer(parts.turns, parts.store, parts.restorer, memory, SETTINGS)
            return World(
                owner, parts.turns, parts.store, memory, Snapshots(parts.store, None), importer
            )
        return in_archive(parts, http, database)

    return make


class Hot:
    """The stores in Redis."""

    def __init__(self, redis: Redis, owner: str) -> None:
        def owners(_: int) -> list[str]:
            return [owner]

        told = TurnStoreSettings(
            "t",
            "one",
            60_000,
            10_000,
            Limits(0, 0),
            "{r}",
            owners,
            max_memories=10_000,
            tags=(TAG, ""),
        )
        self.owner = owner
        self.turns = RedisTurnStore(redis, told)
        self.store = RedisConversationStore(
            redis, prefix="t", fencing="one", owner=owner, owners=owners
        )
        self.restorer = RedisRestorer(
            redis, prefix="t", fencing="one", owner=owner, part_ms=5000, archive_turns=10_000
        )


def in_archive(hot: Hot, http: Http, database: str) -> World:
    """Return the stores with Chroma behind Redis."""
    base = base_path("default_tenant", database)
    collection = collection_of(http, base, "t", hot.owner, TAG)
    memory = ChromaMemory(collection, OneLetterEmbedder(), hot.owner)
    archive = ChromaDurableStore(collection, memory, OneLetterEmbedder(), 10)
    recovery = Recovery(archive, hot.restorer, SETTINGS, hot.owner)
    turns = RecoveringTurnStore(hot.turns, archive, recovery, hot.store)
    store = RecoveringStore(hot.store, archive, recovery)
    restorer = DurableRestorer(archive, hot.restorer)
    importer = Importer(turns, store, restorer, memory, SETTINGS)
    return World(hot.owner, turns, store, memory, Snapshots(hot.store, archive), importer)


async def add(world: World, taken: int, *messages: Message) -> None:
    loaded = await world.turns.load(taken)
    turns = make_turns(messages, loaded.turn_count + 1, NOW, UNKNOWN)
    memories = tuple(
        Embedded(
            Memory(memory_id(taken, Place(turn.number, 0)), "user", m.content, NOW, taken),
            [1.0] * 3,
        )
        for turn in turns
        if (m := turn.messages[0]) is not None
    )
    await world.turns.commit(
        loaded,
        Commit(tuple(turns), 9, 77, UNKNOWN, loaded.turns, NOW, 500, memories=memories),
    )


async def start(world: World, text: str = "The first prompt of all.") -> int:
    taken = await world.turns.next_id()
    new = Conversation(taken, world.owner, "Be a chef.", 9, 9, 0, ())
    (turn,) = make_turns([Message("user", text)], 1, NOW, UNKNOWN)
    await world.turns.create(new, Commit((turn,), 9, 77, UNKNOWN, (), NOW, 500), None)
    return taken


def prompts(*numbers: int) -> list[Message]:
    return [Message("user", f"{number} is what this prompt is about.") for number in numbers]


def exporting(world: World) -> AsyncIterator[Line]:
    return export(world.snapshots, world.memory, SETTINGS, NOW)


async def exported(world: World) -> list[Line]:
    return [line async for line in exporting(world)]


async def take(world: World, lines: Sequence[Line]) -> None:
    """Import lines; an export that is not whole is refused."""
    parser = LineParser(SETTINGS.max_prompt_bytes, NOW)
    for line in lines:
        parser.take(line)
    await world.importer.take(parser.finish())


def kinds(lines: Sequence[Line]) -> list[str]:
    return [line["type"] for line in lines]


async def test_what_came_after_a_head_was_read_is_left_out_and_so_are_its_memories(
    make_world: MakeWorld, watched: WatchedConnection
) -> None:
    world = make_world()
    taken = await start(world)
    await add(world, taken, *prompts(*range(2, 5)))
    numbers = iter(range(100, 1000))
    watched.before_call = lambda: add(make_world(), taken, *prompts(next(numbers)))

    lines = await exported(make_world(is_watched=True))

    watched.before_call = None
    head = next(line for line in lines if line["type"] == "conversation")
    turns = [line["number"] for line in lines if line["type"] == "turn"]
    assert turns == list(range(1, head["turns"] + 1))
    assert (await make_world().store.summarise(taken)).turn_count > head["turns"]
    remembered = {int(m["id"].split(".")[1]) for m in lines if m["type"] == "memory"}
    assert remembered
    assert max(remembered) <= head["turns"]
    await take(make_world("{bob}"), lines)


async def test_a_conversation_that_began_after_the_list_leaves_no_memories(
    make_world: MakeWorld,
) -> None:
    world = make_world()
    taken = await start(world)
    await add(world, taken, *prompts(2))
    lines = exporting(world)
    read = [await anext(lines) for _ in range(2)]
    later = await start(world, "What was said later on.")
    await add(world, later, *prompts(3))

    read += [line async for line in lines]

    assert {line.get("conversation_id", taken) for line in read} == {taken}
    assert "memory" in kinds(read)
    await take(make_world("{bob}"), read)


@dataclass
class Forgetting:
    """Memories whose conversation is forgotten as soon as they are read."""

    memory: LongTermMemory
    forget: Callable[[], Awaitable[object]]

    async def list_page(self, *asked: Any) -> Any:
        page = await self.memory.list_page(*asked)
        await self.forget()
        return page

    async def get(self, memory_id: str) -> Memory:
        return await self.memory.get(memory_id)


async def test_what_is_forgotten_while_memories_are_read_leaves_none(
    make_world: MakeWorld,
) -> None:
    world = make_world()
    kept = await start(world)
    await add(world, kept, *prompts(2))
    begun: list[int] = []

    async def forget() -> None:
        while begun:
            await world.store.forget(begun.pop())

    forgetting: Any = Forgetting(world.memory, forget)
    lines = export(world.snapshots, forgetting, SETTINGS, NOW)
    read = [await anext(lines) for _ in range(2)]
    begun.append(await start(world, "What was said later on."))
    await add(world, begun[0], *prompts(3))

    read += [line async for line in lines]

    assert begun == []
    assert {line.get("conversation_id", kept) for line in read} == {kept}
    assert "memory" in kinds(read)


async def test_memories_outlive_their_conversation(
    make_world: MakeWorld, connection: NativeConnection, request: pytest.FixtureRequest
) -> None:
    if "chroma" in request.node.name:
        pytest.skip("nothing expires in an archive")
    world = make_world()
    taken = await start(world)
    await add(world, taken, *prompts(2))
    await connection.execute("DEL", [f"t:{{ada}}:{taken}".encode()])

    assert kinds(await exported(world)) == ["export", "memory", "end"]


@pytest.mark.parametrize(
    ("part", "change"),
    [("", ["SET", b"alien"]), (":turns", ["SET", b"alien"]), (":turns", ["DEL"])],
)
async def test_a_damaged_conversation_is_named_and_the_rest_is_exported(
    make_world: MakeWorld,
    connection: NativeConnection,
    request: pytest.FixtureRequest,
    part: str,
    change: Sequence[Any],
) -> None:
    if "chroma" in request.node.name:
        pytest.skip("what is damaged in Redis is read from the archive")
    world = make_world()
    kept, damaged = await start(world), await start(world)
    await add(world, damaged, *prompts(2))
    before = await exported(world)
    key = f"t:{{ada}}:{damaged}{part}".encode()
    command, *arguments = change
    await connection.execute(command, [key, *arguments])

    lines = await exported(world)

    assert [line["id"] for line in lines if line["type"] == "conversation"] == [kept]
    assert lines[-1] == {
        "type": "end", "conversations": 1, "turns": 1, "memories": before[-1]["memories"],
        "damaged": [damaged],
    }  # fmt: skip
    await take(make_world("{bob}"), lines)
    assert kinds(await exported(make_world("{bob}"))) == kinds(lines)


@pytest.mark.parametrize("calls", range(1, 8))
async def test_a_conversation_that_is_forgotten_meanwhile_is_whole_or_not_there(
    make_world: MakeWorld, watched: WatchedConnection, calls: int
) -> None:
    world = make_world()
    kept, forgotten = await start(world), await start(world)
    await add(world, forgotten, *(Message("user", f"{n:8}".ljust(LONG, "x")) for n in range(2, 30)))
    watched.before_call = at_call(calls, lambda: make_world().store.forget(forgotten))
    lines = await exported(make_world(is_watched=True))

    heads = {line["id"]: line["turns"] for line in lines if line["type"] == "conversation"}
    turns = [line["conversation_id"] for line in lines if line["type"] == "turn"]
    assert kept in heads
    assert {taken: turns.count(taken) for taken in heads} == heads
    assert set(turns) == set(heads)
    await take(make_world("{bob}"), lines)


async def test_a_conversation_that_redis_lost_is_read_from_the_archive_and_stays_there(
    connection: NativeConnection, chroma: NativeHttp, database: str
) -> None:
    world = in_archive(Hot(Redis(connection), "{ada}"), chroma, database)
    taken = await start(world)
    await add(world, taken, *prompts(2, 3))
    before = await exported(world)
    await connection.execute("FLUSHDB", [])

    assert await exported(world) == before
    assert await connection.execute("KEYS", [b"*"]) == []


async def test_what_the_archive_has_more_than_redis_is_exported(
    connection: NativeConnection, chroma: NativeHttp, database: str
) -> None:
    hot = Hot(Redis(connection), "{ada}")
    world = in_archive(hot, chroma, database)
    taken = await start(world)
    loaded = await world.turns.load(taken)
    await connection.execute("DEL", [f"t:{{ada}}:{taken}:lock".encode()])
    key = f"t:{{ada}}:{taken}".encode()
    kept = (await connection.execute("DUMP", [key]))[0]
    turns = (await connection.execute("DUMP", [key + b":turns"]))[0]
    assert isinstance(kept, bytes)
    assert isinstance(turns, bytes)
    await add(world, taken, *prompts(2))
    await connection.execute("DEL", [key + b":archive"])
    for name, data in ((key, kept), (key + b":turns", turns)):
        await connection.execute("RESTORE", [name, 0, data, b"REPLACE"])
    assert loaded.turn_count == (await hot.store.summarise(taken)).turn_count == 1

    lines = await exported(world)

    assert [line["number"] for line in lines if line["type"] == "turn"] == [1, 2]


@pytest.mark.parametrize("requests", range(1, 6))
async def test_a_conversation_that_is_going_from_the_archive_is_not_exported(
    connection: NativeConnection, chroma: NativeHttp, database: str, requests: int
) -> None:
    world = in_archive(Hot(Redis(connection), "{ada}"), chroma, database)
    taken = await start(world)
    await add(world, taken, *prompts(*range(2, 9)))
    await connection.execute("FLUSHDB", [])
    failing = in_archive(Hot(Redis(connection), "{ada}"), FailingHttp(chroma, requests), database)
    with pytest.raises(MemoryUnavailable):
        await failing.store.forget(taken)

    lines = await exported(world)

    await take(in_archive(Hot(Redis(connection), "{bob}"), chroma, database), lines)
    turns = kinds(lines).count("turn")
    assert turns == lines[-1]["turns"] == (8 if "conversation" in kinds(lines) else 0)
    await world.store.forget(taken)
    assert kinds(await exported(world)) == ["export", "end"]


async def test_no_record_is_missed_that_moves_as_others_go(
    chroma: NativeHttp, database: str
) -> None:
    base = base_path("default_tenant", database)
    collection = collection_of(chroma, base, "t", "{ada}", TAG)
    records = [Record(f"{n}", "x", {"kind": "note"}, [1.0]) for n in range(3 * RECORDS_A_CALL)]
    await collection.write(records)
    found = collection.every({"kind": "note"})
    read = [(await anext(found)).id for _ in range(RECORDS_A_CALL)]
    await collection.remove([f"{n}" for n in range(RECORDS_A_CALL // 2)])

    read += [record.id async for record in found]

    assert sorted(read) == sorted(record.id for record in records)


async def test_what_is_written_to_chroma_at_once_is_bounded(
    chroma: NativeHttp, database: str
) -> None:
    base = base_path("default_tenant", database)
    collection = collection_of(chroma, base, "t", "{ada}", TAG)
    text = "x" * (MAX_BODY_BYTES // 3 + 1)
    await collection.write([Record(f"{n}", text, {"kind": "note"}, [1.0]) for n in range(6)])

    assert chroma.calls.count("POST upsert") == 3
    assert {len(one.document) async for one in collection.every({"kind": "note"})} == {len(text)}


@pytest.mark.long
async def test_a_conversation_at_the_limits_goes_through_in_parts_below_a_megabyte(
    make_world: MakeWorld, watched: WatchedConnection
) -> None:
    world = make_world()
    taken = await start(world)
    words = " ".join(f"w{n}" for n in range(20_000))
    texts = [
        f"{number} {words if number % 30 == 0 else 'x' * LONG}"[:LONG] for number in range(110)
    ]
    for first in range(0, 110, 11):
        await add(world, taken, *(Message("user", text) for text in texts[first : first + 11]))
    await add(world, taken, *(Message("tool", text) for text in texts[:12]))
    before = await exported(make_world(is_watched=True))

    await take(make_world("{bob}", is_watched=True), before)
    found = await make_world("{bob}", is_watched=True).memory.search("x", count=5, max_distance=2.0)

    assert len(found) == 5
    after = await exported(make_world("{bob}"))
    assert before[-1] == after[-1]
    assert before[-1]["turns"] == 113
    said = [[line["messages"] for line in x if line["type"] == "turn"] for x in (before, after)]
    assert said[0] == said[1]
    assert watched.max_bytes < 2 * MAX_CALL_BYTES


async def test_a_long_turn_that_changes_while_its_pieces_are_read_is_read_anew(
    make_world: MakeWorld, watched: WatchedConnection
) -> None:
    world = make_world()
    taken = await start(world)
    await add(world, taken, *(Message("tool", "x" * LONG) for _ in range(20)))
    (long,) = await world.store.turns_page(taken, 2, 1)
    shorter = long.turn._replace(messages=(None, *long.turn.messages[1:]))
    watched.before_call = at_call(2, lambda: world.store.replace(taken, Place(2, 0), long, shorter))

    (read,) = await make_world(is_watched=True).store.turns_page(taken, 2, 1)

    assert read.turn == shorter


async def test_a_part_whose_pieces_are_gone_is_not_taken(
    connection: NativeConnection, watched: WatchedConnection
) -> None:
    texts = [f"{number}".ljust(LONG, "x") for number in range(12)]
    long = bounded_turn(1, [Message("tool", text) for text in texts], NOW)
    whole = make_whole(SETTINGS, Head(7, "", 1.0, 2.0, 1), [long])
    await Hot(Redis(connection), "{bob}").restorer.restore(whole)  # Redis knows the scripts then
    watched.before_call = at_call(2, lambda: connection.execute("FLUSHDB", []))

    with pytest.raises(ConversationBusy):
        await Hot(Redis(watched), "{ada}").restorer.restore(whole)

    assert await connection.execute("KEYS", [b"*"]) == []


async def test_a_connection_that_fails_ends_an_export(
    make_world: MakeWorld, watched: WatchedConnection
) -> None:
    world = make_world()
    await start(world)

    async def fail() -> None:
        watched.before_call = fail  # it stays broken
        raise RedisError("IoError: broken pipe")

    lines = exporting(make_world(is_watched=True))
    read = [await anext(lines)]
    watched.before_call = fail

    with pytest.raises(StoreUnavailable):
        read += [line async for line in lines]
    assert kinds(read) == ["export"]


async def test_an_export_carries_namespaces_and_may_be_of_one_only(make_world: MakeWorld) -> None:
    world, there = make_world(), make_world("{bob}")
    taken = await start(world)
    new = Conversation(99, world.owner, "Be a chef.", 9, 9, 0, (), namespace="chef")
    (turn,) = make_turns([Message("user", "Chefs bake.")], 1, NOW, UNKNOWN)
    await world.turns.create(new, Commit((turn,), 9, 77, UNKNOWN, (), NOW, 500), None)
    note = Memory("note-0123456789abcdef", "user", "a note", NOW, None, namespace="chef")
    await world.memory.add([note])

    lines = [line async for line in export(world.snapshots, world.memory, SETTINGS, NOW, "chef")]
    await take(there, await exported(world))

    chef = {line["id"] for line in lines if line["type"] == "conversation"}
    assert chef == {99}
    assert note.id in {line["id"] for line in lines if line["type"] == "memory"}
    assert taken not in chef
    listed, _ = await there.store.list_page(None, 9, "chef")
    assert [one.namespace for one in listed] == ["chef"]
    assert len((await there.store.list_page(None, 9))[0]) == 2
    memories, _ = await there.memory.list_page(None, 9, "chef")
    assert note in memories
