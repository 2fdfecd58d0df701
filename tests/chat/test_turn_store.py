"""The contract of every store of turns: in this process, in Redis, and with Chroma behind it."""

from collections.abc import Callable

import pytest

from chat.core.errors import IdTaken
from chat.core.messages import Commit, Conversation, Message, Turn
from chat.core.refusals import ConversationBusy, KeyReused, LimitExceeded, UnknownConversation
from chat.core.tokens import Vocabulary
from chat.core.usage import TurnResult, Usage
from chat.usecases.ports import Done, Repetition, TurnStore
from tests.chat.native import NativeConnection
from tests.chat.stores import OTHER, OWNER, answer_of, make_stores_of

KEY = Repetition("a" * 40, "b" * 40)
OTHER_BODY = Repetition("a" * 40, "c" * 40)
MakeStore = Callable[..., TurnStore]


@pytest.fixture(params=["memory", "redis", "chroma"])
def make(request: pytest.FixtureRequest, connection: NativeConnection) -> MakeStore:
    """Make the store of a request."""
    make_stores = make_stores_of(request.param, request, connection)
    return lambda *args, **named: make_stores(*args, **named).turns


def turn(number: int, said: str = "") -> Turn:
    messages = (Message("user", said or f"prompt {number}"), Message("assistant", f"r{number}"))
    return Turn(number, messages, 10, 5, 3, 1_700_000_000.0 + number)


def adding(*numbers: int, evicted: tuple[Turn, ...] = ()) -> Commit:
    turns = tuple(turn(number) for number in numbers)
    return Commit(turns, 9, 77, Vocabulary(33), evicted, turns[-1].at, 0)


async def begin(store: TurnStore, done: Done | None = None, owner: str = OWNER) -> int:
    taken = await store.next_id()
    await store.create(Conversation(taken, owner, "ctx é", 0, 0, 0, ()), adding(1), done)
    return taken


def result(conversation_id: int) -> TurnResult:
    return TurnResult(conversation_id, "p", "ctx", "r", None, Usage(1, 2, 3, 4, 5))


async def test_ids_count_up_and_what_is_created_is_loaded(make: MakeStore) -> None:
    store = make()
    ids = [await begin(store), await begin(store)]

    loaded = await store.load(ids[0])

    assert ids == [1, 2]
    assert await store.last_id() == 2
    assert (loaded.id, loaded.owner, loaded.context) == (1, OWNER, "ctx é")
    assert (loaded.turns, loaded.turn_count) == ((turn(1),), 1)
    assert (loaded.context_tokens, loaded.window_tokens) == (9, 77)
    assert (loaded.vocabulary, loaded.active_at) == (Vocabulary(33), turn(1).at)


async def test_an_id_that_is_there_is_taken_and_ids_can_be_mended(make: MakeStore) -> None:
    store = make()
    taken = await begin(store)

    with pytest.raises(IdTaken):
        await make("other").create(
            Conversation(taken, OWNER, "other", 0, 0, 0, ()), adding(1), None
        )
    await store.mend_ids(least=9)

    assert await store.next_id() == 10
    assert (await make("two").load(taken)).context == "ctx é"


async def test_a_turn_goes_on_with_what_the_one_before_left(make: MakeStore) -> None:
    taken = await begin(make())
    store = make("two")
    await store.commit(await store.load(taken), adding(2))

    loaded = await make("three").load(taken)

    assert loaded.turns == (turn(1), turn(2))
    assert loaded.turn_count == 2


async def test_one_turn_at_a_time(make: MakeStore) -> None:
    taken = await begin(make())
    first, second = make("two"), make("three")
    loaded = await first.load(taken)

    with pytest.raises(ConversationBusy):
        await second.load(taken)
    await second.release(loaded)
    with pytest.raises(ConversationBusy):
        await second.load(taken)
    await first.release(loaded)

    assert (await second.load(taken)).turn_count == 1


