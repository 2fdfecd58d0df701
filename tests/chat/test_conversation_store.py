"""What every store of conversations keeps to: in this process, in Redis, and with Chroma behind."""

import pytest

from chat.core.cuts import Cut
from chat.core.heads import Change
from chat.core.messages import Commit, Conversation, Message, Place, Turn
from chat.core.owners import anyone
from chat.core.refusals import ConversationBusy, PinNeedsOwner, UnknownConversation
from chat.core.tokens import UNKNOWN
from chat.usecases.ports import Cursor
from tests.chat.native import NativeConnection
from tests.chat.stores import OTHER, OWNER, MakeStores, Stores, make_stores_of


@pytest.fixture(params=["memory", "redis", "chroma"])
def make(request: pytest.FixtureRequest, connection: NativeConnection) -> MakeStores:
    """Make the stores of a request."""
    return make_stores_of(request.param, request, connection)


def turn(number: int, at: float = 0.0) -> Turn:
    messages = (Message("user", f"p{number}"), Message("assistant", f"r{number}"))
    return Turn(number, messages, 5, 5, 2, at or 1_700_000_000.0 + number)


def commit(*turns: Turn, evicted: tuple[Turn, ...] = (), lifetime_s: int = 500) -> Commit:
    return Commit(turns, 9, 77, UNKNOWN, evicted, turns[-1].at, lifetime_s)


async def talk(
    stores: Stores,
    count: int,
    owner: str = OWNER,
    window: int = 2,
    at: float = 0.0,
    namespace: str | None = None,
) -> int:
    """Store a conversation of `count` turns, the last `window` of them in the context window."""
    taken = await stores.turns.next_id()
    new = Conversation(taken, owner or anyone(taken), "ctx", 0, 0, 0, (), namespace=namespace)
    await stores.turns.create(new, commit(turn(1, at)), None)
    for number in range(2, count + 1):
        loaded = await stores.turns.load(taken)
        evicted = loaded.turns[: int(number > window)]
        await stores.turns.commit(loaded, commit(turn(number, at), evicted=evicted))
    return taken


async def numbers(stores: Stores, conversation_id: int, last: int, count: int) -> list[int]:
    page = await stores.conversations.turns_page(conversation_id, last, count)
    return [stored.turn.number for stored in page]


async def test_conversations_are_listed_by_activity_page_by_page(make: MakeStores) -> None:
    stores = make()
    ids = [await talk(stores, 1, at=at) for at in (50.5, 20.25, 40.0, 40.0, 30.0)]

    pages: list[list[int]] = []
    cursor: Cursor | None = None
    while not pages or cursor:
        page, cursor = await stores.conversations.list_page(cursor, 2)
        pages.append([summary.id for summary in page])

    assert pages == [[ids[0], ids[3]], [ids[2], ids[4]], [ids[1]]]
    assert await make("two", OTHER).conversations.list_page(None, 5) == ([], None)


async def test_a_summary_says_what_there_is(make: MakeStores) -> None:
    stores = make()

    summary = await stores.conversations.summarise(await talk(stores, 3))

    assert (summary.context, summary.title, summary.is_pinned) == ("ctx", None, False)
    assert (summary.created_at, summary.active_at) == (turn(1).at, turn(3).at)
    assert (summary.turn_count, summary.evicted_turns, summary.window_tokens) == (3, 1, 77)
    assert summary.expires_at is not None


async def test_turns_are_read_over_window_and_archive(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 5)

    assert await numbers(stores, taken, 0, 2) == [4, 5]
    assert await numbers(stores, taken, 3, 2) == [2, 3]
    assert await numbers(stores, taken, 1, 2) == [1]
    assert await numbers(stores, taken, 99, 9) == [1, 2, 3, 4, 5]
    assert (await stores.conversations.turns_page(taken, 1, 1))[0].turn == turn(1)


async def test_what_is_changed_is_seen_in_the_summary_and_in_the_next_turn(
    make: MakeStores,
) -> None:
    stores = make()
    taken = await talk(stores, 1)

    await stores.conversations.change(taken, Change("new", "Soup"), context_tokens=4)

    summary = await stores.conversations.summarise(taken)
    assert (summary.context, summary.title, summary.window_tokens) == ("new", "Soup", 81)
    await stores.conversations.change(taken, Change(title=""))
    assert (await stores.conversations.summarise(taken)).title is None
    loaded = await stores.turns.load(taken)
    assert (loaded.context, loaded.context_tokens, loaded.window_tokens) == ("new", 4, 81)


async def test_what_is_pinned_does_not_expire_until_it_is_given_a_lifetime(
    make: MakeStores,
) -> None:
    stores = make()
    taken = await talk(stores, 1)

    await stores.conversations.change(taken, Change(is_pinned=True))
    pinned = await stores.conversations.summarise(taken)
    await stores.conversations.change(taken, Change(is_pinned=False), lifetime_s=700)
    after = await stores.conversations.summarise(taken)

    assert (pinned.is_pinned, pinned.expires_at) == (True, None)
    assert not after.is_pinned
    assert after.expires_at is not None


