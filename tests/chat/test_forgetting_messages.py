"""The newest messages of a conversation are forgotten, or all, with everything kept of them."""

import pytest

from chat.core.heads import Change
from chat.core.messages import Memory
from chat.core.refusals import ConversationBusy
from chat.core.usage import TurnResult, Usage
from chat.usecases.forget_messages import forget_messages
from chat.usecases.ports import Done, Repetition
from tests.chat.native import NativeConnection
from tests.chat.test_account import OWNER, USAGE, World, commit, total, turn

WORDS = ("soup", "bread", "rice", "tea", "milk", "cake")


@pytest.fixture
def world(connection: NativeConnection) -> World:
    return World(connection)


async def talk(world: World, window: int = 3) -> int:
    """Speak of one word in each turn; the last `window` and one turns are in the window."""
    taken = await world.start(f"we speak of {WORDS[0]}")
    for word in WORDS[1:]:
        await world.go_on(taken, f"we speak of {word}", window)
    return taken


async def contents(world: World, taken: int) -> list[str]:
    page = await world.store.turns_page(taken, 0, 100)
    return [message.content for stored in page for message in stored.turn.shown()]


async def found(world: World, taken: int) -> list[int]:
    """Return the numbers of the turns that a search finds by any of the words."""
    loaded = await world.turns.load(taken, WORDS)
    await world.turns.release(loaded)
    return sorted(one.turn.number for one in loaded.found)


async def fields(connection: NativeConnection, part: str) -> list[str]:
    names = await connection.execute("HKEYS", [f"t:{OWNER}:{part}".encode()])
    return sorted(name.decode() for name in names if isinstance(name, bytes))


@pytest.mark.parametrize(
    ("last", "left", "searched"),
    [
        pytest.param(1, 11, [1, 2], id="a part of the newest turn"),
        pytest.param(4, 8, [1, 2], id="whole turns of the window"),
        pytest.param(9, 3, [1, 2], id="the window, and a part of an archived turn"),
        pytest.param(10, 2, [1], id="the window, and whole archived turns"),
        pytest.param(12, 0, [], id="all"),
        pytest.param(100, 0, [], id="more than there are"),
    ],
)
async def test_the_newest_messages_go_and_no_others(
    world: World, last: int, left: int, searched: list[int]
) -> None:
    taken = await talk(world)
    before = await contents(world, taken)

    forgotten = await forget_messages(world.store, taken, last)

    assert await contents(world, taken) == before[:left]
    assert forgotten.messages == 12 - left
    assert (await world.store.summarise(taken)).message_count == left
    assert await found(world, taken) == searched
    await world.go_on(taken, "we go on")
    assert (await world.store.turns_page(taken, 0, 1))[0].turn.number == 7


@pytest.mark.parametrize(
    ("last", "stay"),
    [
        pytest.param(3, ["1.0", "1.1", "2.0", "2.1", "6.0", "6.1", "7.0"], id="the newest"),
        pytest.param(None, [], id="all"),
    ],
)
async def test_all_that_was_kept_of_them_goes_with_them(
    world: World, connection: NativeConnection, last: int | None, stay: list[str]
) -> None:
    taken = await talk(world)
    for number in (7, 8):
        done = Repetition(f"{number:040}", "b" * 40)
        result = TurnResult(1, "p", "ctx", "r", None, Usage(1, 2, 3, 4, 5))
        loaded = await world.turns.load(taken)
        await world.turns.commit(loaded, commit(turn(number, "more")), Done(done, result))
    await world.memory.add(
        [
            Memory(f"{taken}.{n}.{index}", "user", f"{n}.{index}", 5, taken)
            for n in (1, 2, 6, 7, 8) for index in (0, 1)
        ] + [Memory(f"{taken}0.8.0", "user", "of another one", 5, int(f"{taken}0"))]
    )  # fmt: skip
    await world.store.keep_embeddings(taken, {f"m0de1:{n}.0": [0.5] * 4 for n in (1, 7, 8)})

    forgotten = await forget_messages(world.store, taken, last)

    kept = await fields(connection, "memories")
    own = [name for name in kept if name.startswith(f"{taken}.")]
    assert own == [f"{taken}.{name}" for name in stay]
    assert f"{taken}0.8.0" in kept
    assert forgotten.memories == 10 - len(stay)
    assert await fields(connection, f"{taken}:done") == []
    assert len(await fields(connection, f"{taken}:embeddings")) == (1 if last else 0)
    assert (await world.store.summarise(taken)).turn_count == 8


async def test_a_title_goes_with_the_message_that_it_was_made_of(world: World) -> None:
    made, given = await talk(world), await talk(world)
    await world.store.change(made, Change(title="we speak of soup"))
    await world.store.change(given, Change(title="Dinner"))
    await forget_messages(world.store, made, 11)
    assert (await world.store.summarise(made)).title == "we speak of soup"

    for taken in (made, given):
        await forget_messages(world.store, taken, None)

    assert (await world.store.summarise(made)).title is None
    assert (await world.store.summarise(given)).title == "Dinner"


async def test_what_is_emptied_counts_as_what_was_just_begun(
    world: World, connection: NativeConnection
) -> None:
    taken = await talk(world)
    await world.memory.add([Memory(f"{taken}.1.0", "user", "soup", 5, taken)])
    filled = await total(connection)

    await forget_messages(world.store, taken, 7)
    cut = await total(connection)
    await forget_messages(world.store, taken, None)

    assert 0 < await total(connection) < cut < filled
    assert await total(connection) < 700
    sums = await connection.execute("HVALS", [USAGE.encode()])
    assert sum(int(one) for one in sums if isinstance(one, bytes)) == 2 * await total(connection)
    await world.store.forget(taken)
    assert await total(connection) == 0


async def test_nothing_is_forgotten_while_a_turn_runs_and_the_turn_is_stored(
    world: World, connection: NativeConnection
) -> None:
    taken = await talk(world)
    loaded = await world.turns.load(taken)
    other = World(connection, fencing="two")

    for last in (None, 1):
        with pytest.raises(ConversationBusy):
            await forget_messages(other.store, taken, last)
    await world.turns.commit(loaded, commit(turn(7, "late")))

    assert (await world.store.summarise(taken)).message_count == 14


async def test_a_turn_that_was_loaded_before_stores_nothing_over_what_was_cut(
    world: World,
) -> None:
    taken = await talk(world)
    loaded = await world.turns.load(taken)
    await world.turns.release(loaded)

    await forget_messages(world.store, taken, None)

    assert await contents(world, taken) == []
    await world.turns.commit(loaded, commit(turn(7, "late")))
    assert (await world.store.summarise(taken)).message_count == 2


async def test_messages_of_a_head_without_a_count_are_counted_with_its_next_turn(
    world: World, connection: NativeConnection
) -> None:
    taken = await talk(world)
    await connection.execute("HDEL", [f"t:{OWNER}:{taken}".encode(), b"messages"])
    assert (await world.store.summarise(taken)).message_count is None

    await world.go_on(taken, "more")

    assert (await world.store.summarise(taken)).message_count == 14


async def test_a_branch_counts_what_it_has(world: World) -> None:
    taken = await talk(world)

    made = await world.store.summarise(await world.branch(taken))

    assert made.message_count == 12
