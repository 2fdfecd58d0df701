"""Estimates from above how many tokens a response would be asked with."""

from chat.context.asked import Asked
from chat.context.budget import message_tokens
from chat.settings import Settings
from chat.usecases.ports import ConversationStore
from chat.usecases.respond import Behind


async def estimate_input(
    store: ConversationStore, settings: Settings, asked: Asked, behind: Behind | None
) -> int:
    """Return the most tokens that the model would be shown; nothing is asked, locked or stored.

    What is recalled is not looked for: it takes room that turns would leave, and no more.
    Errors: those of the port; UnknownConversation.
    """
    window_tokens = 0
    if behind is not None:
        window_tokens = (await store.summarise(behind.conversation_id)).window_tokens or 0
    new_tokens = message_tokens(asked.prompt) + asked.around_tokens + asked.beside_tokens
    most = (asked.sampling or settings.sampling).max_reply_tokens
    return max(new_tokens, min(window_tokens + new_tokens, settings.context_length - most))
