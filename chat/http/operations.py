"""The table of operations: what is served at each path for each method, and by which handler."""

from collections.abc import Mapping
from dataclasses import replace

from chat.core.errors import (
    CorruptConversation,
    EraseIncomplete,
    MemoryUnavailable,
    ModelFailed,
    ModelTimeout,
    ModelUnavailable,
    NewerSchema,
    NotReplicated,
    StoreUnavailable,
    Unhealthy,
)
from chat.core.refusals import (
    ConversationBusy,
    CredentialNeeded,
    KeyReused,
    LimitExceeded,
    OwnerErased,
    PromptTooLong,
    StorageFull,
    TextRemembered,
    UnknownConversation,
    UnknownMemory,
    UnknownMessage,
    UnknownRoute,
)
from chat.http import conversation_handlers as conversations
from chat.http import health_handlers as health
from chat.http import memory_handlers as memories
from chat.http import operator_handlers as operators
from chat.http import owner_handlers as owners
from chat.http import public_handlers as public
from chat.http.operation import Errors, Operation, Operations, Parameter
from chat.http.parameters import (
    AS_TEXT,
    BY,
    LISTED,
    OF_NAMESPACE,
    OF_ROLES,
    PROMPT,
    REPETITION,
    TOP_K,
    WITHIN,
    count,
    flag,
)
from chat.http.queries import DEFAULT, MOST
from chat.http.shapes import PLACE

STORES: Errors = (StoreUnavailable, MemoryUnavailable, CorruptConversation, NewerSchema)
STORE: Errors = (*STORES, OwnerErased)
TURN: Errors = (NotReplicated, StorageFull, ConversationBusy, PromptTooLong)
MODEL: Errors = (ModelUnavailable, ModelFailed, ModelTimeout)
CONVERSATION: Errors = (*STORE, UnknownConversation)
OF_CONVERSATION: Mapping[str, Mapping[str, str]] = {
    action: {"id": "/id"}
    for action in (
        "show_conversation", "change_conversation", "forget_conversation", "read_messages",
        "add_messages", "branch_conversation", "find_relevant",
    )
}  # fmt: skip
OF_MEMORY: Mapping[str, Mapping[str, str]] = {
    action: {"memory_id": "/id"} for action in ("show_memory", "change_memory", "forget_one_memory")
}

