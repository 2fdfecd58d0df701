"""Talks to Redis: runs commands and scripts, and turns their failures into the chat's errors."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Generic, NamedTuple, Protocol, TypeVar

from chat.core.errors import CorruptConversation, NotReplicated, StoreUnavailable
from chat.core.limits import Replicas
from chat.redis.failures import BROKEN, TOO_SLOW, RedisError, parse_error
from chat.redis.script import Argument, Script

Value = bytes | int | str | None
"""One element of a flat Redis reply."""

Arguments = Sequence[Argument]
"""The arguments of a command."""
Ask = Callable[[], Awaitable[list[Value]]]
Outcome = TypeVar("Outcome")


class Begun(Generic[Outcome]):
    """What is asked beside something else: here behind it, since a call of the host blocks."""

    def __init__(self, act: Callable[[], Awaitable[Outcome]]) -> None:
        self._act = act

    async def result(self) -> Outcome:
        """Return what it came to.

        Errors: those of what is asked.
        """
        return await self._act()

    async def result_within(self, seconds: float) -> Outcome:
        """Return what it came to, so long after it was begun at most if the host can tell.

        Errors: NodeAway behind that, and those of what is asked.
        """
        del seconds
        return await self.result()

    async def is_done(self) -> bool:
        """Whether it was done although nobody asked for its result."""
        return False


class Connection(Protocol):
    """One connection to Redis; each call is one round trip."""

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        """Run a command, and return its reply as one flat list.

        Errors: RedisError, StoreUnavailable.
        """


class Share(NamedTuple):
    """What one server has of the keys: `slots` are its, and keys with the `tag` go there.

    Both are empty if one server has all.
    """

    way: "Way"
    tag: str = ""
    slots: str = ""


class Way:
    """A way to Redis, with all its servers. As it stands, to one server by one connection."""

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        """Run a command, as a `Connection` does."""
        raise NotImplementedError

    async def nodes(self) -> "Mapping[str, Way]":
        """Return the ways to each server that has keys, by its name, in the names' order.

        Errors: StoreUnavailable.
        """
        return {"": self}

    async def shares(self) -> Sequence[Share]:
        """Return what each server has of the keys, without asking whether it answers.

        Errors: StoreUnavailable if none of them says so.
        """
        return [Share(self)]

    def begin(self, act: Callable[[], Awaitable[Outcome]]) -> Begun[Outcome]:
        """Ask something beside what is asked next, if the host can do both at once."""
        return Begun(act)

    @asynccontextmanager
    async def alone(self) -> "AsyncIterator[Way]":
        """Yield a way whose connections nobody else uses meanwhile.

        Errors: StoreUnavailable.
        """
        yield self


WAIT = "WAIT"


class OneConnection(Way):
    """The way to one server over a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        """Run a command."""
        return await self._connection.execute(command, arguments)


class Redis:
    """Commands and scripts over one connection, or another way to Redis."""

    def __init__(self, connection: Connection) -> None:
        way = connection if isinstance(connection, Way) else OneConnection(connection)
        self._connection = way
        self.begin = way.begin
        self.shares = way.shares

    async def nodes(self) -> "Mapping[str, Redis]":
        """Return every server that has keys by itself, by its name, in the names' order.

        Errors: StoreUnavailable.
        """
        return {name: Redis(node) for name, node in (await self._connection.nodes()).items()}

    async def execute(self, command: str, arguments: Arguments) -> list[Value]:
        """Run a command that may be run twice, as all plain commands here may.

        Errors: those of `parse_error`.
        """
        ask = partial(self._connection.execute, command, _encode(arguments))
        return await _asked(ask, is_repeatable=True)

    async def get(self, command: str, arguments: Arguments) -> bytes:
        """Return the one string in a command's reply; empty if there is none.

        Spin before 3.5 leaves nil out of a reply.
        Errors: those of `parse_error`.
        """
        reply = await self.execute(command, arguments)
        return as_bytes(reply[0]) if reply else b""

    async def run(
        self, script: Script, keys: Mapping[str, str], /, *tail: Argument, **arguments: Argument
    ) -> list[Value]:
        """Run a script; once more, if the connection broke and the script allows that.

        Errors: those of `parse_error`.
        """
        operands = script.operands(keys, tail, arguments)
        ask = partial(_evaluate, self._connection, script, operands)
        return await _asked(ask, is_repeatable=script.is_repeatable)

    async def run_replicated(
        self,
        replicas: Replicas,
        script: Script,
        keys: Mapping[str, str],
        /,
        *tail: Argument,
        **arguments: Argument,
    ) -> list[Value]:
        """Run a script that writes, in one round trip; wait for the replicas in another one.

        Errors: NotReplicated if too few have what was written, and those of `parse_error`.
        """
        if not replicas.count:
            return await self.run(script, keys, *tail, **arguments)
        operands = script.operands(keys, tail, arguments)

        async def ask() -> list[Value]:
            async with self._connection.alone() as own:
                reply = await _evaluate(own, script, operands)
                await _await_replicas(own, replicas)
                return reply

        return await _asked(ask, is_repeatable=script.is_repeatable)


async def _evaluate(connection: Way, script: Script, operands: Sequence[Argument]) -> list[Value]:
    """Run a script by its hash; if Redis does not have the script yet, by its text.

    Errors: RedisError.
    """
    try:
        return await connection.execute("EVALSHA", _encode([script.sha1, *operands]))
    except RedisError as error:
        if "NoScriptError" not in str(error):
            raise
    return await connection.execute("EVAL", _encode([script.text, *operands]))


async def _await_replicas(connection: Way, replicas: Replicas) -> None:
    """Wait until replicas have what this connection wrote last.

    Errors: NotReplicated; RedisError if the connection broke.
    """
    try:
        reply = await connection.execute(WAIT, _encode([replicas.count, replicas.wait_ms]))
    except RedisError as error:
        if BROKEN in str(error):
            raise
        raise NotReplicated from error  # it is a replica by now
    if as_int(reply[0]) < replicas.count:
        raise NotReplicated


async def _asked(ask: Ask, *, is_repeatable: bool) -> list[Value]:
    """Ask Redis; once more, if the connection broke: one that was open for long may be stale.

    Errors: those of `parse_error`.
    """
    try:
        return await ask()
    except RedisError as error:
        is_broken = BROKEN in str(error) and str(error) != TOO_SLOW
        if not (is_repeatable and is_broken):
            raise parse_error(error) from error
    return await _asked_again(ask)


async def _asked_again(ask: Ask) -> list[Value]:
    """Ask for what may have been done already: a store that is away now may have stored it."""
    try:
        return await ask()
    except StoreUnavailable as away:
        raise StoreUnavailable(str(away), is_sure=False) from away
    except RedisError as error:
        refusal = parse_error(error)
        if isinstance(refusal, StoreUnavailable):
            refusal = StoreUnavailable(str(refusal), is_sure=False)
        raise refusal from error


def _encode(arguments: Arguments) -> list[bytes]:
    return [a if isinstance(a, bytes) else str(a).encode() for a in arguments]


def as_bytes(value: Value) -> bytes:
    """Return an element that should be a string; anything else counts as empty."""
    return value if isinstance(value, bytes) else b""


def as_text(value: Value) -> str:
    """Return an element that should be a status; anything else counts as empty."""
    return value if isinstance(value, str) else ""


def as_int(value: Value) -> int:
    """Return an element that has to be a number.

    Errors: CorruptConversation.
    """
    if not isinstance(value, int):
        raise CorruptConversation
    return value