async def test_what_is_nobodys_is_not_pinned_and_is_anyones_to_forget(make: MakeStores) -> None:
    stores = make()
    anyones, mine = await talk(make("begin", None), 2, owner=""), await talk(stores, 1)
    other = make("two", OTHER).conversations

    with pytest.raises(PinNeedsOwner):
        await stores.conversations.change(anyones, Change(is_pinned=True))
    with pytest.raises(UnknownConversation):
        await other.forget(mine)

    assert (await other.forget(anyones)).window_turns == 2


async def test_a_turn_is_put_in_the_place_of_what_was_read_and_of_nothing_else(
    make: MakeStores,
) -> None:
    stores = make()
    taken = await talk(stores, 4)
    (evicted,) = await stores.conversations.turns_page(taken, 1, 1)
    (newest,) = await stores.conversations.turns_page(taken, 4, 1)
    cut = newest.turn._replace(messages=(newest.turn.messages[0], None))

    await stores.conversations.replace(taken, Place(4, 1), newest, cut)
    await stores.conversations.replace(taken, Place(1, 0), evicted, None)

    assert await numbers(stores, taken, 0, 9) == [2, 3, 4]
    assert (await stores.conversations.turns_page(taken, 0, 1))[0].turn == cut
    with pytest.raises(ConversationBusy):
        await stores.conversations.replace(taken, Place(4, 0), newest, None)
    assert (await stores.turns.load(taken)).turns == (turn(3), cut)


async def test_nothing_is_changed_while_a_turn_runs(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 2)
    stored = (await stores.conversations.turns_page(taken, 2, 1))[0]
    await make("two").turns.load(taken)

    with pytest.raises(ConversationBusy):
        await stores.conversations.change(taken, Change(title="t"))
    with pytest.raises(ConversationBusy):
        await stores.conversations.replace(taken, Place(2, 0), stored, None)

    assert (await stores.conversations.summarise(taken)).title is None


async def test_what_is_forgotten_is_unknown_to_everyone(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 5)

    forgotten = await stores.conversations.forget(taken)

    assert (forgotten.id, forgotten.window_turns, forgotten.archived_turns) == (taken, 2, 3)
    for ask in (
        stores.turns.load,
        stores.conversations.summarise,
        stores.conversations.forget,
        lambda id_: stores.conversations.turns_page(id_, 0, 1),
        lambda id_: stores.conversations.change(id_, Change(title="t")),
        lambda id_: stores.conversations.load_embeddings(id_, ["a"]),
        lambda id_: stores.conversations.keep_embeddings(id_, {"a": [1.0]}),
    ):
        with pytest.raises(UnknownConversation):
            await ask(taken)


async def test_embeddings_are_kept_by_name_and_go_with_the_conversation(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 1)

    await stores.conversations.keep_embeddings(taken, {"a": [0.5, 0.25], "b": [1.0, 0.0]})

    kept = await stores.conversations.load_embeddings(taken, ["b", "a", "c"])
    assert kept.keys() == {"a", "b"}
    assert list(kept["a"]) == pytest.approx([0.5, 0.25], abs=2e-3)
    assert list(kept["b"]) == pytest.approx([1.0, 0.0])
    assert await stores.conversations.load_embeddings(taken, []) == {}
    await stores.conversations.forget(taken)
    again = Conversation(taken, OWNER, "ctx", 0, 0, 0, ())
    await stores.turns.create(again, commit(turn(1)), None)
    assert await stores.conversations.load_embeddings(taken, ["a"]) == {}


def cut_at(place: Place, *turns: Turn, left: Turn | None = None, revision: bytes = b"") -> Cut:
    return Cut(place, turns, revision, left, turn_count=5)


async def test_messages_are_counted_as_they_come_and_go(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 5)
    (newest,) = await stores.conversations.turns_page(taken, 5, 1)
    one = newest.turn._replace(messages=(newest.turn.messages[0], None))

    before = (await stores.conversations.summarise(taken)).message_count
    await stores.conversations.replace(taken, Place(5, 1), newest, one)
    (oldest,) = await stores.conversations.turns_page(taken, 1, 1)
    await stores.conversations.replace(taken, Place(1, 0), oldest, None)
    loaded = await stores.turns.load(taken)
    await stores.turns.commit(loaded, commit(turn(6), turn(7)))

    after = await stores.conversations.summarise(taken)
    assert (before, after.message_count) == (10, 7 + 4)
    listed, _ = await stores.conversations.list_page(None, 5)
    assert listed[0].message_count == after.message_count


