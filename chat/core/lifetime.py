"""Decides how long a conversation is kept after its last activity; it expires as a whole."""

from dataclasses import dataclass

from chat.core.messages import Conversation

FOREVER = 0
"""A lifetime without end."""


@dataclass(frozen=True)
class Lifetimes:
    """How long a conversation is kept after a turn.

    `active_s` holds if the turn before was at most `inactive_after_s` ago; after a longer pause,
    `inactive_s` holds.
    Units: seconds; a lifetime of 0 means for ever.
    """

    active_s: int
    inactive_s: int
    inactive_after_s: int


def lifetime_s(lifetimes: Lifetimes, conversation: Conversation, now: float) -> int:
    """Return how long to keep a conversation from `now` on; a pinned one is kept for ever.

    Units: seconds; 0 means for ever.
    Errors: none.
    """
    if conversation.is_pinned:
        return FOREVER
    active_at = conversation.active_at
    if active_at is None or now - active_at <= lifetimes.inactive_after_s:
        return lifetimes.active_s
    return lifetimes.inactive_s


def expires_at(now: float, lifetime_s: int) -> int | None:
    """Return when a lifetime that begins `now` ends, in seconds since 1970; None for never."""
    return None if lifetime_s == FOREVER else int(now) + lifetime_s
