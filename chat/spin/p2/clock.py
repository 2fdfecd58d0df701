"""The adapter to WASI's clock: waits for something, but no longer than until a given moment."""

from spin_sdk.wit.imports import monotonic_clock
from spin_sdk.wit.imports.poll import Pollable, poll

from chat.http.patience import NS_PER_S
from chat.spin.answers import Moment, TimeUp


def now() -> Moment:
    """Return the present moment."""
    return monotonic_clock.now()


def moment_in(seconds: float) -> Moment:
    """Return the moment that is `seconds` from now."""
    return now() + int(seconds * NS_PER_S)


def rest(for_ns: int) -> None:
    """Do nothing for `for_ns` nanoseconds."""
    with monotonic_clock.subscribe_duration(for_ns) as timer:
        timer.block()


def wait_for(pollable: Pollable, until: Moment) -> None:
    """Wait until a pollable is ready, and close it.

    Errors: TimeUp.
    """
    if not is_ready(pollable, until):
        raise TimeUp


def is_ready(pollable: Pollable, until: Moment) -> bool:
    """Wait for a pollable until a moment, and close it; return whether it is ready."""
    with pollable, monotonic_clock.subscribe_instant(until) as timer:
        return 0 in poll([pollable, timer])
