"""`wasi:io/poll`: waits until something is ready.

Source: WASI 0.2.0 `wit/io/poll.wit`, wasmtime `crates/wasi-io/src/impls.rs`.
"""

import threading
import time
from collections.abc import Sequence
from typing import Protocol

from host.abi.instance import Instance
from host.errors import Trap

POLL_STEP_S = 0.002
"""How long to wait for one of several events before the others are looked at."""


class Pollable(Protocol):
    """Something that a guest can wait for."""

    def ready(self) -> bool:
        """Whether it is ready now."""

    def wait(self, timeout_s: float | None) -> None:
        """Wait until the pollable is ready, at most `timeout_s`."""


class Ready:
    """A pollable that is always ready."""

    def ready(self) -> bool:
        return True

    def wait(self, timeout_s: float | None) -> None:
        """Return at once."""


class Timer:
    """A pollable that is ready from the time `at_s` of `time.monotonic` on."""

    def __init__(self, at_s: float) -> None:
        self._at_s = at_s

    def left_s(self) -> float:
        """Return how long it takes until the timer is ready."""
        return max(0.0, self._at_s - time.monotonic())

    def ready(self) -> bool:
        return self.left_s() == 0.0

    def wait(self, timeout_s: float | None) -> None:
        left_s = self.left_s()
        time.sleep(left_s if timeout_s is None else min(left_s, timeout_s))


class Signal:
    """A pollable that is ready once its event is set."""

    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def ready(self) -> bool:
        return self._event.is_set()

    def wait(self, timeout_s: float | None) -> None:
        self._event.wait(timeout_s)


class Arrival:
    """A pollable that is ready when its stream is; dropping it leaves the stream open."""

    def __init__(self, stream: Pollable) -> None:
        self._stream = stream

    def ready(self) -> bool:
        return self._stream.ready()

    def wait(self, timeout_s: float | None) -> None:
        self._stream.wait(timeout_s)


def wait_for_any(items: Sequence[Pollable]) -> None:
    """Wait until one of `items` is ready.

    Timers tell how long they take. Several other pollables have to be looked at one after the
    other, again and again.
    """
    timers = [item for item in items if isinstance(item, Timer)]
    others = [item for item in items if not isinstance(item, Timer)]
    while not any(item.ready() for item in items):
        left_s = min((timer.left_s() for timer in timers), default=None)
        if not others:
            time.sleep(left_s or 0.0)
        elif len(others) == 1:
            others[0].wait(left_s)
        else:
            others[0].wait(POLL_STEP_S)


class Poll:
    """`wasi:io/poll` for one instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def pollable_ready(self, pollable: int) -> bool:
        return bool(self._instance.table.get(pollable).ready())

    def pollable_block(self, pollable: int) -> None:
        self.poll([pollable])

    def poll(self, pollables: list[int]) -> list[int]:
        """Wait until one or more are ready, and return their places in the list."""
        if not pollables:
            raise Trap("empty poll list")
        items: list[Pollable] = [self._instance.table.get(number) for number in pollables]
        if not any(item.ready() for item in items):
            with self._instance.waiting():
                wait_for_any(items)
        return [place for place, item in enumerate(items) if item.ready()]
