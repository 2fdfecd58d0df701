"""Reads an owner's conversations, each as it was at one moment, without changing any."""

from dataclasses import dataclass, replace

from chat.core.errors import TurnsLost
from chat.core.heads import Head
from chat.core.messages import Turn
from chat.core.refusals import UnknownConversation
from chat.usecases.durable_ports import DurableStore, HotStore
from chat.usecases.read_messages import every_turn
from chat.usecases.recovery import MISSING


@dataclass(frozen=True)
class Snapshot:
    """A conversation, without turns that came after its head was read.

    Shapes: `turns` run oldest first; messages that were forgotten meanwhile are missing.
    """

    head: Head
    turns: list[Turn]


class Snapshots:
    """Reads one owner's conversations for an export.

    A conversation that only the durable store has is not rebuilt in Redis: a turn does that.
    """

    def __init__(self, hot: HotStore, durable: DurableStore | None) -> None:
        """Take the store, and the durable store behind it; None if there is none."""
        self._hot = hot
        self._durable = durable

    async def list_ids(self, namespace: str | None = None) -> list[int]:
        """Return the ids of the owner's conversations, the newest activity first.

        With a `namespace`, only those of its conversations are returned.

        Conversations that only the durable store has come last.
        """
        heads = await self._durable.load_heads() if self._durable else []
        kept = [head for head in heads if namespace in {None, head.namespace}]
        newest_first = sorted(kept, key=lambda head: (head.active_at, head.id), reverse=True)
        return list(
            dict.fromkeys(
                [*await self._hot.list_ids(namespace), *(head.id for head in newest_first)]
            )
        )

    async def read(self, conversation_id: int) -> Snapshot:
        """Read a conversation from the store, or from the durable store if that has more turns.

        Errors: those of both stores; UnknownConversation also if the conversation was forgotten
                while it was read.
        """
        kept = await self._durable.load_head(conversation_id) if self._durable else None
        try:
            return await self._read_hot(conversation_id, kept.turn_count if kept else 0)
        except MISSING as missing:
            needed = missing.turn_count if isinstance(missing, TurnsLost) else 0
            if self._durable is None or kept is None or kept.turn_count < needed:
                raise
            return await _read_durable(self._durable, kept)

    async def _read_hot(self, conversation_id: int, least: int) -> Snapshot:
        """Read from the store; TurnsLost if it has fewer turns than `least`."""
        head = (await self._hot.summarise(conversation_id)).head
        if head.turn_count < least:
            raise TurnsLost(least)
        return Snapshot(head, await every_turn(self._hot, conversation_id, head.turn_count))

    async def is_there(self, conversation_id: int) -> bool:
        """Whether the owner has a conversation with this id now."""
        if self._durable and (await self._durable.look(conversation_id, 1)).turn_count:
            return True
        try:
            await self._hot.summarise(conversation_id)
        except UnknownConversation:
            return False
        except TurnsLost:
            return True  # it lacks turns, but it is there
        return True


async def _read_durable(durable: DurableStore, head: Head) -> Snapshot:
    """Read from the durable store, and the head again at the end.

    Forgetting marks the head before it removes a turn, so a head that is still there proves that
    the turns are whole.
    """
    turns = [turn for turn in await durable.load_turns(head.id) if turn.number <= head.turn_count]
    if await durable.load_head(head.id) is None:
        raise UnknownConversation
    return Snapshot(replace(head, created_at=head.begun_at), turns)
