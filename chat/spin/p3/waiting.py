"""Waits for the host until a moment, and for other requests of the instance.

What was asked of the host cannot be taken back: a task that waits for it must never be cancelled,
nor may a request end while one does, or the instance ends with all its requests. So whoever no
longer waits leaves the call to itself, and `spawn` keeps what the request needs until it is over.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

from componentize_py_async_support import spawn
from componentize_py_async_support.streams import ByteStreamWriter
from spin_sdk import wit
from spin_sdk.wit.imports import wasi_clocks_monotonic_clock_0_3_0_rc_2026_03_15 as clock

from chat.http.patience import NS_PER_S
from chat.spin.answers import Moment, TimeUp

Outcome = TypeVar("Outcome")
FIRST_STEP_NS = 20_000_000
SHORTEST_STEP_NS = 1_000_000
"""The steps of a timer: the first, and one to a moment that has come."""


now: Callable[[], Moment] = clock.now
"""Returns the moment that it is."""


def moment_in(seconds: float) -> Moment:
    """Return the moment that is so many seconds away."""
    return now() + int(seconds * NS_PER_S)


async def rest(for_ns: int) -> None:
    """Do nothing for so long; other requests go on."""
    await clock.wait_for(for_ns)


async def within(call: Coroutine[Any, Any, Outcome], until: Moment) -> Outcome:
    """Wait for a call of the host until a moment; behind it the call goes on alone.

    The call begins at once, and often ends at once.
    Errors: TimeUp, and those of the call.
    """
    return await in_time(begin(call), until)


async def in_time(task: "asyncio.Task[Outcome]", until: Moment) -> Outcome:
    """Wait for a call that has begun, as `within` does."""
    if not await ends(task, until):
        leave(task)
        raise TimeUp
    return task.result()


def begin(call: Coroutine[Any, Any, Outcome]) -> "asyncio.Task[Outcome]":
    """Begin a call of the host. Whoever begins one waits for its end, or leaves it."""
    return asyncio.Task(call, loop=asyncio.get_running_loop(), eager_start=True)


async def ends(task: "asyncio.Task[Any]", until: Moment) -> bool:
    """Wait for a call until a moment, and say whether it has ended; it can be waited for again."""
    return task.done() or await _watch().ends(
        task, until, asyncio.get_running_loop().create_future()
    )


def leave(task: "asyncio.Task[Any]", behind: Callable[[], None] = lambda: None) -> None:
    """Wait no longer for a call; once it has ended, do what may be done only `behind` it."""
    if task.done():
        task.exception()  # an error that nobody looks at is a trap
        behind()
    else:
        spawn(_ended(task, behind))


async def ended(task: "asyncio.Task[Any]") -> None:
    """Wait for the end of a call that has begun, whatever it comes to."""
    if not task.done():
        told = asyncio.get_running_loop().create_future()
        task.add_done_callback(partial(_tell, told))
        await told


async def _ended(task: "asyncio.Task[Any]", behind: Callable[[], None]) -> None:
    """Wait for a call that was left, and look at its error: one that nobody looks at is a trap."""
    await ended(task)
    task.exception()
    behind()


def _tell(ends: "asyncio.Future[bool]", _: "asyncio.Task[Any]") -> None:
    if not ends.done():
        ends.set_result(True)


class Watch:
    """Looks after the calls of one request, with few timers, which end soon after the calls.

    A timer of the host cannot be taken back either: one for a whole turn would outlive the turn.
    So it is waited for in steps that double: it outlives the calls by no more than they took.
    """

    def __init__(self) -> None:
        self._until: dict[asyncio.Future[bool], Moment] = {}
        """Until when each call is waited for, by what becomes of it: whether it ended in time."""
        self._step_ns = FIRST_STEP_NS
        self._wakes_at: Moment | None = None

    async def ends(
        self, task: "asyncio.Task[Any]", until: Moment, ends: "asyncio.Future[bool]"
    ) -> bool:
        """Wait for a call until a moment, and say whether it ended; `ends` is to say it."""
        task.add_done_callback(partial(_tell, ends))
        self._until[ends] = until
        if self._wakes_at is None or until < self._wakes_at:
            self._step_ns = FIRST_STEP_NS
            self._plan(now())
        try:
            return await ends
        finally:
            del self._until[ends]

    def _plan(self, at: Moment) -> None:
        """Have a timer for the next step, if none ends before it."""
        due = max(at + SHORTEST_STEP_NS, min(at + self._step_ns, *self._until.values()))
        if self._wakes_at is None or due < self._wakes_at:
            self._wakes_at = due
            spawn(self._wake(due))

    async def _wake(self, due: Moment) -> None:
        await clock.wait_until(due)
        if self._wakes_at == due:
            self._wakes_at = None
        at = now()
        for ends, until in self._until.items():
            if until <= at and not ends.done():
                ends.set_result(False)
        if any(not ends.done() for ends in self._until):
            self._step_ns *= 2
            self._plan(at)


_watches: ContextVar[Watch] = ContextVar("_watches")


def _watch() -> Watch:
    """Return the watch of this request: each has a context of its own."""
    watch = _watches.get(None)
    if watch is None:
        watch = Watch()
        _watches.set(watch)
    return watch


class Gate:
    """Where requests of the instance wait for another of them to be done with something.

    What asyncio has for it wakes a task of the same request only.
    """

    def __init__(self) -> None:
        self._waiting: list[ByteStreamWriter] = []

    async def wait(self) -> None:
        """Wait until the gate is opened."""
        writer, reader = wit.byte_stream()
        self._waiting.append(writer)
        with reader:
            await reader.read(1)

    def open(self) -> None:
        """Let all go on that wait."""
        waiting, self._waiting = self._waiting, []
        for writer in waiting:
            with writer:  # its end is what wakes
                pass
