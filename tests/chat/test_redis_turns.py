"""The store of turns against a real Redis, over the host's own client."""

import dataclasses
from collections.abc import Callable

import pytest

from chat.context.terms import prompt_terms
from chat.core.errors import CorruptConversation, IdTaken, StoreUnavailable
from chat.core.limits import Quota
from chat.core.messages import Commit, Conversation, Message, Place, Turn
from chat.core.owners import anyone
from chat.core.refusals import ConversationBusy, KeyReused, LimitExceeded, UnknownConversation
from chat.core.tokens import Vocabulary
from chat.core.usage import TurnResult, Usage
from chat.redis.connection import Redis, Value
from chat.redis.conversations import RedisConversationStore
from chat.redis.ids import RedisIds
from chat.redis.records import parse_turns, render_turn
from chat.redis.scripts import RAISE_ID
from chat.redis.turns import SPARE_MS, RedisTurnStore
from chat.usecases.change import forget_message
from chat.usecases.ports import Done, Repetition
from tests.chat.native import NativeConnection
from tests.chat.stores import answer_of

TURN = Turn(
    1,
    (
        Message("user", "Hi 你好 }{"),
        Message("assistant", 'A "reply"\n\x00', 5.5, {"a": [1, {}]}),
        None,
    ),
    12,
    7,
    4,
    1700000000.25,
)
OWNER = "{f00d}"


def new(
    *turns: Turn, context_tokens: int = 9, evicted_count: int = 0, lifetime_s: int = 0
) -> Commit:
    evicted = tuple(next_turn(number) for number in range(1, evicted_count + 1))
    return Commit(turns, context_tokens, 77, Vocabulary(33), evicted, turns[-1].at, lifetime_s)


async def create(
    store: RedisTurnStore, commit: Commit, context: str = "ctx", owner: str | None = None
) -> int:
    """Store a new conversation as the use case does; return its id."""
    taken = await store.next_id()
    await store.create(
        Conversation(taken, owner or anyone(taken), context, 0, 0, 0, ()), commit, None
    )
    return taken


def next_turn(number: int) -> Turn:
    return TURN._replace(number=number, messages=(Message("user", f"p{number}"),))


def test_a_turn_survives_its_list_element() -> None:
    assert parse_turns(b"[" + render_turn(TURN) + b"]") == (TURN,)


@pytest.mark.parametrize(
    "data", [b"", b"7", b"[", b"[[]]", b"[{}]", b'[{"n":"x"}]', b"\xff", b"[null]"]
)
def test_what_are_no_turns_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptConversation):
        parse_turns(data)


def numbers(items: list[Value]) -> list[int]:
    """Return the numbers of rendered turns."""
    joined = b",".join(item for item in items if isinstance(item, bytes))
    return [turn.number for turn in parse_turns(b"[" + joined + b"]")]


async def test_ids_increment_and_a_conversation_loads_as_created(
    make_store: Callable[..., RedisTurnStore],
) -> None:
    store = make_store()

    first, second = await create(store, new(TURN), "ctx é"), await create(store, new(TURN))

    assert (first, second) == (1, 2)
    loaded = await store.load(1)
    assert (loaded.context, loaded.context_tokens, loaded.turn_count) == ("ctx é", 9, 1)
    assert loaded.turns == (TURN,)
    assert (loaded.active_at, loaded.vocabulary) == (TURN.at, Vocabulary(33))
    assert loaded.window_tokens == 77


async def lifetimes(connection: NativeConnection) -> list[Value]:
    """Return the remaining lifetimes in seconds of all keys of conversation 1."""
    keys = await connection.execute("KEYS", [b"t:{anyone:1}*"])
    return [(await connection.execute("TTL", [key]))[0] for key in keys if isinstance(key, bytes)]


