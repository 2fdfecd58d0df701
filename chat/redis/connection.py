"""Talks to Redis: runs scripts, and turns what fails into the chat's errors."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from chat.core.errors import (
    ChatError,
    CorruptConversation,
    IdTaken,
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


class RedisError(Exception):
    """A command that failed, with the text that the host gives."""


class Connection(Protocol):
    """One connection to Redis; each call is one round trip."""

    def execute(self, command: str, arguments: Sequence[bytes | int]) -> list[Value]:
        """Run a command, and return its reply laid out flat; raises RedisError."""


OWN_ERRORS: dict[str, Callable[[], ChatError]] = {
    "CHATBUSY": ConversationBusy,
    "CHATCORRUPT": CorruptConversation,
    "CHATERASED": OwnerErased,
    "CHATLENGTH": OtherLength,
    "CHATNOMEMORY": UnknownMemory,
    "CHATNOPIN": PinNeedsOwner,
    "CHATREMEMBERED": TextRemembered,
    "CHATREUSED": KeyReused,
    "CHATTAKEN": IdTaken,
    "CHATUNKNOWN": UnknownConversation,
    "WRONGTYPE": CorruptConversation,
}
"""Codes of our scripts and of Redis, to what they mean to a caller."""


BROKEN = "broken pipe"
"""What redis-rs says of a connection that ended while it was used."""
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
"""What redis-rs or a server says, inside a longer text, and what it means to an operator."""


def parse_error(error: RedisError) -> ChatError:
    """Turn a failed command into the answer that it makes."""
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
    """Say in our words why a command failed, or a connection; a server's own are never passed on.

    Where the connection broke, the command may have been carried out before.
    """
    meaning = next((meaning for said, meaning in REFUSALS.items() if said in text), None)
    if meaning is None:
        return StoreUnavailable(is_sure=BROKEN not in text)
    return StoreUnavailable(f"the conversation store {meaning}")


class Redis:
    """Commands and scripts over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, command: str, arguments: Arguments) -> list[Value]:
        """Run a command.

        Errors: those of `parse_error`.
        """
        try:
            return self._connection.execute(command, _encode(arguments))
        except RedisError as error:
            raise parse_error(error) from error

    def get(self, command: str, arguments: Arguments) -> bytes:
        """Return the one string that a command gives; empty where there is none.

        Spin before 3.5 leaves out what is nil.
        Errors: those of `parse_error`.
        """
        reply = self.execute(command, arguments)
        return as_bytes(reply[0]) if reply else b""

    def run(
        self, script: Script, keys: Mapping[str, str], /, *tail: Argument, **arguments: Argument
    ) -> list[Value]:
        """Run a script by its name; by its text where Redis does not have it yet.

        Errors: those of `parse_error`.
        """
        operands = script.operands(keys, tail, arguments)
        try:
            return self._connection.execute("EVALSHA", _encode([script.sha1, *operands]))
        except RedisError as error:
            if "NoScriptError" not in str(error):
                raise parse_error(error) from error
        return self.execute("EVAL", [script.text, *operands])


def _encode(arguments: Arguments) -> list[bytes | int]:
    return [a.encode() if isinstance(a, str) else a for a in arguments]


def as_bytes(value: Value) -> bytes:
    """Give an element that has to be a string; nothing is empty."""
    return value if isinstance(value, bytes) else b""


def as_text(value: Value) -> str:
    """Give an element that has to be a status."""
    return value if isinstance(value, str) else ""


def as_int(value: Value) -> int:
    """Give an element that has to be a number.

    Errors: CorruptConversation.
    """
    if not isinstance(value, int):
        raise CorruptConversation
    return value
