"""The adapter to WASI's clock: waits for something until a moment, and no longer."""

from spin_sdk.wit.imports import monotonic_clock
from spin_sdk.wit.imports.poll import Pollable, poll

from chat.http.patience import NS_PER_S

Moment = int
"""In nanoseconds on this instance's monotonic clock, which begins with the instance."""


class TimeUp(Exception):
    """What was waited for is not there in time."""


def now() -> Moment:
    """Return the moment that it is."""
    return monotonic_clock.now()


def moment_in(seconds: int) -> Moment:
    """Return the moment that is so many seconds away."""
    return now() + seconds * NS_PER_S


def rest(for_ns: int) -> None:
    """Do nothing for so long."""
    with monotonic_clock.subscribe_duration(for_ns) as timer:
        timer.block()


def wait_for(pollable: Pollable, until: Moment) -> None:
    """Wait for what a pollable stands for, and let go of it. Errors: TimeUp."""
    with pollable, monotonic_clock.subscribe_instant(until) as timer:
        if 0 not in poll([pollable, timer]):
            raise TimeUp
