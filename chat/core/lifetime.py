"""Decides how long a conversation is kept: by activity, all of it together."""

from dataclasses import dataclass

from chat.core.messages import Conversation

FOREVER = 0
"""A lifetime without end."""


@dataclass(frozen=True)
class Lifetimes:
    """How long a conversation is kept after a turn, in seconds; 0 for ever.

    `active_s` holds where the turn before was within `inactive_after_s`, `inactive_s` after a
    longer pause.
    """

    active_s: int
    inactive_s: int
    inactive_after_s: int


def lifetime_s(lifetimes: Lifetimes, conversation: Conversation, now: float) -> int:
    """Say how long to keep a conversation from `now` on; a pinned one for ever.

    Units: seconds; 0 for ever.
    Errors: none.
    """
    if conversation.is_pinned:
        return FOREVER
    active_at = conversation.active_at
    if active_at is None or now - active_at <= lifetimes.inactive_after_s:
        return lifetimes.active_s
    return lifetimes.inactive_s


def expires_at(now: float, lifetime_s: int) -> int | None:
    """Say when what is kept from `now` on ends, in seconds since 1970; None for never."""
    return None if lifetime_s == FOREVER else int(now) + lifetime_s
