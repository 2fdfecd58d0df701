"""Changes a conversation: its context, title and pin; forgets single messages."""

import dataclasses
from dataclasses import dataclass

from chat.context import as_shown, message_tokens
from chat.errors import PromptTooLong, UnknownMessage
from chat.messages import Conversation, Summary, Turn
from chat.ports import ConversationStore, StoredTurn, TurnStore
from chat.reading import Place
from chat.settings import Settings
from chat.tokens import UNKNOWN, Vocabulary
from chat.turn import released_on_error


@dataclass(frozen=True)
class Change:
    """What is to be changed; None leaves it as it is, and an empty title takes it away."""

    context: str | None
    title: str | None
    is_pinned: bool | None


def change_conversation(
    store: ConversationStore,
    turns: TurnStore,
    settings: Settings,
    conversation_id: int,
    change: Change,
) -> Summary:
    """Change a conversation, all of it at once; with the pin taken out, a lifetime begins.

    Errors: those of the ports; PromptTooLong if no prompt would fit beside the context.
    """
    fields = _render_fields(change)
    lifetime_s = settings.lifetimes.active_s if change.is_pinned is False else None
    if change.context is None:
        store.change(conversation_id, fields, lifetime_s)
        return store.summarise(conversation_id)
    context_tokens = message_tokens(change.context) if change.context else 0
    needed_tokens = context_tokens + settings.sampling.max_reply_tokens
    if needed_tokens > settings.context_length:
        raise PromptTooLong(needed_tokens, settings.context_length, "context")
    loaded = turns.load(conversation_id)
    with released_on_error(turns, loaded):
        fields |= {"context": change.context, "context_tokens": str(context_tokens)}
        store.change_context(_estimated_anew(loaded), fields, lifetime_s)
    return store.summarise(conversation_id)


def _render_fields(change: Change) -> dict[str, str]:
    fields = {}
    if change.title is not None:
        fields["title"] = change.title
    if change.is_pinned is not None:
        fields["pinned"] = "1" if change.is_pinned else "0"
    return fields


def _estimated_anew(loaded: Conversation) -> Conversation:
    """Estimate every prompt: what was measured holds only beside the context that it was with."""
    turns = tuple(estimate_prompt(turn, loaded.vocabulary) for turn in loaded.turns)
    return dataclasses.replace(loaded, turns=turns)


def estimate_prompt(turn: Turn, vocabulary: Vocabulary) -> Turn:
    """Replace what was measured of a turn's prompt by its estimate."""
    if not turn.is_measured:
        return turn
    prompt_tokens = sum(message_tokens(as_shown(m), vocabulary) for m in turn.shown()[:-1])
    return turn._replace(prompt_tokens=prompt_tokens, is_measured=False)


def forget_message(store: ConversationStore, conversation_id: int, place: Place) -> None:
    """Take one message out of a conversation; the others keep their ids.

    Errors: those of the port, and UnknownMessage.
    """
    page = store.turns_page(conversation_id, place.turn_number + 1, 2)
    turns = {stored.turn.number: stored for stored in page}
    old = turns.get(place.turn_number)
    if old is None or old.turn.messages[place.index : place.index + 1] in ((), (None,)):
        raise UnknownMessage
    # The prompt behind a reply is measured together with what the reply was over-counted.
    behind = turns.get(place.turn_number + 1)
    others = [StoredTurn(estimate_prompt(behind.turn, UNKNOWN), behind.data)] if behind else []
    store.replace(conversation_id, old, without(old.turn, place.index), others)


def without(turn: Turn, index: int) -> Turn | None:
    """Give a turn without one of its messages; None if it was the only one."""
    messages = tuple(None if i == index else m for i, m in enumerate(turn.messages))
    if all(message is None for message in messages):
        return None
    return turn._replace(
        messages=messages,
        prompt_tokens=sum(message_tokens(as_shown(m)) for m in messages if m is not None),
        reply_tokens=0,
        is_measured=False,
    )
