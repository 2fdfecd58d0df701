"""Runs blocking work in a thread, one piece at a time, and passes results to the event loop."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")
Take = Callable[[Result], bool]
"""Takes a result; returns whether the work may stop, because nobody waits for more results."""


@dataclass(frozen=True)
class _End:
    """The end of a run, and the error that ended it."""

    error: BaseException | None


class Line(Generic[Result]):
    """The requests of one model: one runs, and the others wait in the order of their arrival."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def results(self, work: Callable[[Take[Result]], None]) -> AsyncGenerator[Result, None]:
        """Run `work` when its turn comes, and yield its results.

        If the caller stops reading them, the next `Take` returns True, and the work ends.
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
            running.cancel()  # work whose turn has not come yet never begins

    def close(self) -> None:
        """Wait for the work that runs; work that waits for its turn never begins."""
        self._thread.shutdown(cancel_futures=True)
