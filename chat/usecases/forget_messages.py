"""Forgets the newest messages of a conversation, or all of them; the conversation stays."""

from dataclasses import replace

from chat.core.cuts import FIRST, Cut, ForgottenMessages
from chat.core.messages import Turn
from chat.core.titles import make_title
from chat.usecases.branch import beginning_of
from chat.usecases.ports import ConversationStore
from chat.usecases.read_messages import newest_turns


async def forget_messages(
    store: ConversationStore, conversation_id: int, last: int | None
) -> ForgottenMessages:
    """Forget the newest `last` messages, or all if it is None.

    A title that was made of the first message goes with that message.
    Errors: those of the port; ConversationBusy also if a turn was stored meanwhile.
    """
    summary = await store.summarise(conversation_id)
    cut = Cut(FIRST)
    if last is not None:
        cut = await make_cut(store, conversation_id, summary.turn_count, last)
    if cut.begin == FIRST and summary.title:
        page = await store.turns_page(conversation_id, FIRST.turn_number, 1)
        made = _made_title(page[0].turn) if page else ""
        cut = replace(cut, title=made if made == summary.title else "")
    return await store.cut(conversation_id, cut)


async def make_cut(
    store: ConversationStore, conversation_id: int, turn_count: int, last: int
) -> Cut:
    """Decide where the newest `last` messages begin, and what is left of the turn there."""
    newest = await newest_turns(store, conversation_id, last)
    places = [placed.place for stored in newest for placed in stored.turn.placed()]
    if len(places) <= last:
        return Cut(FIRST, turn_count=turn_count)
    begin = places[-last]
    cut = [stored for stored in newest if stored.turn.number >= begin.turn_number]
    left = beginning_of(cut[0].turn, begin.index)
    revision = cut[0].revision if left else b""
    turns = tuple(stored.turn for stored in cut)
    return Cut(begin, turns, revision, left, turn_count)


def _made_title(turn: Turn) -> str:
    """Return the title that a conversation with this turn gets by itself; empty without one."""
    said = turn.messages[0] if turn.number == FIRST.turn_number else None
    return make_title(said.content) if said else ""
