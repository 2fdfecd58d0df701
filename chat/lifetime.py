"""Decides how long a conversation is kept: by activity, all of it together."""

from dataclasses import dataclass

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


def lifetime_s(lifetimes: Lifetimes, active_at: float | None, now: float) -> int:
    """Say how long to keep a conversation from `now` on; `active_at` is None for a new one.

    Units: seconds; 0 for ever.
    Errors: none.
    """
    if active_at is None or now - active_at <= lifetimes.inactive_after_s:
        return lifetimes.active_s
    return lifetimes.inactive_s
