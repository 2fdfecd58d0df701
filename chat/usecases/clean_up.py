"""Removes what does not expire by itself, in steps: each goes on where the step before it ended."""

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

from chat.core.refusals import UnknownConversation, UnknownMemory
from chat.usecases.memory_port import LongTermMemory
from chat.usecases.ports import OwnedStore
from chat.usecases.read_messages import every_memory, every_summary


@dataclass(frozen=True)
class Cleaned:
    """How much was removed.

    Shapes: `listed` counts expired conversations that were still in their owner's list;
            `postings` counts index entries of turns that had left the archive.
    """

    listed: int = 0
    postings: int = 0
    conversations: int = 0
    memories: int = 0

    def __add__(self, other: "Cleaned") -> "Cleaned":
        mine, others = dataclasses.astuple(self), dataclasses.astuple(other)
        return Cleaned(*map(sum, zip(mine, others, strict=True)))


class Places(Protocol):
    """Where the place of a clean-up is kept, so that several requests can share the work.

    Errors: every method may raise StoreUnavailable.
    """

    async def load(self) -> str:
        """Return where the last clean-up ended; empty for the beginning."""

    async def save(self, place: str) -> None:
        """Note where this clean-up ended; empty if it is complete."""


Steps = Callable[[str], AsyncIterator[tuple[Cleaned, str]]]
"""Cleans from a place on; yields what each step removed, and the place where the next one begins.

That place is empty after the last step.
"""


async def clean_up(
    steps: Steps, places: Places, is_over: Callable[[], bool]
) -> tuple[Cleaned, bool]:
    """Take steps until all is done or the time is over.

    Return what was removed, and whether the clean-up is complete. Several clean-ups may run at
    once: nothing is removed, or counted, twice.
    Errors: those of the steps; the next clean-up begins with the step that failed.
    """
    removed = Cleaned()
    async for more, place in steps(await places.load()):
        removed += more
        await places.save(place)
        if place and is_over():
            return removed, False
    return removed, True


async def clean_owner(store: OwnedStore, memory: LongTermMemory | None, before: float) -> Cleaned:
    """Remove conversations without a turn since `before`, and memories that are older than that.

    Pinned conversations and pinned memories stay.
    Units: `before` is in seconds since 1970.
    Errors: those of the ports.
    """
    summaries = [summary async for summary in every_summary(store)]
    old = [one.id for one in summaries if not one.is_pinned and one.active_at < before]
    cleaned = Cleaned()
    for conversation_id in old:
        with contextlib.suppress(UnknownConversation):  # it expired meanwhile
            forgotten = await store.forget(conversation_id)
            cleaned += Cleaned(conversations=1, memories=forgotten.memories)
    memories = [one async for one in every_memory(memory)] if memory else []
    for one in memories:
        if memory and not one.is_pinned and one.at < before:
            with contextlib.suppress(UnknownMemory):
                await memory.forget(one.id)
                cleaned += Cleaned(memories=1)
    return cleaned
