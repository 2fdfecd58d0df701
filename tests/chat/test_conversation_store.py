"""What every store of conversations keeps to: in this process, in Redis, and with Chroma behind."""

import pytest

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


def talk(stores: Stores, count: int, owner: str = OWNER, window: int = 2, at: float = 0.0) -> int:
    """Store a conversation of `count` turns, the last `window` of them in the context window."""
    taken = stores.turns.next_id()
    new = Conversation(taken, owner or anyone(taken), "ctx", 0, 0, 0, ())
    stores.turns.create(new, commit(turn(1, at)), None)
    for number in range(2, count + 1):
        loaded = stores.turns.load(taken)
        evicted = loaded.turns[: int(number > window)]
        stores.turns.commit(loaded, commit(turn(number, at), evicted=evicted))
    return taken


def numbers(stores: Stores, conversation_id: int, last: int, count: int) -> list[int]:
    page = stores.conversations.turns_page(conversation_id, last, count)
    return [stored.turn.number for stored in page]


def test_conversations_are_listed_by_activity_page_by_page(make: MakeStores) -> None:
    stores = make()
    ids = [talk(stores, 1, at=at) for at in (50.5, 20.25, 40.0, 40.0, 30.0)]

    pages: list[list[int]] = []
    cursor: Cursor | None = None
    while not pages or cursor:
        page, cursor = stores.conversations.list_page(cursor, 2)
        pages.append([summary.id for summary in page])

    assert pages == [[ids[0], ids[3]], [ids[2], ids[4]], [ids[1]]]
    assert make("two", OTHER).conversations.list_page(None, 5) == ([], None)


def test_a_summary_says_what_there_is(make: MakeStores) -> None:
    stores = make()

    summary = stores.conversations.summarise(talk(stores, 3))

    assert (summary.context, summary.title, summary.is_pinned) == ("ctx", None, False)
    assert (summary.created_at, summary.active_at) == (turn(1).at, turn(3).at)
    assert (summary.turn_count, summary.evicted_turns, summary.window_tokens) == (3, 1, 77)
    assert summary.expires_at is not None


def test_turns_are_read_over_window_and_archive(make: MakeStores) -> None:
    stores = make()
    taken = talk(stores, 5)

    assert numbers(stores, taken, 0, 2) == [4, 5]
    assert numbers(stores, taken, 3, 2) == [2, 3]
    assert numbers(stores, taken, 1, 2) == [1]
    assert numbers(stores, taken, 99, 9) == [1, 2, 3, 4, 5]
    assert stores.conversations.turns_page(taken, 1, 1)[0].turn == turn(1)


def test_what_is_changed_is_seen_in_the_summary_and_in_the_next_turn(make: MakeStores) -> None:
    stores = make()
    taken = talk(stores, 1)

    stores.conversations.change(taken, Change("new", "Soup"), context_tokens=4)

    summary = stores.conversations.summarise(taken)
    assert (summary.context, summary.title, summary.window_tokens) == ("new", "Soup", 81)
    stores.conversations.change(taken, Change(title=""))
    assert stores.conversations.summarise(taken).title is None
    loaded = stores.turns.load(taken)
    assert (loaded.context, loaded.context_tokens, loaded.window_tokens) == ("new", 4, 81)


def test_what_is_pinned_does_not_expire_until_it_is_given_a_lifetime(make: MakeStores) -> None:
    stores = make()
    taken = talk(stores, 1)

    stores.conversations.change(taken, Change(is_pinned=True))
    pinned = stores.conversations.summarise(taken)
    stores.conversations.change(taken, Change(is_pinned=False), lifetime_s=700)
    after = stores.conversations.summarise(taken)

    assert (pinned.is_pinned, pinned.expires_at) == (True, None)
    assert not after.is_pinned
    assert after.expires_at is not None


def test_what_is_nobodys_is_not_pinned_and_is_anyones_to_forget(make: MakeStores) -> None:
    stores = make()
    anyones, mine = talk(make("begin", None), 2, owner=""), talk(stores, 1)
    other = make("two", OTHER).conversations

    with pytest.raises(PinNeedsOwner):
        stores.conversations.change(anyones, Change(is_pinned=True))
    with pytest.raises(UnknownConversation):
        other.forget(mine)

    assert other.forget(anyones).window_turns == 2


def test_a_turn_is_put_in_the_place_of_what_was_read_and_of_nothing_else(make: MakeStores) -> None:
    stores = make()
    taken = talk(stores, 4)
    evicted, newest = (stores.conversations.turns_page(taken, number, 1)[0] for number in (1, 4))
    cut = newest.turn._replace(messages=(newest.turn.messages[0], None))

    stores.conversations.replace(taken, Place(4, 1), newest, cut)
    stores.conversations.replace(taken, Place(1, 0), evicted, None)

    assert numbers(stores, taken, 0, 9) == [2, 3, 4]
    assert stores.conversations.turns_page(taken, 0, 1)[0].turn == cut
    with pytest.raises(ConversationBusy):
        stores.conversations.replace(taken, Place(4, 0), newest, None)
    assert stores.turns.load(taken).turns == (turn(3), cut)


def test_nothing_is_changed_while_a_turn_runs(make: MakeStores) -> None:
    stores = make()
    taken = talk(stores, 2)
    stored = stores.conversations.turns_page(taken, 2, 1)[0]
    make("two").turns.load(taken)

    with pytest.raises(ConversationBusy):
        stores.conversations.change(taken, Change(title="t"))
    with pytest.raises(ConversationBusy):
        stores.conversations.replace(taken, Place(2, 0), stored, None)

    assert stores.conversations.summarise(taken).title is None


def test_what_is_forgotten_is_unknown_to_everyone(make: MakeStores) -> None:
    stores = make()
    taken = talk(stores, 5)

    forgotten = stores.conversations.forget(taken)

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
            ask(taken)


def test_embeddings_are_kept_by_name_and_go_with_the_conversation(make: MakeStores) -> None:
    stores = make()
    taken = talk(stores, 1)

    stores.conversations.keep_embeddings(taken, {"a": [0.5, 0.25], "b": [1.0, 0.0]})

    kept = stores.conversations.load_embeddings(taken, ["b", "a", "c"])
    assert {name: tuple(values) for name, values in kept.items()} == {
        "a": (0.5, 0.25), "b": (1.0, 0.0),
    }  # fmt: skip
    assert stores.conversations.load_embeddings(taken, []) == {}
    stores.conversations.forget(taken)
    again = Conversation(taken, OWNER, "ctx", 0, 0, 0, ())
    stores.turns.create(again, commit(turn(1)), None)
    assert stores.conversations.load_embeddings(taken, ["a"]) == {}
