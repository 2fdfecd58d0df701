"""What an owner has in Redis is counted, bounded, and not written to once the owner was erased."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from chat.core.heads import Change, Head
from chat.core.limits import Bounds, Limits
from chat.core.messages import Commit, Conversation, Memory, Message, Place, Turn
from chat.core.owners import anyone
from chat.core.refusals import (
    InvalidRequest,
    LimitExceeded,
    OwnerErased,
    StorageFull,
    UnknownConversation,
)
from chat.core.tokens import UNKNOWN
from chat.redis.account import (
    Account,
    begin_erasure,
    count_credential,
    end_erasure,
    make_account,
    spend_import,
)
from chat.redis.brancher import RedisBrancher
from chat.redis.connection import Redis
from chat.redis.conversations import RedisConversationStore
from chat.redis.keys import account_keys
from chat.redis.memories import RedisMemory
from chat.redis.restorer import RedisRestorer
from chat.redis.turn_settings import TurnStoreSettings
from chat.redis.turns import RedisTurnStore
from chat.usecases.branch import BranchMaker, make_whole_branch
from chat.usecases.branch_ports import Branch
from chat.usecases.change import change_conversation, forget_message
from chat.usecases.ports import Repetition
from chat.usecases.rebuild import make_whole
from tests.chat.native import NativeConnection
from tests.chat.test_settings import parse

OWNER = "{f00d}"
MARK, USAGE, ENDS, LISTED = account_keys("t", OWNER).values()


class LetterEmbedder:
    """Embeds by the first letter, as these tests are not about likeness."""

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        return [[1.0, float(ord(text[0]) % 7)] + [0.5] * 382 for text in texts]


class World:
    """The stores of one request of an owner."""

    def __init__(
        self,
        connection: NativeConnection,
        bounds: Bounds = Bounds(0, 0),  # noqa: B008 - a value
        owner: str = OWNER,
        *,
        credentials: int = 0,
        address: str = "{ad}",
        fencing: str = "one",
    ) -> None:
        redis = self.redis = Redis(connection)
        self.owner = owner
        account = self.account = make_account("t", owner, bounds, address, is_new=False)

        def owners(conversation_id: int) -> list[str]:
            return [owner, anyone(conversation_id)]

        limits = Limits(0, 0, credentials)
        tags = ("m0de1", "10de1")
        settings = TurnStoreSettings("t", "one", 60_000, 20, limits, "{r}", owners, tags=tags)
        self.turns = RedisTurnStore(redis, settings, account)
        self.store = RedisConversationStore(
            redis, prefix="t", fencing=fencing, owner=owner, owners=owners, account=account
        )
        self.memory = RedisMemory(
            redis, LetterEmbedder(), prefix="t", owner=owner, tag="00000001", most=0,
            account=account,
        )  # fmt: skip
        self.restorer = RedisRestorer(
            redis, prefix="t", fencing="one", owner=owner, part_ms=5000, archive_turns=20,
            account=account,
        )  # fmt: skip
        self.brancher = RedisBrancher(
            redis, prefix="t", fencing="one", part_ms=5000, rate_tag="{r}", owners=owners,
            make_restorer=lambda _: self.restorer, account=account,
        )  # fmt: skip

    async def branch(self, conversation_id: int) -> int:
        maker = BranchMaker(self.turns, self.store, self.brancher, parse())
        return (await maker.make(conversation_id, None, self.owner, 2000.0)).id

    async def start(self, said: str = "hello", lifetime_s: int = 500) -> int:
        await self.turns.admit(None, "conversation")
        taken = await self.turns.next_id()
        new = Conversation(taken, self.owner, "ctx", 0, 0, 0, ())
        await self.turns.create(new, commit(turn(1, said), lifetime_s=lifetime_s), None)
        return taken

    async def go_on(self, conversation_id: int, said: str, window: int = 5) -> None:
        loaded = await self.turns.load(conversation_id)
        evicted = loaded.turns[: max(0, len(loaded.turns) - window)]
        number = loaded.turn_count + 1
        await self.turns.commit(loaded, commit(turn(number, said), evicted=evicted))


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(connection: NativeConnection) -> MakeWorld:
    return partial(World, connection)


def turn(number: int, said: str) -> Turn:
    messages = (Message("user", said), Message("assistant", f"reply {number}"))
    return Turn(number, messages, 30, 30, 5, 1000.0 + number)


def commit(*turns: Turn, evicted: Sequence[Turn] = (), lifetime_s: int = 500) -> Commit:
    return Commit(turns, 9, 77, UNKNOWN, tuple(evicted), turns[-1].at, lifetime_s)


async def total(connection: NativeConnection) -> int:
    found = (await connection.execute("HGET", [USAGE.encode(), b" total"]))[0]
    return int(found) if isinstance(found, bytes) else 0


async def used(connection: NativeConnection, but: str = "erased|usage|ends|seen|rows|done") -> int:
    """Return how many bytes the owner's keys take, as Redis reports them."""
    named = [
        key for key in await connection.execute("KEYS", [b"t:{f00d}:*"]) if isinstance(key, bytes)
    ]
    kept = [key for key in named if not re.search(but, key.decode())]
    sizes = [
        (await connection.execute("MEMORY", [b"USAGE", key, b"SAMPLES", 0]))[0] for key in kept
    ]
    return sum(size for size in sizes if isinstance(size, int))


