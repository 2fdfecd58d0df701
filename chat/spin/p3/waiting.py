"""Waits for the host until a moment, and for other requests of the instance.

What was asked of the host cannot be taken back: a task that waits for it must never be cancelled,
nor may a request end while one does, or the instance ends with all its requests. So whoever no
longer waits leaves the call to itself, and `spawn` keeps what the request needs until it is over.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from componentize_py_async_support import spawn
from componentize_py_async_support.streams import ByteStreamWriter
from spin_sdk import wit
from spin_sdk.wit.imports import wasi_clocks_monotonic_clock_0_3_0_rc_2026_03_15 as clock

from chat.http.patience import NS_PER_S

Outcome = TypeVar("Outcome")
Moment = int
"""In nanoseconds on the host's monotonic clock."""
FIRST_STEP_NS = 20_000_000
"""The first step of a timer; each one after it is as long as all before together."""


class TimeUp(Exception):
    """What was waited for is not there in time."""


def now() -> Moment:
    """Return the moment that it is."""
    return clock.now()


def moment_in(seconds: float) -> Moment:
    """Return the moment that is so many seconds away."""
    return now() + int(seconds * NS_PER_S)


async def rest(for_ns: int) -> None:
    """Do nothing for so long; other requests go on."""
    await clock.wait_for(for_ns)


async def within(call: Coroutine[Any, Any, Outcome], until: Moment) -> Outcome:
    """Wait for a call of the host until a moment; behind it the call goes on alone.

    Errors: TimeUp, and those of the call.
    """
    task = asyncio.create_task(call)
    await asyncio.sleep(0)
    if task.done():
        return task.result()
    timer = asyncio.create_task(_wait_beside(task, until))
    spawn(_ended(task, timer))
    await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
    if not task.done():
        raise TimeUp
    return task.result()


async def _wait_beside(task: "asyncio.Task[Any]", until: Moment) -> None:
    """Wait until a moment in steps, and no further than to the step in which the task ends.

    A timer of the host cannot be taken back either: one for a whole turn would outlive the turn.
    """
    begun = now()
    step_ns = FIRST_STEP_NS
    while not task.done() and (rest_ns := until - now()) > 0:
        await clock.wait_for(min(step_ns, rest_ns))
        step_ns = now() - begun


async def _ended(task: "asyncio.Task[Any]", timer: "asyncio.Task[None]") -> None:
    """Wait for both, and look at what came of the task: one that nobody looks at is a trap."""
    await asyncio.wait({task, timer})
    task.exception()


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
