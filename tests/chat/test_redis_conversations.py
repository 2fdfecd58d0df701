"""An owner's conversations against a real Redis: list, read, change, forget."""

from collections.abc import Callable

import pytest

from chat.context.budget import message_tokens
from chat.core.errors import CorruptConversation, TurnsLost
from chat.core.heads import Change, Forgotten
from chat.core.limits import Limits
from chat.core.messages import ROLES, Commit, Conversation, Message, Place, Role, Turn
from chat.core.owners import anyone
from chat.core.refusals import ConversationBusy, PromptTooLong, UnknownConversation, UnknownMessage
from chat.core.tokens import UNKNOWN
from chat.core.usage import TurnResult, Usage
from chat.redis.connection import Redis
from chat.redis.conversations import RedisConversationStore
from chat.redis.turn_settings import TurnStoreSettings
from chat.redis.turns import RedisTurnStore
from chat.settings import Settings
from chat.usecases.change import change_conversation, forget_message
from chat.usecases.ports import Done, Repetition
from chat.usecases.read_messages import read_messages
from tests.chat.native import NativeConnection
from tests.chat.test_settings import parse

OWNER = "{f00d}"
Stores = tuple[RedisTurnStore, RedisConversationStore]


@pytest.fixture
def make_stores(connection: NativeConnection) -> Callable[..., Stores]:
    def make(owner: str | None = OWNER, fencing: str = "one") -> Stores:
        def owners(conversation_id: int) -> list[str]:
            return [*([owner] if owner else []), anyone(conversation_id)]

        redis = Redis(connection)
        turns = TurnStoreSettings("t", fencing, 60_000, 1000, Limits(0, 0), "{r}", owners)
        conversations = RedisConversationStore(
            redis, prefix="t", fencing=fencing, owner=owner, owners=owners
        )
        return RedisTurnStore(redis, turns), conversations

    return make


def turn(number: int, at: float = 0.0) -> Turn:
    messages = (Message("user", f"p{number}"), Message("assistant", f"r{number}"))
    return Turn(number, messages, 5, 5, 2, at or 1000.0 + number)


def commit(*turns: Turn, evicted: tuple[Turn, ...] = (), lifetime_s: int = 500) -> Commit:
    return Commit(turns, 9, 77, UNKNOWN, evicted, turns[-1].at, lifetime_s)


async def talk(
    turns: RedisTurnStore, count: int, *, owner: str | None = OWNER, window: int = 5, at: float = 0
) -> int:
    """Store a conversation of `count` turns, the last `window` of them in the context window."""
    taken = await turns.next_id()
    new = Conversation(taken, owner or anyone(taken), "ctx", 0, 0, 0, ())
    await turns.create(new, commit(turn(1, at)), None)
    for number in range(2, count + 1):
        loaded = await turns.load(taken)
        await turns.commit(
            loaded, commit(turn(number, at), evicted=loaded.turns[: int(number > window)])
        )
    return taken


# list


async def test_ids_of_one_moment_are_listed_once_each(make_stores: Callable[..., Stores]) -> None:
    turns, store = make_stores()
    ids = [await talk(turns, 1, at=7.0) for _ in range(25)]

    listed, cursor = await store.list_page(None, 4)
    while cursor:
        page, cursor = await store.list_page(cursor, 4)
        listed += page

    assert sorted(summary.id for summary in listed) == ids


async def test_expired_conversations_leave_the_list(
    make_stores: Callable[..., Stores], connection: NativeConnection
) -> None:
    turns, store = make_stores()
    ids = [await talk(turns, 1) for _ in range(250)]
    for gone in ids[:-3]:
        await connection.execute("DEL", [f"t:{OWNER}:{gone}".encode()])

    page, cursor = await store.list_page(None, 100)

    assert ([summary.id for summary in page], cursor) == (ids[:-4:-1], None)
    assert await connection.execute("ZCARD", [f"t:{OWNER}:conversations".encode()]) == [3]


async def test_others_lists_and_no_list_are_empty(make_stores: Callable[..., Stores]) -> None:
    await talk(make_stores()[0], 1)

    assert await make_stores("{beef}")[1].list_page(None, 5) == ([], None)
    assert await make_stores(None)[1].list_page(None, 5) == ([], None)


# read


ALL = frozenset(ROLES)


