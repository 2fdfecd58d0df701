"""The store against a real Redis, over the host's own client."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import pytest

from chat.errors import (
    ConversationBusy,
    CorruptConversation,
    StoreUnavailable,
    UnknownConversation,
)
from chat.messages import Conversation, NewTurn, Turn
from chat.redis_store import RedisError, RedisStore, Value, parse_turns, render_turn
from host.redis import flatten
from host.resp import Connection, parse_address
from host.values import Err
from tests.running import RunningRedis

TURN = Turn(1, "Hi 你好 }{", 'A "reply"\n\x00', 12, 7, 1700000000.25)


class NativeConnection:
    """The store's `Connection` port without a guest: what the host would answer it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.calls: list[str] = []

    def execute(self, command: str, arguments: Sequence[bytes | int]) -> list[Value]:
        self.calls.append(command)
        encoded = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
        flat = flatten(self._connection.call([command.encode(), *encoded]))
        if isinstance(flat, Err):
            raise RedisError(flat.value.value)
        return [case.value for case in flat]


@pytest.fixture
def connection(shared_redis: RunningRedis) -> Iterator[NativeConnection]:
    opened = Connection(parse_address(shared_redis.address + "/5"))
    opened.call([b"FLUSHDB"])
    yield NativeConnection(opened)
    opened.close()


@pytest.fixture
def make_store(connection: NativeConnection) -> Callable[..., RedisStore]:
    def make(fencing: str = "one", lock_ms: int = 60_000, archive_turns: int = 100) -> RedisStore:
        return RedisStore(
            connection, prefix="t", fencing=fencing, lock_ms=lock_ms, archive_turns=archive_turns
        )

    return make


def new(
    turn: Turn, *, context_tokens: int = 9, evicted_count: int = 0, lifetime_s: int = 0
) -> NewTurn:
    return NewTurn(turn, context_tokens, evicted_count, lifetime_s)


def next_turn(number: int) -> Turn:
    return dataclasses.replace(TURN, number=number, prompt=f"prompt {number}")


def test_a_turn_survives_its_list_element() -> None:
    assert parse_turns(b"[" + render_turn(TURN) + b"]") == (TURN,)


@pytest.mark.parametrize(
    "data", [b"", b"7", b"[", b"[[]]", b"[{}]", b'[{"n":"x"}]', b"\xff", b"[null]"]
)
def test_what_are_no_turns_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptConversation):
        parse_turns(data)


def numbers(items: list[Value]) -> list[int]:
    """Give the numbers of rendered turns."""
    joined = b",".join(item for item in items if isinstance(item, bytes))
    return [turn.number for turn in parse_turns(b"[" + joined + b"]")]


def test_ids_increment_and_a_conversation_loads_as_created(
    make_store: Callable[..., RedisStore],
) -> None:
    store = make_store()

    first, second = (
        store.create("ctx é", new(TURN, context_tokens=9)),
        store.create("", new(TURN, context_tokens=0)),
    )

    assert (first, second) == (1, 2)
    loaded = store.load(1)
    assert (loaded.context, loaded.context_tokens, loaded.turn_count) == ("ctx é", 9, 1)
    assert loaded.turns == (TURN,)
    assert loaded.active_at == TURN.at


def lifetimes(connection: NativeConnection) -> list[Value]:
    """Give the remaining lifetimes in seconds of all keys of conversation 1."""
    keys = connection.execute("KEYS", [b"t:{anyone:1}*"])
    return [connection.execute("TTL", [key])[0] for key in keys if isinstance(key, bytes)]


def test_all_keys_of_a_conversation_have_one_lifetime_that_each_turn_renews(
    make_store: Callable[..., RedisStore], connection: NativeConnection
) -> None:
    store = make_store()
    store.create("ctx", new(TURN, lifetime_s=500))
    assert lifetimes(connection) == [500, 500]

    store.commit(store.load(1), new(next_turn(2), evicted_count=1, lifetime_s=900))
    assert lifetimes(connection) == [900, 900, 900]

    store.commit(store.load(1), new(next_turn(3), lifetime_s=0))
    assert lifetimes(connection) == [-1, -1, -1]


