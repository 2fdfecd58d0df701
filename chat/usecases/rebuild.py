"""Makes a whole conversation anew where a store has none of it: its window, and its archive."""

from collections.abc import Sequence

from chat.context.budget import fit_turns, message_tokens
from chat.core.heads import Head
from chat.core.lifetime import FOREVER
from chat.core.messages import Conversation, Turn
from chat.settings import Settings
from chat.usecases.durable_ports import Whole


def make_whole(settings: Settings, head: Head, turns: Sequence[Turn]) -> Whole:
    """Put the newest turns into the window, and the others behind it.

    Shapes: `turns` run oldest first; so does what is made of them.
    Errors: none; what a prompt needs to fit is seen with the next one.
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