async def read(
    store: RedisConversationStore,
    last: int,
    before: Place | None = None,
    roles: frozenset[Role] = ALL,
) -> tuple[list[str], Place | None]:
    found, older = await read_messages(store, 1, last=last, before=before, roles=roles)
    return [placed.message.content for placed in found], older


def contents(first: int, last: int) -> list[str]:
    return [text for n in range(first, last + 1) for text in (f"p{n}", f"r{n}")]


async def test_the_newest_messages_are_read_over_window_and_archive(
    make_stores: Callable[..., Stores],
) -> None:
    turns, store = make_stores()
    await talk(turns, 12)

    assert await read(store, 4) == (contents(11, 12), Place(11, 0))
    assert await read(store, 14) == (contents(6, 12), Place(6, 0))
    assert await read(store, 3) == (["r11", "p12", "r12"], Place(11, 1))
    assert await read(store, 24) == (contents(1, 12), None)
    assert await read(store, 100) == (contents(1, 12), None)
    assert await read(store, 0) == ([], None)


async def test_reading_goes_on_before_a_place(make_stores: Callable[..., Stores]) -> None:
    turns, store = make_stores()
    await talk(turns, 12)

    collected, before = await read(store, 5)
    while before:
        older, before = await read(store, 5, before)
        collected = older + collected

    assert collected == contents(1, 12)
    assert await read(store, 2, Place(999, 0)) == (contents(12, 12), Place(12, 0))
    assert await read(store, 2, Place(1, 0)) == ([], None)


async def test_roles_are_looked_for_as_far_back_as_needed(
    make_stores: Callable[..., Stores],
) -> None:
    turns, store = make_stores()
    await talk(turns, 250)
    note = turn(251)._replace(messages=(Message("tool", "t", 7.5),))
    await turns.commit(await turns.load(1), commit(note))

    assert await read(store, 2, roles=frozenset({"user"})) == (["p249", "p250"], Place(249, 0))
    assert await read(store, 2, roles=frozenset({"tool"})) == (["t"], None)
    assert len((await read(store, 100, Place(240, 0), frozenset({"user"})))[0]) == 100
    assert (await read_messages(store, 1, last=1, before=None, roles=ALL))[0][0].created_at == 7.5


async def test_reading_what_is_not_there_is_unknown(make_stores: Callable[..., Stores]) -> None:
    with pytest.raises(UnknownConversation):
        await read(make_stores()[1], 5)


# change


SETTINGS: Settings = parse(ttl_active_s="700")


async def ttls(connection: NativeConnection) -> set[int]:
    keys = await connection.execute("KEYS", [f"t:{OWNER}:1*".encode()])
    left = [(await connection.execute("TTL", [key]))[0] for key in keys if isinstance(key, bytes)]
    return {value for value in left if isinstance(value, int)}


async def test_a_title_and_a_pin_are_set_and_taken_away(
    make_stores: Callable[..., Stores], connection: NativeConnection
) -> None:
    turns, store = make_stores()
    await talk(turns, 7)

    async def change(title: str | None, pinned: bool | None) -> tuple[str | None, bool, bool]:
        summary = await change_conversation(store, SETTINGS, 1, Change(None, title, pinned))
        return summary.title, summary.is_pinned, summary.expires_at is None

    assert await change("Soup", None) == ("Soup", False, False)
    assert await ttls(connection) == {500}, "a title renews nothing"
    assert await change(None, True) == ("Soup", True, True)
    assert await ttls(connection) == {-1}
    assert await connection.execute("TTL", [f"t:{OWNER}:conversations".encode()]) == [-1]
    assert await change("", False) == (None, False, False)
    assert await ttls(connection) == {700}


async def test_a_changed_context_counts_with_its_estimate_and_renews_nothing(
    make_stores: Callable[..., Stores], connection: NativeConnection
) -> None:
    turns, store = make_stores()
    await talk(turns, 7)

    summary = await change_conversation(store, SETTINGS, 1, Change("new", "T", None))

    assert (summary.context, summary.title) == ("new", "T")
    loaded = await turns.load(1)
    assert (loaded.context, loaded.context_tokens) == ("new", message_tokens("new"))
    assert loaded.window_tokens == 77 + message_tokens("new")
    assert await ttls(connection) - {60} == {500}


