"""Rebuilds a whole conversation, its window and its archive, for a store that has none of it."""

from collections.abc import Sequence

from chat.context.budget import fit_turns, message_tokens
from chat.core.heads import Head, Summary
from chat.core.lifetime import FOREVER, expires_at
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


def summary_of(whole: Whole, message_count: int = 0, evicted_turns: int = 0) -> Summary:
    """Return how a conversation that was just made looks in a list."""
    head = whole.head
    return Summary(
        id=head.id,
        title=head.title,
        context=head.context,
        created_at=head.begun_at,
        active_at=head.active_at,
        expires_at=expires_at(head.active_at, whole.lifetime_s),
        turn_count=head.turn_count,
        message_count=message_count,
        evicted_turns=evicted_turns,
        is_pinned=False,
        window_tokens=whole.window_tokens,
        metadata=head.metadata or {},
        namespace=head.namespace,
    )