OPERATIONS: Operations = {
    "/": {
        "GET": Operation(
            public.show_page, "The chat page", {200: "Page"}, "none", media="text/html",
            is_counted=False,
        ),
        "POST": Operation(
            conversations.take_turn, "Begin a conversation, or take its next turn",
            {200: "TurnResult"},
            "optional", "Turn", (REPETITION,),
            (*CONVERSATION, *MODEL, *TURN, KeyReused,
             CredentialNeeded),
            links=OF_CONVERSATION, is_stored_whole=True, counts="turn by itself",
            has_deadline=True, events="TurnEvents",
        ),
    },
    "/web/{version}/{name}": {
        "GET": Operation(
            public.show_web_file, "A file of the page", {200: "Page"}, "none",
            errors=(UnknownRoute,), media="*/*", is_counted=False,
        ),
    },
    "/session": {
        "POST": Operation(
            owners.start_session, "Get a credential, once", {201: "Session"}, "none",
            errors=(LimitExceeded, StoreUnavailable),
        ),
        "GET": Operation(owners.show_session, "Your credential", {200: "Session"}),
        "PUT": Operation(
            owners.keep_session, "Have the page go on with your credential", {200: "Session"}
        ),
        "DELETE": Operation(
            owners.end_session, "Have the page forget your credential", {200: "Session"}
        ),
    },
    "/conversations": {
        "GET": Operation(
            conversations.list_conversations, "Your conversations, the latest activity first",
            {200: "ConversationPage"}, parameters=LISTED, errors=STORE,
        ),
        "DELETE": Operation(
            conversations.forget_conversations, "Forget those of a namespace",
            {200: "ForgottenConversations"},
            parameters=(replace(OF_NAMESPACE, is_needed=True),), errors=STORE, counts="turn",
        ),
    },
    "/search": {
        "GET": Operation(
            conversations.search_conversations,
            "Messages in all your conversations that have words of a prompt",
            {200: "SearchPage"}, parameters=(PROMPT, *LISTED), errors=STORE, counts="turn",
        ),
    },
    "/conversations/{id}": {
        "GET": Operation(
            conversations.show_conversation, "A conversation without its messages",
            {200: "Conversation"},
            "optional", errors=CONVERSATION,
        ),
        "PATCH": Operation(
            conversations.change_conversation, "Change its title or context, or pin it",
            {200: "Conversation"}, "optional", "Change",
            errors=(*CONVERSATION, ConversationBusy, PromptTooLong), is_stored_whole=True,
        ),
        "DELETE": Operation(
            conversations.forget_conversation, "Forget it",
            {200: "ForgottenConversation"}, "optional",
            errors=(*CONVERSATION, ConversationBusy),
        ),
    },
    "/conversations/{id}/messages": {
        "GET": Operation(
            conversations.read_messages, "Its newest messages, in order",
            {200: "MessagePage"}, "optional",
            parameters=(
                count("last", 0, DEFAULT), Parameter("before", PLACE), OF_ROLES, AS_TEXT
            ),
            errors=CONVERSATION,
        ),
        "POST": Operation(
            conversations.add_messages, "Add messages without asking for a reply",
            {201: "AddedMessages"},
            "optional", "Messages",
            errors=(*CONVERSATION, *MODEL, *TURN),
            links={"forget_message": {"id": "/id", "message_id": "/message_ids/0"}},
            is_stored_whole=True, counts="turn by itself", has_deadline=True,
        ),
        "DELETE": Operation(
            conversations.forget_messages, "Forget its newest messages, or all; it stays",
            {200: "ForgottenMessages"}, "optional",
            parameters=(Parameter("last", {"type": "integer", "minimum": 1, "maximum": MOST}),),
            errors=(*CONVERSATION, ConversationBusy),
        ),
    },
    "/conversations/{id}/branch": {
        "POST": Operation(
            conversations.branch_conversation,
            "Begin a new conversation with what was said before a message",
            {201: "Branched"},
            "optional", "Branch", (REPETITION,),
            (*CONVERSATION, UnknownMessage, StorageFull, ConversationBusy, KeyReused,
             CredentialNeeded),
            links=OF_CONVERSATION, is_stored_whole=True, counts="turn by itself",
        ),
    },
    "/conversations/{id}/relevant": {
        "GET": Operation(
            conversations.find_relevant, "Its messages that are about what a prompt is about",
            {200: "RelevantMessages"}, "optional",
            parameters=(PROMPT, TOP_K, WITHIN, OF_ROLES, AS_TEXT, flag("fall_back"), BY),
            errors=(*CONVERSATION, *MODEL), counts="turn",
        ),
    },
    "/conversations/{id}/messages/{message_id}": {
        "DELETE": Operation(
            conversations.forget_message, "Forget one message",
            {200: "ForgottenMessage"}, "optional",
            errors=(*CONVERSATION, UnknownMessage, ConversationBusy),
        ),
    },
    "/memories": {
        "GET": Operation(
            memories.list_memories, "Your memories, the newest first", {200: "MemoryPage"},
            parameters=LISTED, errors=STORE, needs_memory=True,
        ),
        "POST": Operation(
            memories.remember, "Remember a note", {201: "Memory", 200: "Memory"}, takes="Note",
            errors=(*STORE, *MODEL, StorageFull), links=OF_MEMORY, is_stored_whole=True,
            counts="turn", needs_memory=True,
        ),
        "DELETE": Operation(
            memories.forget_memories, "Forget all memories, or those of a namespace",
            {200: "ForgottenMemories"}, parameters=(OF_NAMESPACE,), errors=STORE, needs_memory=True,
        ),
    },
    "/memories/relevant": {
        "GET": Operation(
            memories.search_memories, "Memories about what a prompt is about",
            {200: "RelevantMemories"}, parameters=(PROMPT, TOP_K, WITHIN, BY, OF_NAMESPACE),
            errors=(*STORE, *MODEL), counts="turn", needs_memory=True,
        ),
    },
    "/memories/{memory_id}": {
        "GET": Operation(
            memories.show_memory, "A memory", {200: "Memory"}, errors=(*STORE, UnknownMemory),
            needs_memory=True,
        ),
        "PATCH": Operation(
            memories.change_memory, "Change what it says, or pin it", {200: "Memory"},
            takes="MemoryChange",
            errors=(*STORE, *MODEL, StorageFull, UnknownMemory, TextRemembered),
            is_stored_whole=True, counts="turn", needs_memory=True,
        ),
        "DELETE": Operation(
            memories.forget_one_memory, "Forget it", {200: "ForgottenMemories"},
            errors=(*STORE, UnknownMemory), needs_memory=True,
        ),
    },
    "/export": {
        "GET": Operation(
            owners.export, "All that is kept of you, or of a namespace", {200: "Exported"},
            parameters=(OF_NAMESPACE,), errors=STORE, media="application/jsonl", counts="turn",
        ),
    },
    "/import": {
        "POST": Operation(
            owners.import_, "Take an export back", {200: "Imported"}, takes="Export",
            errors=(*STORE, *MODEL, StorageFull, ConversationBusy), counts="turn",
        ),
    },
    "/me": {
        "GET": Operation(
            owners.show_kept, "What is kept of you, and how long", {200: "Kept"}, errors=STORE,
        ),
        "DELETE": Operation(
            owners.erase, "Erase all of you", {200: "Erased"},
            errors=(*STORE, EraseIncomplete), counts="turn by itself",
        ),
    },
    "/openapi.json": {
        "GET": Operation(
            public.describe_api, "This document", {200: "Document"}, "none", is_counted=False
        ),
    },
    "/admin/stats": {
        "GET": Operation(
            operators.show_stats, "What was counted", {200: "Stats"}, "admin", errors=STORES,
        ),
    },
    "/metrics": {
        "GET": Operation(
            operators.show_metrics, "The same for Prometheus", {200: "Metrics"}, "admin",
            errors=(CorruptConversation,), media="text/plain",
        ),
    },
    "/admin/cleanup": {
        "POST": Operation(
            operators.clean_up, "Remove what does not expire by itself", {200: "Cleaned"}, "admin",
            errors=STORE,
        ),
    },
    "/healthz": {
        "GET": Operation(
            health.check_health, "Whether every part answers", {200: "Health"}, "none",
            errors=(Unhealthy,),
        ),
    },
    "/livez": {
        "GET": Operation(
            public.check_life, "Whether the component runs", {200: "Health"}, "none",
            is_counted=False,
        ),
    },
    "/readyz": {
        "GET": Operation(
            health.check_readiness,
            "Whether settings are right, and Redis, or a part of a cluster, takes writes",
            {200: "Health"}, "none", errors=(Unhealthy,),
        ),
    },
}  # fmt: skip
"""HEAD is answered wherever GET is, and OPTIONS at every path.

If several paths fit, a path without named parts comes first, and then the order of the table.
"""