async def test_a_context_that_leaves_no_room_is_refused(make_stores: Callable[..., Stores]) -> None:
    turns, store = make_stores()
    await talk(turns, 1)

    with pytest.raises(PromptTooLong) as refused:
        await change_conversation(store, SETTINGS, 1, Change("word " * 5000, None, None))

    assert refused.value.param == "context"
    assert (await turns.load(1)).context == "ctx"


@pytest.mark.parametrize("change", [Change("c", None, None), Change(None, "t", None)])
async def test_nothing_is_changed_while_a_turn_runs(
    make_stores: Callable[..., Stores], change: Change
) -> None:
    turns, store = make_stores()
    await talk(turns, 1)
    await make_stores(fencing="two")[0].load(1)

    with pytest.raises(ConversationBusy):
        await change_conversation(store, SETTINGS, 1, change)

    assert ((await store.summarise(1)).title, (await store.summarise(1)).context) == (None, "ctx")


# forget


async def test_a_message_is_forgotten_and_the_others_keep_their_ids(
    make_stores: Callable[..., Stores],
) -> None:
    turns, store = make_stores()
    await talk(turns, 7)

    await forget_message(store, 1, Place(6, 1))
    await forget_message(store, 1, Place(2, 0))

    found, _ = await read_messages(store, 1, last=100, before=None, roles=ALL)
    assert [str(placed.place) for placed in found] == [
        "1.0", "1.1", "2.1", "3.0", "3.1", "4.0", "4.1", "5.0", "5.1", "6.0", "7.0", "7.1",
    ]  # fmt: skip
    sixth = (await turns.load(1)).turns[-2]
    assert (sixth.shown(), sixth.tokens) == ((Message("user", "p6"),), message_tokens("p6"))
    assert sixth.least_tokens == 1, "it may become one message with the turn next to it"


async def test_a_message_without_a_word_is_forgotten_from_the_archive(
    make_stores: Callable[..., Stores],
) -> None:
    turns, store = make_stores()
    await talk(turns, 1)
    marks = (Message("user", "?!"), Message("assistant", "…"))
    await turns.commit(await turns.load(1), commit(turn(2)._replace(messages=marks)))
    loaded = await turns.load(1)
    await turns.commit(loaded, commit(turn(3), evicted=loaded.turns))

    await forget_message(store, 1, Place(2, 0))

    assert await read(store, 4) == (["r1", "…", "p3", "r3"], Place(1, 1))


async def test_a_turn_without_messages_is_gone(make_stores: Callable[..., Stores]) -> None:
    turns, store = make_stores()
    await talk(turns, 7)

    for number in (1, 5):
        await forget_message(store, 1, Place(number, 0))
        await forget_message(store, 1, Place(number, 1))

    assert await read(store, 6) == (["p4", "r4", "p6", "r6", "p7", "r7"], Place(4, 0))
    assert await read(store, 9, Place(4, 0)) == (contents(2, 3), None)


@pytest.mark.parametrize("place", [Place(6, 1), Place(6, 2), Place(9, 0)])
async def test_a_message_that_is_not_there_is_unknown(
    make_stores: Callable[..., Stores], place: Place
) -> None:
    turns, store = make_stores()
    await talk(turns, 7)
    await forget_message(store, 1, Place(6, 1))

    with pytest.raises(UnknownMessage):
        await forget_message(store, 1, place)


async def test_what_was_kept_for_a_repetition_goes_with_its_message(
    make_stores: Callable[..., Stores], connection: NativeConnection
) -> None:
    turns, store = make_stores()
    await talk(turns, 2)
    for number in (3, 4):
        done = Repetition(f"{number:040}", "b" * 40)
        result = TurnResult(1, "p", "ctx", "r", None, Usage(1, 2, 3, 4, 5))
        await turns.commit(await turns.load(1), commit(turn(number)), Done(done, result))

    await forget_message(store, 1, Place(3, 0))

    assert await connection.execute("HKEYS", [f"t:{OWNER}:1:done".encode()]) == [
        f"{4:040}".encode()
    ]


async def test_nothing_is_forgotten_while_a_turn_runs(make_stores: Callable[..., Stores]) -> None:
    turns, store = make_stores()
    await talk(turns, 2)
    await make_stores(fencing="two")[0].load(1)

    with pytest.raises(ConversationBusy):
        await forget_message(store, 1, Place(1, 0))


