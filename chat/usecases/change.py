"""Changes a conversation: its context, title and pin; forgets single messages."""

from contextlib import suppress

from chat.context.budget import bounded_turn, message_tokens
from chat.core.heads import Change, Summary
from chat.core.messages import Place, Turn
from chat.core.refusals import PromptTooLong, UnknownMessage
from chat.core.titles import make_title
from chat.settings import Settings
from chat.usecases.ports import ConversationStore

FIRST = Place(1, 0)
"""The place of the message that a conversation's title is made of."""


async def change_conversation(
    store: ConversationStore, settings: Settings, conversation_id: int, change: Change
) -> Summary:
    """Make all changes of a conversation at once; a removed pin begins a new lifetime.

    Errors: those of the port; PromptTooLong if no prompt would fit beside the context.
    """
    context_tokens = message_tokens(change.context) if change.context else 0
    needed_tokens = context_tokens + settings.sampling.max_reply_tokens
    if needed_tokens > settings.context_length:
        raise PromptTooLong(needed_tokens, settings.context_length, "context")
    lifetime_s = settings.lifetimes.active_s if change.is_pinned is False else None
    await store.change(
        conversation_id, change, context_tokens=context_tokens, lifetime_s=lifetime_s
    )
    return await store.summarise(conversation_id)


async def forget_message(store: ConversationStore, conversation_id: int, place: Place) -> None:
    """Take one message out of a conversation; the others keep their ids.

    A title that was made of the message is taken away first.
    Errors: those of the port, and UnknownMessage.
    """
    page = await store.turns_page(conversation_id, place.turn_number, 1)
    old = page[0] if page and page[0].turn.number == place.turn_number else None
    if old is None or old.turn.messages[place.index : place.index + 1] in ((), (None,)):
        raise UnknownMessage
    said = old.turn.messages[place.index]
    if place == FIRST and said is not None:
        title = (await store.summarise(conversation_id)).title
        if title == make_title(said.content):
            await store.change(conversation_id, Change(title=""))
    await store.replace(conversation_id, place, old, without(old.turn, place.index))


async def forget_turn(store: ConversationStore, conversation_id: int, turn: Turn) -> None:
    """Take all messages of a turn out of a conversation, the last one last.

    Errors: those of the port. If it fails in between, the same may be asked for again.
    """
    for placed in turn.placed():
        with suppress(UnknownMessage):
            await forget_message(store, conversation_id, placed.place)


def without(turn: Turn, index: int) -> Turn | None:
    """Return a turn without one of its messages; None if no message is left."""
    messages = tuple(None if i == index else m for i, m in enumerate(turn.messages))
    if all(message is None for message in messages):
        return None
    return bounded_turn(turn.number, messages, turn.at)
