"""A request whose connection to Redis breaks asks once more: nothing is lost or doubled by it."""

from collections.abc import Sequence

import pytest

from chat.core.errors import StoreUnavailable
from chat.core.messages import Commit, Conversation, Message, Turn
from chat.core.refusals import ConversationBusy
from chat.core.tokens import UNKNOWN
from chat.core.usage import TurnResult, Usage
from chat.redis.connection import Redis, Value
from chat.redis.failures import BROKEN, TOO_SLOW, RedisError
from chat.redis.scripts import COMMIT, CREATE, LOAD
from chat.redis.turns import RedisTurnStore
from chat.usecases.ports import Done, Repetition
from tests.chat.native import NativeConnection
from tests.chat.stores import OWNER, in_redis

REFUSED = "An error was signalled by the server - Connection refused"


class BreakingConnection:
    """A connection that breaks at one run of a script, once or for good, before it or behind it."""

    def __init__(
        self, connection: NativeConnection, sha1: str, *, has_run: bool, then: str = ""
    ) -> None:
        self._connection = connection
        self._sha1 = sha1.encode()
        self._has_run = has_run
        self._then = then
        self.runs_count = 0

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        if arguments[0] != self._sha1:
            return await self._connection.execute(command, arguments)
        self.runs_count += 1
        if self.runs_count > 1 and self._then:
            raise RedisError(self._then)
        if self.runs_count > 1:
            return await self._connection.execute(command, arguments)
        if self._has_run:
            await self._connection.execute(command, arguments)
        raise RedisError(f"IoError: {BROKEN}")


def over(connection: BreakingConnection | NativeConnection, fencing: str) -> RedisTurnStore:
    turns = in_redis(connection, fencing, OWNER, 0).turns
    assert isinstance(turns, RedisTurnStore)
    return turns


def turn(number: int) -> Turn:
    messages = (Message("user", f"p{number}"), Message("assistant", f"r{number}"))
    return Turn(number, messages, 5, 5, 2, 1000.0 + number)


def adding(number: int) -> Commit:
    return Commit((turn(number),), 9, 77, UNKNOWN, (), 1000.0 + number, 500)


async def begin(store: RedisTurnStore, taken: int = 0, key: str = "a") -> int:
    taken = taken or await store.next_id()
    result = TurnResult(taken, "p", "ctx", "r", None, Usage(1, 2, 3, 4, 5))
    new = Conversation(taken, OWNER, "ctx", 0, 0, 0, ())
    await store.create(new, adding(1), Done(Repetition(key * 40, "b" * 40), result))
    return taken


@pytest.mark.parametrize("has_run", [False, True])
async def test_what_is_created_is_there_once(connection: NativeConnection, has_run: bool) -> None:
    await begin(over(connection, "warm"))
    breaking = BreakingConnection(connection, CREATE.sha1, has_run=has_run)

    taken = await begin(over(breaking, "one"), taken=7, key="c")

    assert breaking.runs_count == 2
    assert (await over(connection, "two").load(taken)).turns == (turn(1),)


@pytest.mark.parametrize("has_run", [False, True])
async def test_a_turn_is_committed_once(connection: NativeConnection, has_run: bool) -> None:
    taken = await begin(over(connection, "begin"))
    warm = over(connection, "warm")
    await warm.commit(await warm.load(taken), adding(2))
    breaking = BreakingConnection(connection, COMMIT.sha1, has_run=has_run)
    store = over(breaking, "one")

    await store.commit(await store.load(taken), adding(3))

    assert breaking.runs_count == 2
    assert (await over(connection, "two").load(taken)).turns == (turn(1), turn(2), turn(3))


async def test_a_load_has_the_lock_that_it_took_before(connection: NativeConnection) -> None:
    taken = await begin(over(connection, "begin"))
    await over(connection, "warm").release(await over(connection, "warm").load(taken))
    store = over(BreakingConnection(connection, LOAD.sha1, has_run=True), "one")

    loaded = await store.load(taken)

    with pytest.raises(ConversationBusy):
        await over(connection, "two").load(taken)
    await store.commit(loaded, adding(2))
    assert (await over(connection, "two").load(taken)).turn_count == 2


@pytest.mark.parametrize("then", [REFUSED, f"IoError: {BROKEN}"])
async def test_what_may_have_been_stored_is_not_said_to_be_lost(
    connection: NativeConnection, then: str
) -> None:
    taken = await begin(over(connection, "begin"))
    warm = over(connection, "warm")
    await warm.commit(await warm.load(taken), adding(2))
    store = over(BreakingConnection(connection, COMMIT.sha1, has_run=True, then=then), "one")
    loaded = await store.load(taken)

    with pytest.raises(StoreUnavailable) as away:
        await store.commit(loaded, adding(3))

    assert "may have been stored" in away.value.promise


async def test_a_call_that_was_given_up_is_not_made_again() -> None:
    class SlowConnection:
        calls_count = 0

        async def execute(self, _: str, __: Sequence[bytes]) -> list[Value]:
            self.calls_count += 1
            raise RedisError(TOO_SLOW)

    slow = SlowConnection()
    with pytest.raises(StoreUnavailable) as away:
        await Redis(slow).run(LOAD, dict.fromkeys(LOAD.keys, "k"), **dict.fromkeys(LOAD.args, ""))

    assert slow.calls_count == 1
    assert "may have been stored" in away.value.promise
