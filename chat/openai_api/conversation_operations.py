"""The rows of the table of operations for conversations and their items."""

from chat.core.refusals import ConversationBusy, UnknownConversation
from chat.http.operation import Errors, Operation, Operations
from chat.http.operations import STORE
from chat.openai_api import conversation_handlers as conversations

CONVERSATION: Errors = (*STORE, UnknownConversation)

CONVERSATIONS: Operations = {
    "/v1/conversations/{conversation_id}": {
        "GET": Operation(
            conversations.openai_show_conversation, "A conversation, as OpenAI's API has it",
            {200: "OpenAiConversation"}, errors=CONVERSATION,
        ),
        "DELETE": Operation(
            conversations.openai_forget_conversation, "Forget it, by OpenAI's API",
            {200: "OpenAiDeletedConversation"}, errors=(*CONVERSATION, ConversationBusy),
        ),
    },
}  # fmt: skip
