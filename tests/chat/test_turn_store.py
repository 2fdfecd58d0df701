"""The contract of every store of turns: in this process, in Redis, and with Chroma behind it."""

from collections.abc import Callable

import pytest

from chat.core.errors import IdTaken
from chat.core.messages import Commit, Conversation, Message, Turn, TurnResult, Usage
from chat.core.refusals import ConversationBusy, KeyReused, LimitExceeded, UnknownConversation
from chat.core.tokens import Vocabulary
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


def begin(store: TurnStore, done: Done | None = None, owner: str = OWNER) -> int:
    taken = store.next_id()
    store.create(Conversation(taken, owner, "ctx é", 0, 0, 0, ()), adding(1), done)
    return taken


def result(conversation_id: int) -> TurnResult:
    return TurnResult(conversation_id, "p", "ctx", "r", None, Usage(1, 2, 3, 4, 5))


def test_ids_count_up_and_what_is_created_is_loaded(make: MakeStore) -> None:
    store = make()
    ids = [begin(store), begin(store)]

    loaded = store.load(ids[0])

    assert ids == [1, 2]
    assert store.last_id() == 2
    assert (loaded.id, loaded.owner, loaded.context) == (1, OWNER, "ctx é")
    assert (loaded.turns, loaded.turn_count) == ((turn(1),), 1)
    assert (loaded.context_tokens, loaded.window_tokens) == (9, 77)
    assert (loaded.vocabulary, loaded.active_at) == (Vocabulary(33), turn(1).at)


def test_an_id_that_is_there_is_taken_and_ids_can_be_mended(make: MakeStore) -> None:
    store = make()
    taken = begin(store)

    with pytest.raises(IdTaken):
        store.create(Conversation(taken, OWNER, "other", 0, 0, 0, ()), adding(1), None)
    store.mend_ids(least=9)

    assert store.next_id() == 10
    assert make("two").load(taken).context == "ctx é"


def test_a_turn_goes_on_with_what_the_one_before_left(make: MakeStore) -> None:
    taken = begin(make())
    store = make("two")
    store.commit(store.load(taken), adding(2))

    loaded = make("three").load(taken)

    assert loaded.turns == (turn(1), turn(2))
    assert loaded.turn_count == 2


def test_one_turn_at_a_time(make: MakeStore) -> None:
    taken = begin(make())
    first, second = make("two"), make("three")
    loaded = first.load(taken)

    with pytest.raises(ConversationBusy):
        second.load(taken)
    second.release(loaded)
    with pytest.raises(ConversationBusy):
        second.load(taken)
    first.release(loaded)

    assert second.load(taken).turn_count == 1


def test_a_turn_that_another_one_overtook_is_not_stored(make: MakeStore) -> None:
    taken = begin(make())
    late = make("late")
    loaded = late.load(taken)
    late.release(loaded)
    quick = make("quick")
    quick.commit(quick.load(taken), adding(2))

    with pytest.raises(ConversationBusy):
        late.commit(loaded, adding(2))

    assert make("three").load(taken).turns == (turn(1), turn(2))


def test_what_is_evicted_leaves_the_window_and_is_found_by_its_words(make: MakeStore) -> None:
    taken = begin(make())
    store = make("two")
    store.commit(store.load(taken), adding(2, evicted=(turn(1),)))

    store = make("three")
    loaded = store.load(taken, ["prompt"])

    assert loaded.turns == (turn(2),)
    assert [found.turn for found in loaded.found] == [turn(1)]
    store.release(loaded)
    other = make("four").load(taken, ["elephant"])
    assert other.found == ()


def test_what_is_anothers_is_unknown(make: MakeStore) -> None:
    taken = begin(make())
    stranger = make("two", owner=OTHER)

    with pytest.raises(UnknownConversation):
        stranger.load(taken)
    with pytest.raises(UnknownConversation):
        make("three").load(taken + 1)


def test_a_turn_of_before_is_given_again_and_locks_nothing(make: MakeStore) -> None:
    taken = begin(make())
    store = make("two")
    store.commit(store.load(taken), adding(2), Done(KEY, result(taken)))

    assert answer_of(lambda: make("three").load(taken, repetition=KEY)) == result(taken)
    with pytest.raises(KeyReused):
        make("four").load(taken, repetition=OTHER_BODY)
    assert make("five").load(taken).turn_count == 2


def test_a_start_of_before_is_given_again(make: MakeStore) -> None:
    store = make()
    store.admit(KEY, "conversation")
    with pytest.raises(ConversationBusy):
        make("two").admit(KEY, "conversation")
    taken = begin(store, Done(KEY, result(1)))

    assert answer_of(lambda: make("three").admit(KEY, "conversation")) == result(taken)
    with pytest.raises(KeyReused):
        make("four").admit(OTHER_BODY, "conversation")


def test_a_start_that_failed_may_be_asked_for_again(make: MakeStore) -> None:
    store = make()
    store.admit(KEY)
    make("two").dismiss(KEY)
    with pytest.raises(ConversationBusy):
        make("three").admit(KEY)
    store.dismiss(KEY)

    make("four").admit(KEY)
    with pytest.raises(ConversationBusy):
        make("five").admit(KEY)


def test_turns_are_counted_and_over_the_limit_there_are_none(make: MakeStore) -> None:
    store = make(most=2)
    store.admit(None, "conversation")
    taken = begin(store)
    assert store.quota is not None
    assert store.quota.remaining == 1
    store.commit(store.load(taken), adding(2))
    assert store.quota.remaining == 0

    for ask in (lambda: store.admit(None), lambda: store.load(taken)):
        with pytest.raises(LimitExceeded):
            ask()
