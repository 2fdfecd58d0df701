"""Runs what blocks in a thread, one after the other, and hands its results to the event loop."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")
Take = Callable[[Result], bool]
"""Takes a result; says whether it is enough, because nobody waits for more."""


@dataclass(frozen=True)
class _End:
    """The end of a run, and what it raised."""

    error: BaseException | None


class Line(Generic[Result]):
    """The requests of one model: one runs, the others wait in the order in which they came."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def results(self, work: Callable[[Take[Result]], None]) -> AsyncGenerator[Result, None]:
        """Run `work` in its turn, and yield what it hands on.

        Whoever leaves early ends it: the next `Take` says that it is enough.
        """
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Result | _End] = asyncio.Queue()
        is_left = threading.Event()

        def take(result: Result) -> bool:
            if not is_left.is_set():
                loop.call_soon_threadsafe(queue.put_nowait, result)
            return is_left.is_set()

        def end(run: asyncio.Future[None]) -> None:
            queue.put_nowait(_End(None if run.cancelled() else run.exception()))

        running = loop.run_in_executor(self._thread, work, take)
        running.add_done_callback(end)
        try:
            while not isinstance(result := await queue.get(), _End):
                yield result
            if result.error is not None:
                raise result.error
        finally:
            is_left.set()
            running.cancel()  # one that still waits for its turn never begins

    def close(self) -> None:
        """Wait for the one that runs; those that wait never begin."""
        self._thread.shutdown(cancel_futures=True)
