"""The rows of the table of operations for conversations and their items."""

from chat.core.refusals import (
    ConversationBusy,
    UnknownConversation,
    UnknownMessage,
    Unsupported,
)
from chat.http.operation import Errors, Operation, Operations, Parameter
from chat.http.operations import MODEL, STORE, TURN
from chat.http.queries import DEFAULT, MOST
from chat.openai_api import conversation_handlers as conversations
from chat.openai_api.lists import INCLUDABLE
from chat.openai_api.schemas import ITEM_NAME

CONVERSATION: Errors = (*STORE, UnknownConversation)
ADDING: Errors = (*MODEL, *TURN, Unsupported)
INCLUDE = Parameter("include[]", {"type": "array", "items": {"enum": list(INCLUDABLE)}})
PAGED = (
    Parameter("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT}),
    Parameter("after", ITEM_NAME),
    Parameter("order", {"enum": ["asc", "desc"], "default": "desc"}),
    INCLUDE,
)
OF_CONVERSATION = {
    action: {"conversation_id": "/id"}
    for action in (
        "openai_show_conversation", "openai_change_conversation", "openai_forget_conversation",
        "openai_add_items", "openai_list_items",
    )
}  # fmt: skip

CONVERSATIONS: Operations = {
    "/v1/conversations": {
        "POST": Operation(
            conversations.openai_begin_conversation,
            "Begin a conversation by OpenAI's API, maybe with items",
            {200: "OpenAiConversation"}, takes="OpenAiBeginning",
            errors=(*STORE, *ADDING), links=OF_CONVERSATION, is_stored_whole=True,
            counts="turn by itself", has_deadline=True,
        ),
    },
    "/v1/conversations/{conversation_id}": {
        "GET": Operation(
            conversations.openai_show_conversation, "A conversation, as OpenAI's API has it",
            {200: "OpenAiConversation"}, errors=CONVERSATION,
        ),
        "POST": Operation(
            conversations.openai_change_conversation, "Change its metadata, by OpenAI's API",
            {200: "OpenAiConversation"}, takes="OpenAiChange",
            errors=(*CONVERSATION, ConversationBusy), is_stored_whole=True,
        ),
        "DELETE": Operation(
            conversations.openai_forget_conversation, "Forget it, by OpenAI's API",
            {200: "OpenAiDeletedConversation"}, errors=(*CONVERSATION, ConversationBusy),
        ),
    },
    "/v1/conversations/{conversation_id}/items": {
        "GET": Operation(
            conversations.openai_list_items, "Its items, as OpenAI's API has them",
            {200: "OpenAiItems"}, parameters=PAGED, errors=(*CONVERSATION, UnknownMessage),
        ),
        "POST": Operation(
            conversations.openai_add_items, "Add items without asking for a reply",
            {200: "OpenAiItems"}, takes="OpenAiNewItems",
            errors=(*CONVERSATION, *ADDING), is_stored_whole=True, counts="turn by itself",
            has_deadline=True,
        ),
    },
    "/v1/conversations/{conversation_id}/items/{item_id}": {
        "GET": Operation(
            conversations.openai_show_item, "One of its items", {200: "OpenAiItem"},
            parameters=(INCLUDE,), errors=(*CONVERSATION, UnknownMessage),
        ),
        "DELETE": Operation(
            conversations.openai_forget_item, "Forget one item", {200: "OpenAiConversation"},
            errors=(*CONVERSATION, UnknownMessage, ConversationBusy),
        ),
    },
}  # fmt: skip