async def test_a_turn_that_another_one_overtook_is_not_stored(make: MakeStore) -> None:
    taken = await begin(make())
    late = make("late")
    loaded = await late.load(taken)
    await late.release(loaded)
    quick = make("quick")
    await quick.commit(await quick.load(taken), adding(2))

    with pytest.raises(ConversationBusy):
        await late.commit(loaded, adding(2))

    assert (await make("three").load(taken)).turns == (turn(1), turn(2))


async def test_what_is_evicted_leaves_the_window_and_is_found_by_its_words(make: MakeStore) -> None:
    taken = await begin(make())
    store = make("two")
    await store.commit(await store.load(taken), adding(2, evicted=(turn(1),)))

    store = make("three")
    loaded = await store.load(taken, ["prompt"])

    assert loaded.turns == (turn(2),)
    assert [found.turn for found in loaded.found] == [turn(1)]
    await store.release(loaded)
    other = await make("four").load(taken, ["elephant"])
    assert other.found == ()


async def test_what_is_anothers_is_unknown(make: MakeStore) -> None:
    taken = await begin(make())
    stranger = make("two", owner=OTHER)

    with pytest.raises(UnknownConversation):
        await stranger.load(taken)
    with pytest.raises(UnknownConversation):
        await make("three").load(taken + 1)


async def test_a_turn_of_before_is_given_again_and_locks_nothing(make: MakeStore) -> None:
    taken = await begin(make())
    store = make("two")
    await store.commit(await store.load(taken), adding(2), Done(KEY, result(taken)))

    assert await answer_of(make("three").load(taken, repetition=KEY)) == result(taken)
    with pytest.raises(KeyReused):
        await make("four").load(taken, repetition=OTHER_BODY)
    assert (await make("five").load(taken)).turn_count == 2


async def test_a_start_of_before_is_given_again(make: MakeStore) -> None:
    store = make()
    await store.admit(KEY, "conversation")
    with pytest.raises(ConversationBusy):
        await make("two").admit(KEY, "conversation")
    taken = await begin(store, Done(KEY, result(1)))

    assert await answer_of(make("three").admit(KEY, "conversation")) == result(taken)
    with pytest.raises(KeyReused):
        await make("four").admit(OTHER_BODY, "conversation")


async def test_a_start_that_failed_may_be_asked_for_again(make: MakeStore) -> None:
    store = make()
    await store.admit(KEY)
    await make("two").dismiss(KEY)
    with pytest.raises(ConversationBusy):
        await make("three").admit(KEY)
    await store.dismiss(KEY)

    await make("four").admit(KEY)
    with pytest.raises(ConversationBusy):
        await make("five").admit(KEY)


async def test_a_start_that_failed_when_it_was_stored_may_be_asked_for_again(
    make: MakeStore,
) -> None:
    store = make()
    await store.admit(KEY, "conversation")
    taken = await begin(store, Done(KEY, result(1)))
    await make("two").dismiss(KEY)
    await make("three").dismiss(KEY, taken + 1)
    assert await answer_of(make("four").admit(KEY)) == result(taken), "neither was the start"

    await make("five").dismiss(KEY, taken)

    await make("six").admit(KEY)


async def test_what_is_kept_under_a_key_is_found_without_a_turn(make: MakeStore) -> None:
    taken = await begin(make(), Done(KEY, result(1)))
    store = make("two")

    assert await store.find_done(taken, KEY) == result(1)
    assert await store.find_done(taken, Repetition("d" * 40, KEY.body)) is None
    assert await store.find_done(taken + 1, KEY) is None
    assert await make("three", owner=OTHER).find_done(taken, KEY) is None
    with pytest.raises(KeyReused):
        await store.find_done(taken, OTHER_BODY)


async def test_turns_are_counted_and_over_the_limit_there_are_none(make: MakeStore) -> None:
    store = make(most=2)
    await store.admit(None, "conversation")
    taken = await begin(store)
    assert store.quota is not None
    assert store.quota.remaining == 1
    await store.commit(await store.load(taken), adding(2))
    assert store.quota.remaining == 0

    for asked in (store.admit(None), store.load(taken)):
        with pytest.raises(LimitExceeded):
            await asked