async def test_a_lost_counter_goes_on_behind_the_highest_id_there_is(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    stores = [make_store(), make_store(owner=OWNER)]
    for number in range(30):
        await create(stores[number % 2], new(TURN), owner=OWNER if number % 2 else None)
    await connection.execute("SET", [b"other:{x}:99", b"another prefix's"])
    await connection.execute("SET", [b"t:{x}:started:77a", b"no conversation"])
    await connection.execute("SET", [b"t:{x}:" + b"9" * 16, b"no id of ours"])
    for key in (b"t:next_id", b"t:{anyone:29}:29", b"t:{f00d}:30"):  # their turns are still there
        await connection.execute("DEL", [key])
    connection.calls.clear()

    assert await stores[0].next_id() == 31
    assert len(connection.calls) <= 6
    connection.calls.clear()
    assert await stores[1].next_id() == 32
    assert connection.calls == ["EVALSHA"], "a plain start is one round trip for its id"


async def test_a_counter_that_was_set_back_is_noticed_and_put_right(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    ids = [await create(store, new(TURN)) for _ in range(3)]
    await connection.execute("SET", [b"t:next_id", 1])
    before = await connection.execute("DUMP", [b"t:{anyone:2}:2"])

    with pytest.raises(IdTaken):
        await create(make_store("two"), new(next_turn(1)))
    await store.mend_ids()

    assert await connection.execute("DUMP", [b"t:{anyone:2}:2"]) == before
    assert [*ids, await create(store, new(TURN))] == [1, 2, 3, 4]
    await connection.execute("SET", [b"t:next_id", 50])
    await store.mend_ids()
    assert await store.next_id() == 51, "what is ahead stays so"
    await store.mend_ids(70)
    assert await store.next_id() == 71


async def test_many_that_find_the_counter_lost_at_once_take_ids_of_their_own(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    taken = await create(make_store(), new(TURN))
    await connection.execute("DEL", [b"t:next_id"])
    ids = [RedisIds(Redis(connection), "t") for _ in range(2)]

    await ids[0].mend(0)
    first = await ids[0].next()
    await ids[1].mend(0)  # it looked before the other had an id
    second = await ids[1].next()

    assert (taken, first, second) == (1, 2, 3)


async def test_where_not_all_keys_were_looked_at_ids_go_on_from_the_seconds_since_1970(
    connection: NativeConnection,
) -> None:
    redis = Redis(connection)
    now = (await connection.execute("TIME", []))[0]
    assert isinstance(now, bytes)

    await redis.run(RAISE_ID, {"next_id": "t:next_id"}, conversation_id=7, is_highest="")

    assert 0 < await RedisIds(redis, "t").next() - int(now) <= 5


async def test_all_keys_of_a_conversation_have_one_lifetime_that_each_turn_renews(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await create(store, new(TURN, lifetime_s=500))
    assert await lifetimes(connection) == [500, 500]

    await store.commit(await store.load(1), new(next_turn(2), evicted_count=1, lifetime_s=900))
    assert await lifetimes(connection) == [900, 900, 900, 900]

    await store.commit(await store.load(1), new(next_turn(3), lifetime_s=0))
    assert await lifetimes(connection) == [-1, -1, -1, -1]


async def test_a_conversation_that_expired_is_unknown_and_leaves_no_key(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await create(store, new(TURN, lifetime_s=1))
    await store.commit(await store.load(1), new(next_turn(2), evicted_count=1, lifetime_s=1))
    while await connection.execute("EXISTS", [b"t:{anyone:1}:1"]) == [1]:
        pass

    with pytest.raises(UnknownConversation):
        await store.load(1)

    assert await connection.execute("KEYS", [b"t:{anyone:1}*"]) == []


async def test_a_commit_appends_and_moves_the_oldest_turns_to_the_archive(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await create(store, new(TURN))
    for number in (2, 3):
        await store.commit(
            await store.load(1), new(next_turn(number), context_tokens=8, evicted_count=0)
        )

    await store.commit(await store.load(1), new(next_turn(4), context_tokens=7, evicted_count=2))

    loaded = await store.load(1)
    assert [turn.number for turn in loaded.turns] == [3, 4]
    assert (loaded.turn_count, loaded.context_tokens) == (4, 7)
    archived = await connection.execute("LRANGE", [b"t:{anyone:1}:1:archive", 0, -1])
    assert numbers(archived) == [1, 2]
    assert await connection.execute("HGET", [b"t:{anyone:1}:1", b"evicted_count"]) == [b"2"]


async def test_the_archive_is_capped(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store(archive_turns=2)
    await create(store, new(TURN))
    for number in range(2, 7):
        await store.commit(await store.load(1), new(next_turn(number), evicted_count=1))

    archived = await connection.execute("LRANGE", [b"t:{anyone:1}:1:archive", 0, -1])
    assert numbers(archived) == [4, 5]


async def test_an_unknown_conversation_is_not_created_by_asking(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    with pytest.raises(UnknownConversation):
        await make_store().load(7)

    assert await connection.execute("KEYS", [b"*"]) == []


async def test_a_second_turn_is_refused_while_one_runs(
    make_store: Callable[..., RedisTurnStore],
) -> None:
    one, two = make_store("one"), make_store("two")
    await create(one, new(TURN))
    loaded = await one.load(1)

    with pytest.raises(ConversationBusy):
        await two.load(1)

    await two.release(loaded)
    with pytest.raises(ConversationBusy):
        await two.load(1)
    await one.commit(loaded, new(next_turn(2)))
    assert (await two.load(1)).turn_count == 2


async def test_a_release_lets_the_next_turn_in(make_store: Callable[..., RedisTurnStore]) -> None:
    one, two = make_store("one"), make_store("two")
    await create(one, new(TURN))
    loaded = await one.load(1)

    await one.release(loaded)

    assert (await two.load(1)).turn_count == 1


async def test_a_late_commit_does_not_write_over_a_newer_turn(
    make_store: Callable[..., RedisTurnStore],
) -> None:
    late, other = make_store("late", lock_ms=1), make_store("other")
    await create(late, new(TURN))
    loaded = await late.load(1)
    newer = await wait_for_lock(other)

    with pytest.raises(ConversationBusy):
        await late.commit(loaded, new(next_turn(2)))

    await other.commit(newer, new(next_turn(2)))
    with pytest.raises(ConversationBusy):
        await late.commit(loaded, new(next_turn(2)))
    assert (await other.load(1)).turn_count == 2


async def wait_for_lock(store: RedisTurnStore) -> Conversation:
    while True:
        try:
            return await store.load(1)
        except ConversationBusy:
            continue


async def test_a_commit_after_its_lock_ran_out_counts_if_no_turn_came_between(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    late = make_store("late", lock_ms=1)
    await create(late, new(TURN))
    loaded = await late.load(1)
    while await connection.execute("EXISTS", [b"t:{anyone:1}:1:lock"]) == [1]:
        pass

    await late.commit(loaded, new(next_turn(2)))

    assert (await make_store().load(1)).turn_count == 2


async def test_a_commit_to_a_deleted_conversation_brings_nothing_back(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await create(store, new(TURN))
    loaded = await store.load(1)
    await connection.execute("FLUSHDB", [])

    with pytest.raises(UnknownConversation):
        await store.commit(loaded, new(next_turn(2)))

    assert await connection.execute("KEYS", [b"*"]) == []


@pytest.mark.parametrize(
    ("key", "command"),
    [
        (b"t:{anyone:1}:1", [b"SET"]),
        (b"t:{anyone:1}:1:turns", [b"SET"]),
        (b"t:{anyone:1}:1:archive", [b"SET"]),
        (b"t:{anyone:1}:1:done", [b"SET"]),
        (b"t:{anyone:1}:1:lock", [b"LPUSH"]),
    ],
)
async def test_a_key_of_another_type_is_corrupt_and_left_as_it_is(
    make_store: Callable[..., RedisTurnStore],
    connection: NativeConnection,
    key: bytes,
    command: list[bytes],
) -> None:
    store = make_store()
    await create(store, new(TURN))
    await connection.execute("DEL", [key])
    await connection.execute(command[0].decode(), [key, b"alien"])
    before = await connection.execute("DUMP", [key])

    with pytest.raises(CorruptConversation):
        await store.load(1)

    assert await connection.execute("DUMP", [key]) == before


async def test_a_turn_that_is_nonsense_is_corrupt_and_the_lock_is_let_go(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await create(store, new(TURN))
    await connection.execute("RPUSH", [b"t:{anyone:1}:1:turns", b"nonsense"])

    for _ in range(2):
        with pytest.raises(CorruptConversation):
            await store.load(1)


async def test_a_turn_is_one_load_and_one_commit(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await create(store, new(TURN))
    await store.commit(await store.load(1), new(next_turn(2)))
    connection.calls.clear()

    await store.commit(await store.load(1), new(next_turn(3)))

    assert connection.calls == ["EVALSHA", "EVALSHA"]


async def test_scripts_are_sent_again_after_redis_forgot_them(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await create(store, new(TURN))
    await connection.execute("SCRIPT", [b"FLUSH"])

    assert (await store.load(1)).turn_count == 1


async def test_a_redis_that_cannot_store_is_unavailable_and_nothing_is_half_written(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await create(store, new(TURN))
    loaded = await store.load(1)
    await connection.execute("CONFIG", [b"SET", b"maxmemory", b"1"])
    try:
        with pytest.raises(StoreUnavailable):
            await store.commit(loaded, new(next_turn(2), evicted_count=1))
    finally:
        await connection.execute("CONFIG", [b"SET", b"maxmemory", b"0"])

    await store.release(loaded)
    assert (await store.load(1)).turns == (TURN,)


# Idempotency-Keys


def result(conversation_id: int, reply: str = "r") -> TurnResult:
    return TurnResult(conversation_id, "p", "ctx", reply, None, Usage(1, 2, 3, 4, 5))


KEY = Repetition("a" * 40, "b" * 40)
OTHER_BODY = Repetition("a" * 40, "c" * 40)
STARTED = b"t:{r}:started:" + b"a" * 40


async def test_the_result_of_a_turn_is_given_again_and_no_second_turn_taken(
    make_store: Callable[..., RedisTurnStore],
) -> None:
    store = make_store()
    await create(store, new(TURN))
    loaded = await store.load(1, repetition=KEY)
    await store.commit(loaded, new(next_turn(2)), Done(KEY, result(1)))

    assert await answer_of(store.load(1, repetition=KEY)) == result(1)
    assert (await store.load(1)).turn_count == 2, "and it locks nothing"


async def test_a_key_with_another_body_is_refused(
    make_store: Callable[..., RedisTurnStore],
) -> None:
    store = make_store()
    await create(store, new(TURN))
    await store.commit(await store.load(1), new(next_turn(2)), Done(KEY, result(1)))

    with pytest.raises(KeyReused):
        await store.load(1, repetition=OTHER_BODY)


async def test_the_last_100_results_are_kept(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await create(store, new(TURN))
    for number in range(2, 105):
        done = Done(Repetition(f"{number:040}", "b" * 40), result(1, str(number)))
        await store.commit(await store.load(1), new(next_turn(number)), done)

    assert await connection.execute("HLEN", [b"t:{anyone:1}:1:done"]) == [100]
    fifth = Repetition(f"{5:040}", "b" * 40)
    assert await answer_of(store.load(1, repetition=fifth)) == result(1, "5")
    assert (await store.load(1, repetition=Repetition(f"{4:040}", "b" * 40))).turn_count == 104


async def test_a_new_conversations_key_leads_to_it_until_it_is_gone(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await store.admit(KEY)
    with pytest.raises(ConversationBusy):
        await make_store("two").admit(KEY)
    started = Conversation(1, anyone(1), "ctx", 0, 0, 0, ())
    await store.create(started, new(TURN), Done(KEY, result(1)))

    assert await answer_of(make_store("two").admit(KEY)) == result(1)
    with pytest.raises(KeyReused):
        await store.admit(OTHER_BODY)
    await make_store(rate_tag="{other}").admit(OTHER_BODY)  # another caller's key
    await connection.execute("DEL", [b"t:{anyone:1}:1:done"])
    with pytest.raises(UnknownConversation):
        await store.admit(KEY)


async def test_a_new_conversation_that_failed_may_be_tried_again(
    make_store: Callable[..., RedisTurnStore],
) -> None:
    await make_store().admit(KEY)

    await make_store("two").dismiss(KEY)
    with pytest.raises(ConversationBusy):
        await make_store("two").admit(KEY)
    await make_store().dismiss(KEY)

    await make_store("two").admit(KEY)


@pytest.mark.parametrize("is_first", [True, False], ids=["the first", "the second"])
async def test_of_two_starts_with_one_key_that_which_is_stored_first_counts(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection, is_first: bool
) -> None:
    """The second request comes after the note that the first one runs has expired."""
    stores = [make_store("one"), make_store("two")]
    for store in stores:
        await store.admit(KEY)
        await connection.execute("DEL", [STARTED])
    await stores[1].admit(KEY)
    ids = [await store.next_id() for store in stores]
    started = [Conversation(taken, anyone(taken), "ctx", 0, 0, 0, ()) for taken in ids]
    winner, loser = (0, 1) if is_first else (1, 0)
    await stores[winner].create(started[winner], new(TURN), Done(KEY, result(ids[winner])))

    with pytest.raises(ConversationBusy):
        await stores[loser].create(started[loser], new(TURN), Done(KEY, result(ids[loser])))
    await stores[loser].dismiss(KEY)

    assert await connection.execute(
        "EXISTS", [f"t:{anyone(ids[loser])}:{ids[loser]}".encode()]
    ) == [0]
    assert await answer_of(make_store("three").admit(KEY)) == result(ids[winner])


async def test_a_start_is_noted_as_running_for_longer_than_its_turn_may_take(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    await make_store(lock_ms=5000).admit(KEY)

    left_ms = (await connection.execute("PTTL", [STARTED]))[0]
    assert isinstance(left_ms, int)
    assert 5000 + SPARE_MS - 1000 <= left_ms <= 5000 + SPARE_MS


# limits


async def buckets(connection: NativeConnection, key: bytes) -> dict[int, int]:
    flat = await connection.execute("HGETALL", [key])
    numbers = [int(value) for value in flat if isinstance(value, bytes)]
    return dict(zip(numbers[::2], numbers[1::2], strict=True))


async def put_turns(connection: NativeConnection, key: bytes, seconds_ago: dict[int, int]) -> None:
    now = (await connection.execute("TIME", []))[0]
    assert isinstance(now, bytes)
    for ago, count in seconds_ago.items():
        await connection.execute("HSET", [key, int(now) - ago, count])


async def test_a_caller_has_as_many_turns_as_the_limit(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store(limits=(3, 0))
    await create(store, new(TURN))
    for remaining in (2, 1, 0):
        await store.release(await store.load(1))
        assert store.quota is not None
        assert (store.quota.limit, store.quota.remaining) == (3, remaining)

    with pytest.raises(LimitExceeded, match="you may take 3 turns a minute") as refused:
        await store.load(1)

    assert refused.value.quota == Quota(3, 0, store.quota.reset_s if store.quota else 0)
    assert sum((await buckets(connection, b"t:{r}:rate")).values()) == 3, (
        "a refused turn does not count"
    )
    with pytest.raises(LimitExceeded):
        await store.admit(None)
    assert (await make_store(limits=(3, 0), rate_tag="{other}").load(1)).turn_count == 1


async def test_new_conversations_count_too(make_store: Callable[..., RedisTurnStore]) -> None:
    store = make_store(limits=(2, 0))

    await store.admit(None)
    await store.admit(None)

    with pytest.raises(LimitExceeded):
        await store.admit(None)


@pytest.mark.parametrize(
    ("seconds_ago", "wait_s"),
    [
        pytest.param({10: 3}, 51, id="until that second is over a minute ago"),
        pytest.param({60: 1, 5: 2}, 1, id="the oldest leaves first"),
        pytest.param({61: 3, 70: 9}, 0, id="what is over a minute ago does not count"),
        pytest.param({40: 1, 20: 4}, 41, id="more than the limit, after it was lowered"),
        pytest.param({40: 2, 30: 0}, 0, id="one under the limit"),
    ],
)
async def test_the_window_slides(
    make_store: Callable[..., RedisTurnStore],
    connection: NativeConnection,
    seconds_ago: dict[int, int],
    wait_s: int,
) -> None:
    await put_turns(connection, b"t:{r}:rate", seconds_ago)
    store = make_store(limits=(3, 0))

    if wait_s == 0:
        await store.admit(None)
    else:
        with pytest.raises(LimitExceeded) as refused:
            await store.admit(None)
        assert wait_s - 1 <= refused.value.quota.reset_s <= wait_s


async def test_seconds_that_do_not_count_any_more_are_removed(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    await put_turns(connection, b"t:{r}:rate", {100: 1, 62: 1, 30: 1})

    await make_store(limits=(9, 0)).admit(None)

    assert sorted((await buckets(connection, b"t:{r}:rate")).values()) == [1, 1]
    assert await connection.execute("TTL", [b"t:{r}:rate"]) == [61]


async def test_all_together_have_a_limit(make_store: Callable[..., RedisTurnStore]) -> None:
    await make_store(limits=(5, 2), rate_tag="{a}").admit(None)
    await make_store(limits=(5, 2), rate_tag="{b}").admit(None)

    with pytest.raises(LimitExceeded, match="this service takes 2 turns a minute"):
        await make_store(limits=(5, 2), rate_tag="{c}").admit(None)


async def test_trying_ids_counts_and_a_busy_conversation_does_not(
    make_store: Callable[..., RedisTurnStore],
) -> None:
    one, two = make_store("one", limits=(2, 0)), make_store("two", limits=(2, 0))
    await create(one, new(TURN))
    await one.load(1)
    for _ in range(5):
        with pytest.raises(ConversationBusy):
            await two.load(1)
    with pytest.raises(UnknownConversation):
        await two.load(99)

    with pytest.raises(LimitExceeded):
        await two.load(99)


# owners


async def test_an_owners_conversation_is_under_its_key_and_in_its_list(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store(owner=OWNER)
    await create(store, new(TURN, lifetime_s=500), owner=OWNER)

    loaded = await store.load(1)
    await store.commit(loaded, new(next_turn(2), lifetime_s=900))

    assert loaded.owner == OWNER
    assert await connection.execute("ZRANGE", [b"t:{f00d}:conversations", 0, -1]) == [b"1"]
    assert await connection.execute("TTL", [b"t:{f00d}:conversations"]) == [900]
    with pytest.raises(UnknownConversation):
        await make_store(owner="{beef}").load(1)


async def test_an_owners_list_lives_as_long_as_the_last_conversation(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store(owner=OWNER)

    async def left() -> Value:
        return (await connection.execute("TTL", [b"t:{f00d}:conversations"]))[0]

    await create(store, new(TURN, lifetime_s=500), owner=OWNER)
    await create(store, new(TURN, lifetime_s=100), owner=OWNER)
    assert await left() == 500
    await create(store, new(TURN, lifetime_s=0), owner=OWNER)
    assert await left() == -1
    await create(store, new(TURN, lifetime_s=100), owner=OWNER)
    assert await left() == -1


async def test_with_a_credential_what_is_open_is_reached_too(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    await create(make_store(), new(TURN))
    store = make_store(owner=OWNER)

    loaded = await store.load(1)
    await store.commit(loaded, new(next_turn(2)))

    assert loaded.owner == anyone(1)
    assert await connection.execute("EXISTS", [b"t:{f00d}:conversations"]) == [0]


async def test_a_pinned_conversation_is_kept_by_every_turn(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await create(store, new(TURN, lifetime_s=500))
    await connection.execute("HSET", [b"t:{anyone:1}:1", b"pinned", 1])
    loaded = await store.load(1)

    await store.commit(loaded, new(next_turn(2), lifetime_s=500))

    assert loaded.is_pinned
    assert await lifetimes(connection) == [-1, -1]


async def test_several_turns_are_stored_at_once(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await create(store, new(TURN))

    await store.commit(await store.load(1), new(*map(next_turn, (2, 3, 4)), evicted_count=3))

    loaded = await store.load(1)
    assert ([turn.number for turn in loaded.turns], loaded.turn_count) == ([4], 4)
    archived = await connection.execute("LRANGE", [b"t:{anyone:1}:1:archive", 0, -1])
    assert numbers(archived) == [1, 2, 3]


# recall


async def talk(store: RedisTurnStore, *prompts: str, window: int = 2) -> None:
    """Store a conversation of these prompts, the last few of which stay in the window."""
    turns = [
        Turn(n, (Message("user", prompt),), 5, 0, 1, 1000.0 + n)
        for n, prompt in enumerate(prompts, 1)
    ]
    await create(store, new(turns[0]))
    for turn in turns[1:]:
        loaded = await store.load(1)
        shown = (*loaded.turns, turn)
        commit = new(turn)
        await store.commit(
            loaded, dataclasses.replace(commit, evicted=shown[: max(0, len(shown) - window)])
        )


async def find(store: RedisTurnStore, prompt: str) -> list[str]:
    loaded = await store.load(1, prompt_terms(prompt))
    await store.release(loaded)
    return [found.turn.shown()[0].content for found in loaded.found]


FILLER = [f"talk of w{n} and v{n}" for n in range(30)]


async def test_evicted_turns_are_found_by_their_words_the_best_first(
    make_store: Callable[..., RedisTurnStore],
) -> None:
    store = make_store()
    await talk(
        store, "my dog is Rex", *FILLER[:9], "my dogs name is Rex, a dog", *FILLER[9:], "dog"
    )

    assert (await find(store, "What is the name of my dog?"))[:3] == [
        "my dogs name is Rex, a dog",
        FILLER[9],
        "my dog is Rex",
    ], "what follows the best one may be about it"
    assert (await find(store, "What was w3?"))[0] == "talk of w3 and v3"
    assert await find(store, "thank you") == []
    assert await find(store, "unheard") == []
    assert "dog" not in await find(store, "dog"), "what is in the window is not searched"


async def test_a_neighbour_gets_a_share(make_store: Callable[..., RedisTurnStore]) -> None:
    store = make_store()
    await talk(store, *FILLER[:5], "whisky", *FILLER[5:])

    assert await find(store, "whisky") == ["whisky", FILLER[5], FILLER[4]]


async def test_a_forgotten_message_is_found_no_more(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await talk(store, "whisky", *FILLER)
    owned = RedisConversationStore(
        Redis(connection), prefix="t", fencing="x", owner=None, owners=lambda id_: [anyone(id_)]
    )

    await forget_message(owned, 1, Place(1, 0))

    assert await find(store, "whisky") == []
    index = await connection.execute("HKEYS", [b"t:{anyone:1}:1:index"])
    assert b"whiski" not in index
    assert await connection.execute("HGET", [b"t:{anyone:1}:1:index", b" count"]) == [b"28"]


async def test_what_left_the_archive_leaves_the_postings_when_its_term_comes_again(
    make_store: Callable[..., RedisTurnStore],
) -> None:
    store = make_store(archive_turns=3)
    await talk(store, *["soup"] * 10)

    assert len(await find(store, "soup")) == 3


async def index_of(connection: NativeConnection) -> dict[bytes, bytes]:
    fields = [f for f in await connection.execute("HGETALL", [b"t:{anyone:1}:1:index"]) if f]
    named = [field for field in fields if isinstance(field, bytes)]
    return dict(zip(named[::2], named[1::2], strict=True))


async def test_a_terms_postings_are_written_read_and_forgotten_in_chunks(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store(archive_turns=1000)
    await talk(store, *["soup"] * 200, "x", "y")
    owned = RedisConversationStore(
        Redis(connection), prefix="t", fencing="x", owner=None, owners=lambda id_: [anyone(id_)]
    )

    index = await index_of(connection)
    assert {b"soup", b"soup 0", b"soup 1"} <= set(index)
    assert max(map(len, index.values())) < 550
    for number in range(1, 190):
        await forget_message(owned, 1, Place(number, 0))
    found = await store.load(1, ["soup"])
    assert isinstance(found, Conversation)
    assert {f.turn.number for f in found.found} <= set(range(190, 201))
    assert len(found.found) == 11


async def test_chunks_that_left_the_archive_go_when_their_term_comes_again(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store(archive_turns=60)

    await talk(store, *["soup"] * 150, *[f"w{n}" for n in range(60)], *["soup"] * 50, "x", "y")

    assert not {b"soup 0", b"soup 1"} & set(await index_of(connection))
    assert len(await find(store, "soup")) == 12


async def test_a_search_is_in_the_load(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store = make_store()
    await talk(store, "whisky", *FILLER)
    connection.calls.clear()

    assert await find(store, "whisky")
    assert connection.calls == ["EVALSHA", "EVALSHA"], "and the release"


async def test_what_a_model_has_shown_is_known_to_all_conversations(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection
) -> None:
    store, shown = make_store(), Vocabulary(100, 17)
    first, other = [await create(store, new(next_turn(1))) for _ in range(2)]
    assert (await store.load(other)).vocabulary == Vocabulary(33)
    await store.commit(
        await store.load(first), dataclasses.replace(new(next_turn(2)), vocabulary=shown)
    )

    known = (await store.load(other)).vocabulary

    assert (known.is_large, known.pair_tokens) == (True, 17)
    await connection.execute("DEL", [b"t:model:10de1"])
    assert (await store.load(other)).vocabulary == Vocabulary(33)
    assert (await store.load(first)).vocabulary == shown, "its own is kept with it"
