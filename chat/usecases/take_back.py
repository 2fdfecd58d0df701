"""Imports an export: each conversation whole, and nothing twice."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from chat.core.heads import Head, Summary
from chat.core.memories import note_id
from chat.core.messages import Memory, Turn
from chat.core.portions import MAX_CALL_BYTES, portions
from chat.core.refusals import MemoryOff
from chat.settings import Settings
from chat.usecases.durable_ports import Restorer
from chat.usecases.ports import LongTermMemory, OwnedStore, TurnStore
from chat.usecases.read_messages import every_summary
from chat.usecases.rebuild import make_whole

MEMORIES_A_CALL = 100
Key = tuple[float | None, float, int]
"""How a conversation that was imported before is recognised: its two times and its turn count."""


@dataclass
class Exported:
    """The contents of a file: conversations with their turns, in order, and memories."""

    conversations: list[tuple[Head, list[Turn]]] = field(default_factory=list)
    memories: list[Memory] = field(default_factory=list)


@dataclass(frozen=True)
class Taken:
    """An imported conversation: its id in the file, its id here, and whether it is new here."""

    id_before: int
    id: int
    turn_count: int
    is_new: bool


@dataclass(frozen=True)
class Imported:
    """The result of an import; memories that were there already count, too."""

    conversations: tuple[Taken, ...]
    memory_count: int


class Importer:
    """Imports conversations and memories into the stores of one owner."""

    def __init__(
        self,
        turns: TurnStore,
        store: OwnedStore,
        restorer: Restorer,
        memory: LongTermMemory | None,
        settings: Settings,
    ) -> None:
        self._turns = turns
        self._store = store
        self._restorer = restorer
        self._memory = memory
        self._settings = settings

    async def take(self, exported: Exported) -> Imported:
        """Import what is not there yet; the same file may be sent again.

        A conversation keeps its id if this service has given out that id and the owner has no
        conversation under it; otherwise it gets a new id.
        Errors: those of the ports; MemoryOff, before anything is stored.
        """
        if exported.memories and self._memory is None:
            raise MemoryOff
        summaries = [summary async for summary in every_summary(self._store)]
        there = {_key_of(summary): summary.id for summary in summaries}
        used = {summary.id for summary in summaries}
        given_out = await self._turns.last_id()
        taken = []
        for head, turns in exported.conversations:
            found = there.get((head.created_at, head.active_at, head.turn_count))
            if found is None:
                is_kept = head.id <= given_out and head.id not in used
                new_id = head.id if is_kept else await self._new_id(used)
                used.add(new_id)
                await self._restore(dataclasses.replace(head, id=new_id), turns)
            else:
                new_id = found
            taken.append(Taken(head.id, new_id, len(turns), found is None))
        ids = {one.id_before: one.id for one in taken}
        own = used - set(ids.values())
        memories = [moved(memory, ids, own, given_out) for memory in exported.memories]
        await self._remember(memories)
        return Imported(tuple(taken), len(memories))

    async def _new_id(self, used: Collection[int]) -> int:
        new_id = await self._turns.next_id()
        if new_id in used:
            await self._turns.mend_ids()
            new_id = await self._turns.next_id()
        return new_id

    async def _restore(self, head: Head, turns: Sequence[Turn]) -> None:
        await self._restorer.restore(make_whole(self._settings, head, turns))

    async def _remember(self, memories: Sequence[Memory]) -> None:
        if self._memory is None:
            return
        for page in portions(memories, _content_bytes, MAX_CALL_BYTES, MEMORIES_A_CALL):
            for name, memory in zip(await self._memory.add(page), page, strict=True):
                if memory.is_pinned and name == memory.id:
                    await self._memory.change(memory)


def _content_bytes(memory: Memory) -> int:
    return len(memory.content.encode())


def _key_of(summary: Summary) -> Key:
    return summary.created_at, summary.active_at, summary.turn_count


def moved(memory: Memory, ids: Mapping[int, int], own: set[int], given_out: int) -> Memory:
    """Return a memory with its conversation's new id.

    The conversation is not in the file if it had expired. Then the memory keeps the old id if this
    service may have given it out and the owner has no other conversation under it; otherwise the
    memory becomes a note.
    """
    before = memory.conversation_id
    if before is None:
        return memory
    if before in ids:
        after = ids[before]
    elif before <= given_out and before not in own:
        after = before
    else:
        return dataclasses.replace(memory, id=note_id(memory.content), conversation_id=None)
    name = f"{after}.{memory.id.partition('.')[2]}"
    return dataclasses.replace(memory, id=name, conversation_id=after)
