"""Clean-ups: what they remove, and that they go on where they ended."""

from collections.abc import AsyncIterator, Callable

import pytest

from chat.core.errors import StoreUnavailable
from chat.redis.cleaner import RedisCleaner
from chat.redis.connection import Redis
from chat.redis.keys import conversation_keys, conversations_key
from chat.redis.turns import RedisTurnStore
from chat.usecases.clean_up import Cleaned, clean_up
from tests.chat.native import NativeConnection
from tests.chat.test_memories import ADA, BREAD, memory, of, redis_memory
from tests.chat.test_redis_turns import create, find, new, next_turn, talk

OWNERS = [f"{{{number:040x}}}" for number in range(30)]


@pytest.fixture
def cleaner(connection: NativeConnection) -> RedisCleaner:
    return RedisCleaner(Redis(connection), "t", None)


async def put_lists(connection: NativeConnection) -> None:
    """List two conversations of each owner, of which one has expired."""
    for number, owner in enumerate(OWNERS, 1):
        await connection.execute("HSET", [f"t:{owner}:{number}".encode(), b"context", b"c"])
        listed = f"t:{owner}:conversations".encode()
        await connection.execute("ZADD", [listed, 1, str(number).encode(), 2, b"9999"])


async def test_expired_conversations_leave_the_lists_of_all_owners(
    connection: NativeConnection, cleaner: RedisCleaner
) -> None:
    await put_lists(connection)

    removed = await clean_up(cleaner.steps, cleaner, lambda: False)

    assert removed == (Cleaned(listed=len(OWNERS)), True)
    for number, owner in enumerate(OWNERS, 1):
        left = await connection.execute("ZRANGE", [f"t:{owner}:conversations".encode(), 0, -1])
        assert left == [str(number).encode()]
    assert await clean_up(cleaner.steps, cleaner, lambda: False) == (Cleaned(), True)


async def test_expired_conversations_leave_the_lists_of_namespaces_and_count_once(
    connection: NativeConnection, cleaner: RedisCleaner
) -> None:
    await put_lists(connection)
    of_chef = conversations_key("t", OWNERS[0], "chef").encode()
    await connection.execute("ZADD", [of_chef, 1, b"1", 2, b"9999"])

    removed = await clean_up(cleaner.steps, cleaner, lambda: False)

    assert removed == (Cleaned(listed=len(OWNERS)), True)
    assert await connection.execute("ZRANGE", [of_chef, 0, -1]) == [b"1"]


async def test_the_index_of_memories_is_none_of_a_conversation(
    connection: NativeConnection, cleaner: RedisCleaner
) -> None:
    store = redis_memory(connection, ADA)
    await store.add([memory("1.1.0", BREAD), of("chef", "2.1.0", BREAD)])

    removed = await clean_up(cleaner.steps, cleaner, lambda: False)

    assert removed == (Cleaned(), True)
    for namespace in (None, "chef"):
        found = await store.search(BREAD, count=9, max_distance=0, namespace=namespace, by="words")
        assert len(found) == 1


async def test_a_clean_up_that_ran_out_of_time_goes_on_where_it_ended(
    connection: NativeConnection, cleaner: RedisCleaner
) -> None:
    await put_lists(connection)
    for number in range(2000):
        await connection.execute("SET", [f"t:{{x}}:{number}:nothing".encode(), b""])
    removed, rounds, is_complete = Cleaned(), 0, False

    while not is_complete:
        more, is_complete = await clean_up(cleaner.steps, cleaner, lambda: True)
        removed += more
        rounds += 1

    assert removed == Cleaned(listed=len(OWNERS))
    assert rounds > 5
    assert await cleaner.load() == ""


async def test_a_step_that_failed_is_taken_again(cleaner: RedisCleaner) -> None:
    async def steps(place: str) -> AsyncIterator[tuple[Cleaned, str]]:
        if place == "":
            yield Cleaned(listed=1), "7"
            raise StoreUnavailable("away")
        assert place == "7"
        yield Cleaned(listed=2), ""

    with pytest.raises(StoreUnavailable):
        await clean_up(steps, cleaner, lambda: False)
    assert await clean_up(steps, cleaner, lambda: False) == (Cleaned(listed=2), True)


async def test_turns_that_left_the_archive_leave_the_index(
    make_store: Callable[..., RedisTurnStore], connection: NativeConnection, cleaner: RedisCleaner
) -> None:
    store = make_store(archive_turns=5)
    taken = await create(store, new(next_turn(1)))
    await talk(store, *(f"unicorn{number} horse" for number in range(200)))
    index = conversation_keys("t", f"{{anyone:{taken}}}", taken)["index"].encode()
    before = (await connection.execute("HLEN", [index]))[0]

    removed, is_complete = await clean_up(cleaner.steps, cleaner, lambda: False)

    after = (await connection.execute("HLEN", [index]))[0]
    assert is_complete
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert removed.postings > 190
    assert after < before / 10
    assert await find(store, "horse"), "what is still there is found"
    assert await find(store, "unicorn5") == []
    assert (await clean_up(cleaner.steps, cleaner, lambda: False))[0] == Cleaned()
