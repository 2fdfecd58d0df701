"""Begins a conversation without asking for a reply."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from chat.core.errors import IdTaken
from chat.core.heads import Head, Labels, Summary
from chat.core.messages import Message
from chat.core.refusals import ConversationBusy
from chat.core.titles import make_title
from chat.core.undoing import undone_on_error
from chat.settings import Settings
from chat.usecases.add_messages import add_messages
from chat.usecases.durable_ports import Restorer, Whole
from chat.usecases.ports import Clock, ConversationStore, TurnStore
from chat.usecases.rebuild import make_whole, summary_of
from chat.usecases.turn_memory import Recaller


@dataclass(frozen=True)
class Beginner:
    """Begins conversations of one owner, with the parts that one request needs."""

    turns: TurnStore
    store: ConversationStore
    restorer: Restorer
    recaller: Recaller
    clock: Clock
    settings: Settings

    async def begin(self, messages: Sequence[Message], metadata: Labels) -> Summary:
        """Begin a conversation with messages, which may be none.

        It counts as a turn, and its messages as another one.
        Errors: those of the ports; nothing is stored then.
        """
        await self.turns.admit(None, "conversation")
        whole = make_beginning(self.settings, messages, metadata, self.clock())
        try:
            begun = await self._store(whole)
        except (ConversationBusy, IdTaken):  # the counter gave an id that is there
            await self.turns.mend_ids()
            begun = await self._store(whole)
        if messages:
            parts = (self.turns, self.recaller, self.clock, self.settings)
            async with undone_on_error(partial(self.store.forget, begun.id)):
                await add_messages(*parts, begun.id, messages)
        return begun

    async def _store(self, whole: Whole) -> Summary:
        head = dataclasses.replace(whole.head, id=await self.turns.next_id())
        named = dataclasses.replace(whole, head=head)
        await self.restorer.restore(named)
        return summary_of(named)


def make_beginning(
    settings: Settings, messages: Sequence[Message], metadata: Labels, now: float
) -> Whole:
    """Make a conversation without a turn and an id, called after the first of these prompts."""
    prompts = [message.content for message in messages if message.role == "user"]
    head = Head(
        id=0,
        context="",
        created_at=now,
        active_at=now,
        turn_count=0,
        title=make_title(prompts[0]) if prompts else None,
        is_pinned=False,
        metadata=metadata or None,
    )
    return make_whole(settings, head, [])
