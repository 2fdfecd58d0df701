"""Removes what does not expire by itself: step by step, and where a step ended the next goes on."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from chat.core.refusals import UnknownConversation, UnknownMemory
from chat.usecases.ports import LongTermMemory, OwnedStore
from chat.usecases.read_messages import every_memory, every_summary


@dataclass(frozen=True)
class Cleaned:
    """What was removed.

    Shapes: `listed` are conversations that had expired, and still stood in their owner's list;
            `postings` those of an index whose turns had left the archive.
    """

    listed: int = 0
    postings: int = 0
    conversations: int = 0
    memories: int = 0

    def __add__(self, other: "Cleaned") -> "Cleaned":
        mine, others = dataclasses.astuple(self), dataclasses.astuple(other)
        return Cleaned(*map(sum, zip(mine, others, strict=True)))


class Places(Protocol):
    """Where a clean-up is, so that it need not be done at once.

    Errors: every method may raise StoreUnavailable.
    """

    def load(self) -> str:
        """Give where the last one ended; empty for the beginning."""

    def save(self, place: str) -> None:
        """Note where this one ended; empty for the end."""


Steps = Callable[[str], Iterator[tuple[Cleaned, str]]]
"""Cleans from a place on; gives what each step removed, and the place behind it."""


def clean_up(steps: Steps, places: Places, is_over: Callable[[], bool]) -> tuple[Cleaned, bool]:
    """Take steps until all is done or the time is over; say what was removed, and if that is all.

    It may be asked for at any time, and twice at once: what is removed is so only once.
    Errors: those of the steps; where one fails, the next clean-up begins with it.
    """
    removed = Cleaned()
    for more, place in steps(places.load()):
        removed += more
        places.save(place)
        if place and is_over():
            return removed, False
    return removed, True


def clean_owner(store: OwnedStore, memory: LongTermMemory | None, before: float) -> Cleaned:
    """Remove conversations without a turn since `before`, and memories of before, but pinned ones.

    Units: seconds since 1970.
    Errors: those of the ports.
    """
    summaries = list(every_summary(store))
    old = [one.id for one in summaries if not one.is_pinned and one.active_at < before]
    cleaned = Cleaned()
    for conversation_id in old:
        with contextlib.suppress(UnknownConversation):  # it expired meanwhile
            forgotten = store.forget(conversation_id)
            cleaned += Cleaned(conversations=1, memories=forgotten.memories)
    memories = list(every_memory(memory)) if memory else []
    for one in memories:
        if memory and not one.is_pinned and one.at < before:
            with contextlib.suppress(UnknownMemory):
                memory.forget(one.id)
                cleaned += Cleaned(memories=1)
    return cleaned