def test_a_conversation_that_expired_is_unknown_and_leaves_no_key(
    make_store: Callable[..., RedisStore], connection: NativeConnection
) -> None:
    store = make_store()
    store.create("ctx", new(TURN, lifetime_s=1))
    store.commit(store.load(1), new(next_turn(2), evicted_count=1, lifetime_s=1))
    while connection.execute("EXISTS", [b"t:{anyone:1}:1"]) == [1]:
        pass

    with pytest.raises(UnknownConversation):
        store.load(1)

    assert connection.execute("KEYS", [b"t:{anyone:1}*"]) == []


def test_a_commit_appends_and_moves_the_oldest_turns_to_the_archive(
    make_store: Callable[..., RedisStore], connection: NativeConnection
) -> None:
    store = make_store()
    store.create("ctx", new(TURN, context_tokens=9))
    for number in (2, 3):
        store.commit(store.load(1), new(next_turn(number), context_tokens=8, evicted_count=0))

    store.commit(store.load(1), new(next_turn(4), context_tokens=7, evicted_count=2))

    loaded = store.load(1)
    assert [turn.number for turn in loaded.turns] == [3, 4]
    assert (loaded.turn_count, loaded.context_tokens) == (4, 7)
    archived = connection.execute("LRANGE", [b"t:{anyone:1}:1:archive", 0, -1])
    assert numbers(archived) == [1, 2]
    assert connection.execute("HGET", [b"t:{anyone:1}:1", b"evicted_count"]) == [b"2"]


def test_the_archive_is_capped(
    make_store: Callable[..., RedisStore], connection: NativeConnection
) -> None:
    store = make_store(archive_turns=2)
    store.create("ctx", new(TURN, context_tokens=9))
    for number in range(2, 7):
        store.commit(store.load(1), new(next_turn(number), context_tokens=9, evicted_count=1))

    archived = connection.execute("LRANGE", [b"t:{anyone:1}:1:archive", 0, -1])
    assert numbers(archived) == [4, 5]


def test_an_unknown_conversation_is_not_created_by_asking(
    make_store: Callable[..., RedisStore], connection: NativeConnection
) -> None:
    with pytest.raises(UnknownConversation):
        make_store().load(7)

    assert connection.execute("KEYS", [b"*"]) == []


def test_a_second_turn_is_refused_while_one_runs(make_store: Callable[..., RedisStore]) -> None:
    one, two = make_store("one"), make_store("two")
    one.create("ctx", new(TURN, context_tokens=9))
    loaded = one.load(1)

    with pytest.raises(ConversationBusy):
        two.load(1)

    two.release(1)
    with pytest.raises(ConversationBusy):
        two.load(1)
    one.commit(loaded, new(next_turn(2), context_tokens=9, evicted_count=0))
    assert two.load(1).turn_count == 2


def test_a_release_lets_the_next_turn_in(make_store: Callable[..., RedisStore]) -> None:
    one, two = make_store("one"), make_store("two")
    one.create("ctx", new(TURN, context_tokens=9))
    one.load(1)

    one.release(1)

    assert two.load(1).turn_count == 1


def test_a_late_commit_does_not_write_over_a_newer_turn(
    make_store: Callable[..., RedisStore],
) -> None:
    late, other = make_store("late", lock_ms=1), make_store("other")
    late.create("ctx", new(TURN, context_tokens=9))
    loaded = late.load(1)
    newer = wait_for_lock(other)

    with pytest.raises(ConversationBusy):
        late.commit(loaded, new(next_turn(2), context_tokens=9, evicted_count=0))

    other.commit(newer, new(next_turn(2), context_tokens=9, evicted_count=0))
    with pytest.raises(ConversationBusy):
        late.commit(loaded, new(next_turn(2), context_tokens=9, evicted_count=0))
    assert other.load(1).turn_count == 2


def wait_for_lock(store: RedisStore) -> Conversation:
    while True:
        try:
            return store.load(1)
        except ConversationBusy:
            continue


