"""Keeps conversations in Redis."""

import json
from collections.abc import Sequence
from typing import Protocol

from chat.errors import (
    ChatError,
    ConversationBusy,
    CorruptConversation,
    StoreUnavailable,
    UnknownConversation,
)
from chat.keys import ConversationKeys, anyone, conversation_keys, next_id_key
from chat.messages import Conversation, NewTurn, Turn
from chat.scripts import COMMIT, CREATE, LOAD, RELEASE, Script

Value = bytes | int | str | None
"""One element of a flat Redis reply."""


Arguments = Sequence[bytes | int]
"""The arguments of a command."""


class RedisError(Exception):
    """A command that failed, with the text that the host gives."""


class Connection(Protocol):
    """One connection to Redis; each call is one round trip."""

    def execute(self, command: str, arguments: Arguments) -> list[Value]:
        """Run a command, and return its reply laid out flat; raises RedisError."""


OWN_ERRORS: dict[
    str, type[ConversationBusy] | type[CorruptConversation] | type[UnknownConversation]
] = {
    "CHATUNKNOWN": UnknownConversation,
    "CHATBUSY": ConversationBusy,
    "CHATCORRUPT": CorruptConversation,
    "WRONGTYPE": CorruptConversation,
}
"""Codes of `chat.scripts` and of Redis, to what they mean to a caller."""


def parse_error(error: RedisError) -> ChatError:
    """Turn a failed command into the answer that it makes; a server's text is never passed on."""
    code = str(error).partition(":")[0]
    if code in OWN_ERRORS:
        return OWN_ERRORS[code]()
    return StoreUnavailable("the conversation store is not available; nothing was stored")


def render_turn(turn: Turn) -> bytes:
    """Render a turn as one list element."""
    fields = {
        "n": turn.number,
        "prompt": turn.prompt,
        "reply": turn.reply,
        "prompt_tokens": turn.prompt_tokens,
        "reply_tokens": turn.reply_tokens,
        "at": turn.at,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def parse_turns(data: bytes) -> tuple[Turn, ...]:
    """Parse a JSON list of rendered turns.

    Errors: CorruptConversation.
    """
    try:
        return tuple(
            Turn(
                number=int(fields["n"]),
                prompt=str(fields["prompt"]),
                reply=str(fields["reply"]),
                prompt_tokens=int(fields["prompt_tokens"]),
                reply_tokens=int(fields["reply_tokens"]),
                at=float(fields["at"]),
            )
            for fields in json.loads(data)
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptConversation from error


def parse_conversation(conversation_id: int, reply: Sequence[Value]) -> Conversation:
    """Parse what `LOAD` gives.

    Errors: CorruptConversation.
    """
    context, context_tokens, turn_count, active_at, turns = (
        value if isinstance(value, bytes) else b"" for value in reply
    )
    try:
        return Conversation(
            id=conversation_id,
            context=context.decode(),
            context_tokens=int(context_tokens),
            turn_count=int(turn_count),
            turns=parse_turns(turns),
            active_at=float(active_at),
        )
    except ValueError as error:
        raise CorruptConversation from error


class RedisStore:
    """The `ConversationStore` port over one connection, for one request."""

    def __init__(
        self, connection: Connection, *, prefix: str, fencing: str, lock_ms: int, archive_turns: int
    ) -> None:
        """Take a connection and the request's random `fencing` value."""
        self._connection = connection
        self._prefix = prefix
        self._fencing = fencing.encode()
        self._lock_ms = lock_ms
        self._archive_turns = archive_turns

    def _keys(self, conversation_id: int) -> ConversationKeys:
        return conversation_keys(self._prefix, anyone(conversation_id), conversation_id)

    def _execute(self, command: str, arguments: Arguments) -> list[Value]:
        try:
            return self._connection.execute(command, arguments)
        except RedisError as error:
            raise parse_error(error) from error

    def _run(self, script: Script, keys: Sequence[str], arguments: Arguments) -> list[Value]:
        """Run a script by its name; by its text where Redis does not have it yet."""
        operands = [len(keys), *(key.encode() for key in keys), *arguments]
        try:
            return self._connection.execute("EVALSHA", [script.sha1.encode(), *operands])
        except RedisError as error:
            if "NoScriptError" not in str(error):
                raise parse_error(error) from error
        return self._execute("EVAL", [script.text.encode(), *operands])

    def load(self, conversation_id: int) -> Conversation:
        """Load and lock, in one round trip."""
        keys = self._keys(conversation_id)
        reply = self._run(LOAD, _four(keys), [self._fencing, self._lock_ms])
        try:
            return parse_conversation(conversation_id, reply)
        except CorruptConversation:
            self.release(conversation_id)
            raise

    def create(self, context: str, new: NewTurn) -> int:
        """Take the next id and store: two round trips, as the counter is in another slot."""
        taken = self._execute("INCR", [next_id_key(self._prefix).encode()])
        conversation_id = taken[0]
        if not isinstance(conversation_id, int):
            raise CorruptConversation
        keys = self._keys(conversation_id)
        arguments: Arguments = [
            context.encode(),
            new.context_tokens,
            render_turn(new.turn),
            repr(new.turn.at).encode(),
            new.lifetime_s,
        ]
        self._run(CREATE, [keys.conversation, keys.turns], arguments)
        return conversation_id

    def commit(self, loaded: Conversation, new: NewTurn) -> None:
        """Append, evict and unlock, in one round trip."""
        arguments: Arguments = [
            self._fencing,
            loaded.turn_count,
            render_turn(new.turn),
            new.context_tokens,
            repr(new.turn.at).encode(),
            new.evicted_count,
            self._archive_turns,
            new.lifetime_s,
        ]
        self._run(COMMIT, _four(self._keys(loaded.id)), arguments)

    def release(self, conversation_id: int) -> None:
        """Unlock, if the lock is still this request's."""
        self._run(RELEASE, [self._keys(conversation_id).lock], [self._fencing])

    def ping(self) -> None:
        """Ask Redis for a sign of life."""
        self._execute("PING", [])


def _four(keys: ConversationKeys) -> list[str]:
    return [keys.conversation, keys.turns, keys.archive, keys.lock]
