"""Imports an export: each conversation whole, and nothing twice."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from chat.core.heads import Head, Summary
from chat.core.memories import NOTE, note_id
from chat.core.messages import Memory, Message, Turn
from chat.core.portions import MAX_CALL_BYTES, portions
from chat.core.receipts import parse_receipt, render_receipt
from chat.core.refusals import MemoryOff
from chat.settings import Settings
from chat.usecases.durable_ports import Restorer
from chat.usecases.memory_port import LongTermMemory
from chat.usecases.ports import OwnedStore, TurnStore
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
            else:
                new_id = found
            taken.append(Taken(head.id, new_id, len(turns), found is None))
        ids = {one.id_before: one.id for one in taken}
        own = used - set(ids.values())
        for one, (head, turns) in zip(taken, exported.conversations, strict=True):
            if one.is_new:
                named = [with_moved_receipts(turn, ids, own, given_out) for turn in turns]
                await self._restore(dataclasses.replace(head, id=one.id), named)
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


def with_moved_receipts(turn: Turn, ids: Mapping[int, int], own: set[int], given_out: int) -> Turn:
    """Return a turn whose receipts name memories by their new ids; others are left out of them."""

    def moved_message(message: Message | None) -> Message | None:
        usage = parse_receipt(message.receipt) if message and message.receipt else None
        if message is None or usage is None or not usage.memories:
            return message
        rows = [
            dataclasses.replace(row, memory=name)
            for row in usage.memories
            if (name := moved_name(row.memory, ids, own, given_out))
        ]
        receipt = render_receipt(dataclasses.replace(usage, memories=tuple(rows)))
        return message._replace(receipt=receipt)

    return turn._replace(messages=tuple(map(moved_message, turn.messages)))


def moved_name(name: str, ids: Mapping[int, int], own: set[int], given_out: int) -> str | None:
    """Return a memory's id with its conversation's new id; None if that cannot be known.

    The conversation is not in the file if it had expired. Then the memory keeps its id if this
    service may have given it out and the owner has no other conversation under it.
    """
    if name.startswith(NOTE):
        return name
    before, _, place = name.partition(".")
    after = ids.get(int(before))
    if after is None and int(before) <= given_out and int(before) not in own:
        after = int(before)
    return None if after is None else f"{after}.{place}"


def moved(memory: Memory, ids: Mapping[int, int], own: set[int], given_out: int) -> Memory:
    """Return a memory with its conversation's new id; it becomes a note if that cannot be known."""
    if memory.conversation_id is None:
        return memory
    name = moved_name(memory.id, ids, own, given_out)
    if name is None:
        return dataclasses.replace(memory, id=note_id(memory.content), conversation_id=None)
    return dataclasses.replace(memory, id=name, conversation_id=int(name.partition(".")[0]))