async def test_an_emptied_conversation_stays_and_its_numbers_go_on(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 5)
    await stores.conversations.change(taken, Change(title="Soup", is_pinned=True))
    await stores.conversations.keep_embeddings(taken, {"a:1.0": [1.0], "a:5.1": [1.0]})

    forgotten = await stores.conversations.cut(taken, Cut(Place(1, 0), title="Bread"))

    summary = await stores.conversations.summarise(taken)
    assert forgotten.messages == 10
    assert (summary.title, summary.context, summary.is_pinned) == ("Soup", "ctx", True)
    assert (summary.turn_count, summary.message_count, summary.evicted_turns) == (5, 0, 0)
    assert await numbers(stores, taken, 0, 9) == []
    assert await stores.conversations.load_embeddings(taken, ["a:1.0", "a:5.1"]) == {}
    loaded = await stores.turns.load(taken)
    assert (loaded.turns, loaded.turn_count, loaded.window_tokens) == ((), 5, 9)
    await stores.turns.commit(loaded, commit(turn(6)))
    assert await numbers(stores, taken, 0, 9) == [6]
    assert (await stores.conversations.cut(taken, Cut(Place(1, 0)))).messages == 2


async def test_the_newest_messages_are_cut_over_window_and_archive(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 5)
    (old,) = await stores.conversations.turns_page(taken, 3, 1)
    left = turn(3)._replace(messages=turn(3).messages[:1])
    names = ["a:2.1", "a:3.0", "a:4.0"]
    await stores.conversations.keep_embeddings(taken, {name: [1.0] for name in names})
    rest = (turn(3), turn(4), turn(5))

    forgotten = await stores.conversations.cut(
        taken, cut_at(Place(3, 1), *rest, left=left, revision=old.revision)
    )

    summary = await stores.conversations.summarise(taken)
    assert (forgotten.messages, summary.message_count, summary.evicted_turns) == (5, 5, 3)
    assert (summary.turn_count, summary.window_tokens) == (5, 9)
    page = await stores.conversations.turns_page(taken, 0, 9)
    assert [stored.turn for stored in page] == [turn(1), turn(2), left]
    assert list(await stores.conversations.load_embeddings(taken, names)) == names[:1]


async def test_of_a_cut_window_the_bound_of_its_tokens_is_lower(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 5)

    await stores.conversations.cut(taken, cut_at(Place(5, 0), turn(5)))

    loaded = await stores.turns.load(taken)
    assert (loaded.turns, loaded.window_tokens) == ((turn(4),), min(77 - 2, 9 + 10))


async def test_nothing_is_cut_that_changed_meanwhile_or_while_a_turn_runs(
    make: MakeStores,
) -> None:
    stores = make()
    taken = await talk(stores, 5)
    other = cut_at(Place(5, 1), turn(5), left=turn(5), revision=b"another one")

    with pytest.raises(ConversationBusy):
        await stores.conversations.cut(taken, other)
    with pytest.raises(ConversationBusy):
        await stores.conversations.cut(taken, Cut(Place(4, 0), (turn(4), turn(5)), turn_count=4))
    loaded = await make("two").turns.load(taken)
    with pytest.raises(ConversationBusy):
        await stores.conversations.cut(taken, Cut(Place(1, 0)))
    await make("two").turns.release(loaded)

    assert (await stores.conversations.summarise(taken)).message_count == 10
    assert await numbers(stores, taken, 0, 9) == [1, 2, 3, 4, 5]


async def listed(stores: Stores, namespace: str | None = None) -> list[int]:
    page, _ = await stores.conversations.list_page(None, 9, namespace)
    return [summary.id for summary in page]


async def test_conversations_are_listed_by_namespace_and_together(make: MakeStores) -> None:
    stores = make()
    chef = await talk(stores, 3, at=10.0, namespace="chef")
    plain, pirate = await talk(stores, 1, at=20.0), await talk(stores, 1, at=30.0, namespace="a:b")

    assert await listed(stores) == [pirate, plain, chef]
    assert (await listed(stores, "chef"), await listed(stores, "a:b")) == ([chef], [pirate])
    assert await listed(stores, "nobody") == await listed(make("two", OTHER), "chef") == []
    summary = await stores.conversations.summarise(chef)
    assert (summary.namespace, (await stores.conversations.summarise(plain)).namespace) == (
        "chef", None,
    )  # fmt: skip
    assert (await stores.turns.load(chef)).namespace == "chef"
    await stores.conversations.forget(chef)
    assert (await listed(stores), await listed(stores, "chef")) == ([pirate, plain], [])


async def test_an_emptied_conversation_keeps_its_namespace(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 3, namespace="chef")

    await stores.conversations.cut(taken, Cut(Place(1, 0)))

    assert (await stores.conversations.summarise(taken)).namespace == "chef"
    assert await listed(stores, "chef") == [taken]
