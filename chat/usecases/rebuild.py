"""Rebuilds a whole conversation, its window and its archive, for a store that has none of it."""

from collections.abc import Sequence

from chat.context.budget import fit_turns, message_tokens
from chat.core.heads import Head
from chat.core.lifetime import FOREVER
from chat.core.messages import Conversation, Turn
from chat.settings import Settings
from chat.usecases.durable_ports import Whole


def make_whole(settings: Settings, head: Head, turns: Sequence[Turn]) -> Whole:
    """Put the newest turns into the window, and the older ones into the archive.

    Shapes: `turns` run oldest first, and so do both parts of the result.
    Errors: none; whether a prompt fits is decided when the next one comes.
    """
    context_tokens = message_tokens(head.context) if head.context else 0
    empty = Conversation(head.id, "", head.context, context_tokens, context_tokens, 0, ())
    room_tokens = settings.context_length - settings.sampling.max_reply_tokens
    fit = fit_turns(empty, turns, room_tokens)
    lifetime_s = FOREVER if head.is_pinned else settings.lifetimes.active_s
    return Whole(
        head=head,
        evicted=fit.evicted,
        turns=fit.kept,
        context_tokens=context_tokens,
        window_tokens=fit.window_tokens,
        lifetime_s=lifetime_s,
    )