async def test_a_forgotten_conversation_leaves_no_key(
    make_stores: Callable[..., Stores], connection: NativeConnection
) -> None:
    turns, store = make_stores()
    await talk(turns, 7)
    await turns.load(1)

    assert await store.forget(1) == Forgotten(
        1, window_turns=5, archived_turns=2, memories=0, keys=5
    )

    assert await connection.execute("KEYS", [b"*{*"]) == []
    for act in (store.forget, store.summarise, turns.load):
        with pytest.raises(UnknownConversation):
            await act(1)


async def test_what_is_corrupt_is_said_to_be_and_can_be_forgotten(
    make_stores: Callable[..., Stores], connection: NativeConnection
) -> None:
    turns, store = make_stores()
    await talk(turns, 7)
    await connection.execute("SET", [f"t:{OWNER}:1:turns".encode(), b"alien"])

    for act in (store.summarise, turns.load, lambda id_: store.turns_page(id_, 0, 5)):
        with pytest.raises(CorruptConversation):
            await act(1)
    assert (await store.forget(1)).archived_turns == 2


# lists that Redis lost


def key(taken: int, part: str = "") -> bytes:
    return f"t:{OWNER}:{taken}{part}".encode()


@pytest.mark.parametrize("part", [":turns", ":archive"])
async def test_a_conversation_that_lost_a_list_is_corrupt_whatever_is_asked_of_it(
    make_stores: Callable[..., Stores], connection: NativeConnection, part: str
) -> None:
    turns, store = make_stores()
    taken, other = await talk(turns, 8), await talk(turns, 1)
    oldest = (await store.turns_page(taken, 0, 10))[0]
    loaded = await turns.load(taken)
    await connection.execute("DEL", [key(taken, part)])
    before = await connection.execute("DUMP", [key(taken)])

    for ask in (
        lambda: turns.hold(loaded),
        lambda: turns.commit(loaded, commit(turn(9))),
        lambda: store.summarise(taken),
        lambda: store.turns_page(taken, 0, 10),
        lambda: store.change(taken, Change(title="t")),
        lambda: store.replace(taken, Place(1, 0), oldest, None),
        lambda: make_stores(fencing="two")[0].load(taken),
    ):
        with pytest.raises(TurnsLost) as lost:
            await ask()
        assert lost.value.turn_count == 8
        assert lost.value.code == "corrupt_conversation"
    assert await connection.execute("DUMP", [key(taken)]) == before

    assert {one.id for one in (await store.list_page(None, 5))[0]} == {taken, other}
    assert (await store.summarise_head(taken)).turn_count == 8
    assert (await store.forget(taken)).keys > 0
    assert (await turns.load(other)).turn_count == 1


async def test_whatever_the_service_does_with_its_lists_they_are_whole(
    make_stores: Callable[..., Stores], connection: NativeConnection
) -> None:
    turns, store = make_stores()
    taken = await talk(turns, 8)
    for number in (1, 7, 8, 2, 3, 4, 5, 6):
        for index in (0, 1):
            await forget_message(store, taken, Place(number, index))
            assert (await store.summarise(taken)).turn_count == 8

    assert await connection.execute("EXISTS", [key(taken, ":turns"), key(taken, ":archive")]) == [0]
    await turns.commit(await turns.load(taken), commit(turn(9)))
    assert [t.number for t in (await turns.load(taken)).turns] == [9]


async def test_what_a_component_left_that_notes_no_lengths_is_taken_as_it_is(
    make_stores: Callable[..., Stores], connection: NativeConnection
) -> None:
    turns, store = make_stores()
    taken = await talk(turns, 3)
    stored = (await store.turns_page(taken, 0, 1))[0].revision
    await connection.execute("RPUSH", [key(taken, ":turns"), stored.replace(b'"n":3', b'"n":4')])
    await connection.execute("HSET", [key(taken), b"turn_count", 4])

    loaded = await turns.load(taken)
    await turns.commit(loaded, commit(turn(5)))
    await connection.execute("DEL", [key(taken, ":turns")])

    assert [t.number for t in loaded.turns] == [1, 2, 3, 4]
    with pytest.raises(TurnsLost):
        await turns.load(taken)