# how much is stored


async def test_what_is_counted_is_about_what_redis_takes(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    ids = [await world.start() for _ in range(3)]
    for number in range(60):
        words = " ".join(f"word{number * 7 + n}" for n in range(40))
        await world.go_on(ids[0], f"We spoke of {words}.")
    await world.memory.add(
        [Memory(f"note-{n:016x}", "user", f"{n} notes", 5, None) for n in range(20)]
    )
    await world.store.keep_embeddings(ids[0], {f"m0de1:{n}.0": [0.5] * 384 for n in range(50, 60)})

    counted, taken = await total(connection), await used(connection)

    assert 0.6 * taken < counted < 1.6 * taken
    fields = await connection.execute("HVALS", [USAGE.encode()])
    assert sum(int(field) for field in fields if isinstance(field, bytes)) == 2 * counted


async def test_a_branch_counts_as_what_it_was_made_of(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world(Bounds(2, 0))
    taken = await world.start()
    for number in range(60):
        words = " ".join(f"word{number * 7 + n}" for n in range(40))
        await world.go_on(taken, f"We spoke of {words}.")
    await world.store.keep_embeddings(taken, {f"m0de1:{n}.0": [0.5] * 384 for n in range(50, 60)})
    before = await total(connection)

    made = await world.branch(taken)

    both = await total(connection)
    assert 1.9 * before < both < 2.1 * before
    assert 0.6 * await used(connection) < both < 1.6 * await used(connection)
    with pytest.raises(StorageFull):
        await world.branch(taken)
    await world.store.forget(made)
    assert await total(connection) == before


async def test_nothing_is_counted_when_all_is_forgotten(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    ids = [await world.start() for _ in range(3)]
    for number in range(30):
        await world.go_on(ids[0], f"soup number {number}")
    await world.memory.add(
        [Memory(f"note-{n:016x}", "user", f"{n} notes", 5, None) for n in range(5)]
    )
    before = await total(connection)

    await world.memory.forget(f"note-{1:016x}")
    await world.memory.forget_all()
    await forget_message(world.store, ids[0], Place(12, 0))
    await forget_message(world.store, ids[0], Place(29, 1))
    for taken in ids:
        assert 0 < await total(connection) < before
        before = await total(connection)
        await world.store.forget(taken)

    assert await connection.execute("EXISTS", [USAGE.encode(), ENDS.encode()]) == [0]


async def test_nothing_of_a_namespace_is_counted_when_all_of_it_is_forgotten(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    notes = [
        Memory(f"note-{n:016x}", "user", f"{n} notes", 5, None, namespace=name)
        for n, name in enumerate(["chef", "pirate", None] * 4)
    ]
    await world.memory.add([note for note in notes if note.namespace is None])
    without = await total(connection)
    await world.memory.add(notes)
    assert 0.6 * await used(connection) < await total(connection) < 1.6 * await used(connection)

    await world.memory.forget(f"note-{0:016x}")
    assert await world.memory.forget_all("pirate") == 4
    assert await world.memory.forget_all("chef") == 3

    assert await total(connection) == without
    await world.memory.add(notes)
    assert await world.memory.forget_all() == 12
    assert [
        key for key in await connection.execute("KEYS", [b"t:*memories*"]) if key != b""
    ] == []  # fmt: skip


async def test_the_most_memories_that_there_may_be_are_those_of_all_namespaces(
    make_world: MakeWorld,
) -> None:
    world = make_world()
    few = RedisMemory(
        world.redis, LetterEmbedder(), prefix="t", owner=OWNER, tag="00000001", most=3
    )

    for n, name in enumerate(["chef", "pirate", None, "chef", "pirate"]):
        await few.add([Memory(f"note-{n}", "user", f"{n} notes", 5 + n, None, namespace=name)])

    assert [one.id for one in (await few.list_page(None, 9))[0]] == ["note-4", "note-3", "note-2"]
    assert [one.id for one in (await few.list_page(None, 9, "chef"))[0]] == ["note-3"]


async def test_a_full_archive_takes_no_more(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    taken = await world.start("soup and bread")
    said = "soup and bread " * 40
    for _ in range(120):
        await world.go_on(taken, said)

    counted = await total(connection)
    assert counted < 120 * len(said) / 2
    assert 0.6 * await used(connection) < counted < 1.6 * await used(connection)


async def test_what_expired_is_counted_no_more(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world(Bounds(1, 0))
    gone = await world.start(lifetime_s=1)
    with pytest.raises(StorageFull):
        await world.start()
    while await connection.execute("EXISTS", [f"t:{OWNER}:{gone}".encode()]) == [1]:
        pass

    kept = await world.start("a")

    assert await connection.execute("HEXISTS", [USAGE.encode(), gone]) == [0]
    assert await connection.execute("ZRANGE", [LISTED.encode(), 0, -1]) == [str(kept).encode()]
    (left,) = await connection.execute("TTL", [USAGE.encode()])
    assert isinstance(left, int)
    assert 490 < left <= 500, "the count goes with the last of what it counts"


async def test_of_a_pinned_conversation_the_count_stays(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    taken = await world.start()

    await change_conversation(world.store, parse(), taken, Change(None, None, is_pinned=True))

    assert await connection.execute("TTL", [USAGE.encode()]) == [-1]
    assert await connection.execute("ZSCORE", [ENDS.encode(), taken]) == [None]


async def test_over_the_conversations_none_is_begun(make_world: MakeWorld) -> None:
    world = make_world(Bounds(2, 0))
    ids = [await world.start() for _ in range(2)]

    with pytest.raises(StorageFull, match="as many conversations here as may be, which is 2"):
        await world.turns.admit(None, "conversation")
    await world.go_on(ids[0], "goes on")
    await world.turns.admit(None, "memory")
    assert await make_world(Bounds(2, 0), "{beef}").start(), "another owner has room of its own"
    await world.store.forget(ids[1])
    assert await world.start() > ids[1]


async def test_over_the_bytes_nothing_is_begun_or_added_until_some_is_forgotten(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world(Bounds(0, 20_000))
    ids = [await world.start("x" * 9000), await world.start("y" * 12_000)]
    note = Memory("note-0123456789abcdef", "user", "a note", 5, None)
    turns = [turn(1, "brought back")]
    whole = make_whole(parse(), head_of(99), turns)
    before = await total(connection)

    for refused in (
        lambda: world.turns.admit(None, "conversation"),
        lambda: world.turns.admit(None, "memory"),
        lambda: world.turns.load(ids[0]),
        lambda: world.memory.add([note]),
        lambda: world.restorer.restore(whole),
    ):
        with pytest.raises(StorageFull, match="as many bytes here as may be, which is 20000"):
            await refused()

    assert await total(connection) == before
    await world.turns.admit(None)
    assert (await world.store.summarise(ids[0])).turn_count == 1
    await world.store.forget(ids[1])
    await world.go_on(ids[0], "and on")
    await world.restorer.restore(whole)
    assert (await world.store.summarise(99)).turn_count == 1


def head_of(conversation_id: int) -> Head:
    return Head(conversation_id, "ctx", 5.0, 6.0, 1, None, is_pinned=False)


async def test_counting_is_part_of_what_is_done_anyway(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world(Bounds(10, 10**9), credentials=60)
    taken = await world.start()
    await world.go_on(taken, "p")
    connection.calls.clear()

    await world.go_on(taken, "q")
    await world.start()

    assert connection.calls == ["EVALSHA"] * 5, "load, commit; admit, id, create"


async def test_counting_takes_no_longer_with_what_there_is(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    """The scripts of a turn run the same number of commands, however long the history is."""
    world = make_world(Bounds(1000, 10**9), credentials=60)
    taken = await world.start("soup")

    async def commands() -> int:
        await connection.execute("CONFIG", [b"RESETSTAT"])
        await world.go_on(taken, "soup")
        text = (await connection.execute("INFO", [b"commandstats"]))[0]
        assert isinstance(text, bytes)
        return sum(map(int, re.findall(rb"calls=(\d+)", text)))

    for _ in range(20):
        await world.go_on(taken, "soup")
    few = await commands()
    for _ in range(200):
        await world.start()
        await world.go_on(taken, "soup")

    assert abs(await commands() - few) <= few / 5, "now and then a part of the index is full"


# erased


async def erase(world: World, word: str = "abc", *, ends: bool = True) -> None:
    """Erase an owner, as another request."""
    account = Account("t", world.owner)
    await begin_erasure(world.redis, account, word, 3720)
    for key in await world.redis.execute("KEYS", [f"t:{world.owner}:*"]):
        if key != MARK.encode():
            await world.redis.execute("DEL", [key or b""])
    if ends:
        await end_erasure(world.redis, account, word)


@pytest.mark.parametrize("ends", [True, False], ids=["after it", "while it runs"])
async def test_what_began_before_an_erasure_stores_nothing(
    make_world: MakeWorld, connection: NativeConnection, *, ends: bool
) -> None:
    world = make_world()
    taken = await world.start()
    for number in range(9):
        await world.go_on(taken, f"prompt {number}")
    await world.turns.admit(None)
    loaded = await world.turns.load(taken)
    source = await world.brancher.load(taken, None)
    whole, first = make_whole_branch(source, None, None, parse(), 2000.0)
    branch = Branch(dataclasses.replace(whole, head=head_of(98)), first, None)
    memory = Memory("note-0123456789abcdef", "user", "a note", 5, None)
    new = Conversation(await world.turns.next_id(), OWNER, "ctx", 0, 0, 0, ())

    await erase(world, ends=ends)

    for refused in (
        lambda: world.turns.create(new, commit(turn(1, "s")), None),
        lambda: world.turns.commit(loaded, commit(turn(2, "s"))),
        lambda: world.turns.hold(loaded),
        lambda: world.memory.add([memory]),
        lambda: world.restorer.restore(make_whole(parse(), head_of(99), [turn(1, "s")])),
        lambda: world.brancher.store(source, branch, OWNER),
        lambda: world.store.keep_embeddings(taken, {"m0de1:1.0": [0.5] * 384}),
        lambda: world.account.check(world.redis),
    ):
        with pytest.raises(OwnerErased):
            await refused()
    await world.turns.release(loaded)
    assert await connection.execute("KEYS", [b"t:{f00d}:*"]) == [MARK.encode()]
    (left,) = await connection.execute("TTL", [MARK.encode()])
    assert isinstance(left, int)
    assert 3710 < left <= 3720


async def test_what_begins_after_an_erasure_is_a_new_owners(make_world: MakeWorld) -> None:
    before = make_world()
    taken = await before.start()
    await erase(before)

    world = make_world()
    with pytest.raises(UnknownConversation):
        await world.turns.load(taken)
    begun = await world.start()
    await world.go_on(begun, "and on")

    assert [one.id for one in (await world.store.list_page(None, 9))[0]] == [begun]
    await erase(world, "def")
    with pytest.raises(OwnerErased):
        await world.turns.create(
            Conversation(77, OWNER, "", 0, 0, 0, ()), commit(turn(1, "s")), None
        )


async def test_nothing_begins_while_an_erasure_runs_and_no_key_is_left_of_the_attempt(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world(credentials=5)
    taken = await world.start()
    await erase(world, ends=False)

    for refused in (
        lambda: world.turns.admit(None),
        lambda: world.turns.admit(Repetition("a" * 40, "b" * 40), "conversation"),
        lambda: world.turns.load(taken),
        lambda: Account("t", OWNER).read(world.redis),
    ):
        with pytest.raises(OwnerErased):
            await refused()

    assert await connection.execute("KEYS", [b"t:{f00d}:*"]) == [MARK.encode()]
    await connection.execute("SET", [MARK.encode(), b"abc 5"])
    assert await world.start(), "one that was killed holds nobody up for long"


async def test_of_two_erasures_the_later_one_says_when_it_ends(make_world: MakeWorld) -> None:
    world = make_world()
    first, second = Account("t", OWNER), Account("t", OWNER)
    await begin_erasure(world.redis, first, "aaa", 100)
    await begin_erasure(world.redis, second, "bbb", 100)

    await end_erasure(world.redis, first, "aaa")
    with pytest.raises(OwnerErased):
        await world.turns.admit(None)
    await end_erasure(world.redis, second, "bbb")

    await world.turns.admit(None)


# who belongs to nobody, and who is new


async def test_what_is_nobodys_is_not_pinned(
    make_world: MakeWorld, connection: NativeConnection
) -> None:
    world = make_world()
    taken = await world.turns.next_id()
    new = Conversation(taken, anyone(taken), "", 0, 0, 0, ())
    await world.turns.create(new, commit(turn(1, "s")), None)
    pin = partial(change_conversation, world.store, parse())

    with pytest.raises(InvalidRequest, match="belongs to nobody") as refused:
        await pin(taken, Change(None, "title", is_pinned=True))

    assert refused.value.param == "pinned"
    assert (await world.store.summarise(taken)).title is None, "nothing of it is done"
    renamed = await pin(taken, Change(None, "title", is_pinned=False))
    assert renamed.title == "title"
    with pytest.raises(UnknownConversation):
        await pin(10**6, Change(None, None, is_pinned=True))
    assert await connection.execute("EXISTS", [USAGE.encode()]) == [0]


async def test_owners_that_nobody_saw_are_counted_by_address(make_world: MakeWorld) -> None:
    def world(owner: str, address: str = "{ad}") -> World:
        return make_world(owner=f"{{{owner}}}", credentials=2, address=address)

    first = world("a")
    taken = await first.start()
    with pytest.raises(UnknownConversation):
        await world("b").turns.load(1000)

    for refused in (lambda: world("c").turns.admit(None), lambda: world("d").turns.load(taken)):
        with pytest.raises(LimitExceeded, match="may bring 2 new credentials a minute") as error:
            await refused()
        assert 0 < error.value.quota.reset_s <= 61
    await world("a").go_on(taken, "and on")
    await world("b").turns.admit(None)
    await world("c", "{other}").turns.admit(None)


async def test_new_credentials_are_counted_by_address(connection: NativeConnection) -> None:
    redis = Redis(connection)
    for _ in range(3):
        await count_credential(redis, "t", "{ad}", 3)

    with pytest.raises(LimitExceeded, match="may bring 3 new credentials"):
        await count_credential(redis, "t", "{ad}", 3)
    await count_credential(redis, "t", "{other}", 3)


async def test_an_import_that_is_larger_than_a_minutes_is_taken_and_keeps_the_next_waiting(
    connection: NativeConnection,
) -> None:
    spend = partial(spend_import, Redis(connection), "t")
    await spend("{ad}", 1000, 400)
    await spend("{ad}", 1000, 4600)

    with pytest.raises(LimitExceeded, match="may import 1000 bytes a minute") as refused:
        await spend("{ad}", 1000, 1)
    assert 239 <= refused.value.quota.reset_s <= 241, "4000 bytes behind"
    await spend("{other}", 1000, 400)
    await spend("{ad}", 0, 400)
    now = (await connection.execute("TIME", []))[0]
    assert isinstance(now, bytes)
    await connection.execute(
        "SET", [b"t:{ad}:imported", f"-990 {int(now) * 1000 - 60_000}".encode()]
    )
    await spend("{ad}", 1000, 5)