def test_a_commit_after_its_lock_ran_out_counts_if_no_turn_came_between(
    make_store: Callable[..., RedisStore], connection: NativeConnection
) -> None:
    late = make_store("late", lock_ms=1)
    late.create("ctx", new(TURN, context_tokens=9))
    loaded = late.load(1)
    while connection.execute("EXISTS", [b"t:{anyone:1}:1:lock"]) == [1]:
        pass

    late.commit(loaded, new(next_turn(2), context_tokens=9, evicted_count=0))

    assert make_store().load(1).turn_count == 2


def test_a_commit_to_a_deleted_conversation_brings_nothing_back(
    make_store: Callable[..., RedisStore], connection: NativeConnection
) -> None:
    store = make_store()
    store.create("ctx", new(TURN, context_tokens=9))
    loaded = store.load(1)
    connection.execute("FLUSHDB", [])

    with pytest.raises(UnknownConversation):
        store.commit(loaded, new(next_turn(2), context_tokens=9, evicted_count=0))

    assert connection.execute("KEYS", [b"*"]) == []


@pytest.mark.parametrize(
    ("key", "command"),
    [
        (b"t:{anyone:1}:1", [b"SET"]),
        (b"t:{anyone:1}:1:turns", [b"SET"]),
        (b"t:{anyone:1}:1:archive", [b"SET"]),
        (b"t:{anyone:1}:1:lock", [b"LPUSH"]),
    ],
)
def test_a_key_of_another_type_is_corrupt_and_left_as_it_is(
    make_store: Callable[..., RedisStore],
    connection: NativeConnection,
    key: bytes,
    command: list[bytes],
) -> None:
    store = make_store()
    store.create("ctx", new(TURN, context_tokens=9))
    connection.execute("DEL", [key])
    connection.execute(command[0].decode(), [key, b"alien"])
    before = connection.execute("DUMP", [key])

    with pytest.raises(CorruptConversation):
        store.load(1)

    assert connection.execute("DUMP", [key]) == before


def test_a_turn_that_is_nonsense_is_corrupt_and_the_lock_is_let_go(
    make_store: Callable[..., RedisStore], connection: NativeConnection
) -> None:
    store = make_store()
    store.create("ctx", new(TURN, context_tokens=9))
    connection.execute("RPUSH", [b"t:{anyone:1}:1:turns", b"nonsense"])

    for _ in range(2):
        with pytest.raises(CorruptConversation):
            store.load(1)


def test_a_turn_is_one_load_and_one_commit(
    make_store: Callable[..., RedisStore], connection: NativeConnection
) -> None:
    store = make_store()
    store.create("ctx", new(TURN, context_tokens=9))
    store.commit(store.load(1), new(next_turn(2), context_tokens=9, evicted_count=0))
    connection.calls.clear()

    store.commit(store.load(1), new(next_turn(3), context_tokens=9, evicted_count=0))

    assert connection.calls == ["EVALSHA", "EVALSHA"]


def test_scripts_are_sent_again_after_redis_forgot_them(
    make_store: Callable[..., RedisStore], connection: NativeConnection
) -> None:
    store = make_store()
    store.create("ctx", new(TURN, context_tokens=9))
    connection.execute("SCRIPT", [b"FLUSH"])

    assert store.load(1).turn_count == 1


def test_a_redis_that_cannot_store_is_unavailable_and_nothing_is_half_written(
    make_store: Callable[..., RedisStore], connection: NativeConnection
) -> None:
    store = make_store()
    store.create("ctx", new(TURN, context_tokens=9))
    loaded = store.load(1)
    connection.execute("CONFIG", [b"SET", b"maxmemory", b"1"])
    try:
        with pytest.raises(StoreUnavailable):
            store.commit(loaded, new(next_turn(2), context_tokens=9, evicted_count=1))
    finally:
        connection.execute("CONFIG", [b"SET", b"maxmemory", b"0"])

    store.release(1)
    assert store.load(1).turns == (TURN,)
