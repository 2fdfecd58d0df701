"""Runs what only later requests need behind an answer: a few of it at once, and no error of it."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

from chat.core.errors import ChatError
from chat.spin.log import log
from chat.usecases.ports import Work
from chat.wiring.net import caught

MAX_AT_ONCE = 16
"""How much of it may run in an instance at once: for as many requests as Spin lets run in it."""
NO_ROOM = "too_many_at_once"
LEFT_UNDONE = "left_undone"


class Room:
    """The room that an instance has for it."""

    def __init__(self) -> None:
        self._taken = 0

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Take a place while the block runs; yield whether there was one."""
        is_free = self._taken < MAX_AT_ONCE
        self._taken += is_free
        try:
            yield is_free
        finally:
            self._taken -= is_free


class AfterAnswer:
    """The `Later` of one request: its work runs when `closing` closes, and the answer is out then.

    What it needs may be closed by `closing` as well, if that was opened before.
    """

    def __init__(self, closing: AsyncExitStack, room: Room) -> None:
        self._closing = closing
        self._room = room

    def __call__(self, work: Work) -> None:
        """Have it run; where there is no room by then, it is left undone."""
        self._closing.push_async_callback(self._run, work)

    async def _run(self, work: Work) -> None:
        with self._room.place() as is_free:
            if is_free:
                await caught(work(), self._leave)
            else:
                log("warning", LEFT_UNDONE, code=NO_ROOM)

    def _leave(self, error: ChatError) -> None:
        log("warning", LEFT_UNDONE, code=error.code)
