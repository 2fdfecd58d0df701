"""The names of all Redis keys.

    <prefix>:next_id             string  the counter behind the incrementing id
    <prefix>:<owner>:<id>          hash    context, context_tokens, created_at, active_at,
                                           turn_count, evicted_count
    <prefix>:<owner>:<id>:turns    list    turns in the context window, oldest first
    <prefix>:<owner>:<id>:archive  list    evicted turns, oldest first, capped
    <prefix>:<owner>:<id>:lock     string  the fencing value of the running turn

The owner is a hash tag, so that all keys of an owner share one slot of a sharded Redis.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ConversationKeys:
    """The keys of one conversation."""

    conversation: str
    turns: str
    archive: str
    lock: str


def anyone(conversation_id: int) -> str:
    """Name the owner of what was started without a credential: whoever knows the id."""
    return f"{{anyone:{conversation_id}}}"


def next_id_key(prefix: str) -> str:
    """Name the counter."""
    return f"{prefix}:next_id"


def conversation_keys(prefix: str, owner: str, conversation_id: int) -> ConversationKeys:
    """Name the keys of a conversation; the id is a number, and the owner made by this module."""
    base = f"{prefix}:{owner}:{conversation_id}"
    return ConversationKeys(base, f"{base}:turns", f"{base}:archive", f"{base}:lock")
