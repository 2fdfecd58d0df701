"""Talks to Redis: runs commands and scripts, and turns their failures into the chat's errors."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from chat.core.errors import (
    ChatError,
    CorruptConversation,
    IdTaken,
    NewerSchema,
    OtherLength,
    StoreUnavailable,
    TurnsLost,
)
from chat.core.refusals import (
    ConversationBusy,
    KeyReused,
    LimitExceeded,
    OwnerErased,
    PinNeedsOwner,
    StorageFull,
    TextRemembered,
    UnknownConversation,
    UnknownMemory,
)
from chat.redis.script import Argument, Script

Value = bytes | int | str | None
"""One element of a flat Redis reply."""

Arguments = Sequence[Argument]
"""The arguments of a command."""
Ask = Callable[[], Awaitable[list[Value]]]


class RedisError(Exception):
    """A command failed; the error has the host's text."""


class Connection(Protocol):
    """One connection to Redis; each call is one round trip."""

    async def execute(self, command: str, arguments: Sequence[bytes]) -> list[Value]:
        """Run a command, and return its reply as one flat list.

        Errors: RedisError.
        """


OWN_ERRORS: dict[str, Callable[[], ChatError]] = {
    "CHATBUSY": ConversationBusy,
    "CHATCORRUPT": CorruptConversation,
    "CHATERASED": OwnerErased,
    "CHATLENGTH": OtherLength,
    "CHATNEWER": NewerSchema,
    "CHATNOMEMORY": UnknownMemory,
    "CHATNOPIN": PinNeedsOwner,
    "CHATREMEMBERED": TextRemembered,
    "CHATREUSED": KeyReused,
    "CHATTAKEN": IdTaken,
    "CHATUNKNOWN": UnknownConversation,
    "WRONGTYPE": CorruptConversation,
}
"""The error that a caller gets, by the code of our scripts or of Redis."""


BROKEN = "broken pipe"
"""What redis-rs says when a connection ends while it is used."""
TOO_SLOW = f"no answer in time: {BROKEN}"
"""What is said of a call that was given up: as if its connection broke, it may have run."""
LOGIN = "refuses the login: see `redis_username` and `redis_password`"
REFUSALS = {
    "AuthenticationFailed": LOGIN,
    "NOAUTH": LOGIN,
    "unauthenticated": LOGIN,
    "WRONGPASS": LOGIN,
    "NOPERM": "does not allow its user what the chat needs",
    "switch database": "does not have the database of `redis_database`",
    "OOM": "is full",
    "ReadOnly": "is read-only",
    "READONLY": "is read-only",
    "MISCONF": "cannot save to its disk",
    "BusyLoadingError": "is still loading what it has saved",
    "Connection refused": "does not answer: nothing listens at `redis_address`",
    "failed to lookup": "does not answer: nobody knows the host name of `redis_address`",
}
"""What a failure means to an operator, by a part of the text of redis-rs or of the server."""


def parse_error(error: RedisError) -> ChatError:
    """Return the chat's error for a failed command."""
    code, _, rest = str(error).partition(":")
    if code in OWN_ERRORS:
        return OWN_ERRORS[code]()
    if code == "CHATLIMITED":
        whose, limit, wait_s = rest.split()
        return LimitExceeded(int(limit), int(wait_s), whose)
    if code == "CHATFULL":
        what, most = rest.split()
        return StorageFull(what, int(most))
    if code == "CHATLOST":
        return TurnsLost(int(rest))
    return parse_failure(str(error))


def parse_failure(text: str) -> StoreUnavailable:
    """Return why a command or a connection failed, in our words; the server's are not passed on.

    If the connection broke, the command may have been carried out before.
    """
    meaning = next((meaning for said, meaning in REFUSALS.items() if said in text), None)
    if meaning is None:
        return StoreUnavailable(is_sure=BROKEN not in text)
    return StoreUnavailable(f"the conversation store {meaning}")


class Redis:
    """Commands and scripts over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
        ask = partial(self._evaluate, script, script.operands(keys, tail, arguments))
        return await _asked(ask, is_repeatable=script.is_repeatable)

    async def _evaluate(self, script: Script, operands: Sequence[Argument]) -> list[Value]:
        """Run a script by its hash; if Redis does not have the script yet, by its text.

        Errors: RedisError.
        """
        try:
            return await self._connection.execute("EVALSHA", _encode([script.sha1, *operands]))
        except RedisError as error:
            if "NoScriptError" not in str(error):
                raise
        return await self._connection.execute("EVAL", _encode([script.text, *operands]))


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
