"""The table of what is served: what each path and method takes, gives, and may be refused with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from chat.core.errors import (
    ChatError,
    ConversationBusy,
    CorruptConversation,
    CredentialNeeded,
    EraseIncomplete,
    InternalError,
    InvalidCredential,
    InvalidRequest,
    InvalidSetting,
    KeyReused,
    LimitExceeded,
    MemoryOff,
    MemoryUnavailable,
    ModelFailed,
    ModelTimeout,
    ModelUnavailable,
    OperatorNeeded,
    OwnerErased,
    PromptTooLong,
    RequestTimeout,
    StorageFull,
    StoreUnavailable,
    TextRemembered,
    TooLarge,
    Unhealthy,
    UnknownConversation,
    UnknownMemory,
    UnknownMessage,
    UnknownRoute,
)
from chat.core.messages import ROLES
from chat.http.page import FILES
from chat.http.queries import CURSOR, DEFAULT, DEFAULT_DISTANCE, DEFAULT_TOP_K, FARTHEST, KEY, MOST
from chat.http.schemas import CONTENT, ID, MEMORY, PLACE, Schema

Action = Literal[
    "show_page",
    "show_web_file",
    "take_turn",
    "start_session",
    "list_conversations",
    "show_conversation",
    "change_conversation",
    "forget_conversation",
    "read_messages",
    "find_relevant",
    "add_messages",
    "forget_message",
    "list_memories",
    "search_memories",
    "remember",
    "show_memory",
    "change_memory",
    "forget_one_memory",
    "forget_memories",
    "export",
    "import",
    "erase",
    "describe_api",
    "show_stats",
    "show_metrics",
    "clean_up",
    "check_health",
    "check_life",
    "check_readiness",
    "list_methods",
]
Access = Literal["none", "optional", "owner", "admin"]
"""Which credential counts: none, one if there is one, an owner's, the operator's."""
Errors = tuple[type[ChatError], ...]

STORES: Errors = (StoreUnavailable, MemoryUnavailable, CorruptConversation)
STORE: Errors = (*STORES, OwnerErased)
MODEL: Errors = (ModelUnavailable, ModelFailed, ModelTimeout)
COUNTED: Errors = (LimitExceeded,)
ADDED: Errors = (LimitExceeded, StorageFull)
CONVERSATION: Errors = (*STORE, UnknownConversation)
ANY_MEMORY: Errors = (*STORE, MemoryOff)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a query, or a header."""

    name: str
    schema: Schema
    where: Literal["query", "header"] = "query"
    is_needed: bool = False


@dataclass(frozen=True)
class Operation:
    """What is served at a path for a method.

    Shapes: `gives` names the schema of the answer for each status that is no error; `takes` that
            of the body, and None says that no body is looked at. `links` say which field of the
            answer a parameter of which other action may be. `is_stored_whole` says that what it
            brings is stored at once, or none of it.
    """

    action: Action
    summary: str
    gives: Mapping[int, str]
    access: Access = "owner"
    takes: str | None = None
    parameters: Sequence[Parameter] = ()
    errors: Errors = ()
    media: str = "application/json"
    links: Mapping[Action, Mapping[str, str]] = field(default_factory=dict)
    is_stored_whole: bool = False


def _number(name: str, least: float, most: float, default: float, kind: str) -> Parameter:
    schema = {"type": kind, "minimum": least, "maximum": most, "default": default}
    return Parameter(name, schema)


def _flag(name: str) -> Parameter:
    return Parameter(name, {"type": "boolean", "default": False})


def _count(name: str, least: int, default: int) -> Parameter:
    return _number(name, least, MOST, default, "integer")


LIMIT = _count("limit", 1, DEFAULT)
PAGED = (LIMIT, Parameter("cursor", {"type": "string", "pattern": f"^{CURSOR.pattern}$"}))
ROLE_LIST = "|".join(ROLES)
OF_ROLES = Parameter("role", {"type": "string", "pattern": f"^({ROLE_LIST})(,({ROLE_LIST}))*$"})
AS_TEXT = _flag("as_text")
PROMPT = Parameter("prompt", CONTENT, is_needed=True)
TOP_K = _count("top_k", 0, DEFAULT_TOP_K)
WITHIN = _number("distance_threshold", 0, FARTHEST, float(DEFAULT_DISTANCE), "number")
REPETITION = Parameter(
    "Idempotency-Key", {"type": "string", "pattern": f"^{KEY.pattern}$"}, "header"
)
OF_CONVERSATION: Mapping[Action, Mapping[str, str]] = {
    action: {"id": "/id"}
    for action in (
        "show_conversation", "change_conversation", "forget_conversation", "read_messages",
        "add_messages", "find_relevant",
    )
}  # fmt: skip
OF_MEMORY: Mapping[Action, Mapping[str, str]] = {
    action: {"memory_id": "/id"} for action in ("show_memory", "change_memory", "forget_one_memory")
}

OPERATIONS: Mapping[str, Mapping[str, Operation]] = {
    "/": {
        "GET": Operation("show_page", "The chat page", {200: "Page"}, "none", media="text/html"),
        "POST": Operation(
            "take_turn", "Begin a conversation, or take its next turn", {200: "TurnResult"},
            "optional", "Turn", (REPETITION,),
            (*CONVERSATION, *MODEL, *ADDED, ConversationBusy, PromptTooLong, KeyReused,
             CredentialNeeded),
            links=OF_CONVERSATION, is_stored_whole=True,
        ),
    },
    "/web/{version}/{name}": {
        "GET": Operation(
            "show_web_file", "A file of the page", {200: "Page"}, "none",
            errors=(UnknownRoute,), media="*/*",
        ),
    },
    "/session": {
        "POST": Operation(
            "start_session", "Get a credential, once", {201: "Session"}, "none",
            errors=(*COUNTED, StoreUnavailable),
        ),
    },
    "/conversations": {
        "GET": Operation(
            "list_conversations", "Your conversations, the latest activity first",
            {200: "ConversationPage"}, parameters=PAGED, errors=STORE,
        ),
    },
    "/conversations/{id}": {
        "GET": Operation(
            "show_conversation", "A conversation without its messages", {200: "Conversation"},
            "optional", errors=CONVERSATION,
        ),
        "PATCH": Operation(
            "change_conversation", "Change its title or context, or pin it",
            {200: "Conversation"}, "optional", "Change",
            errors=(*CONVERSATION, ConversationBusy, PromptTooLong), is_stored_whole=True,
        ),
        "DELETE": Operation(
            "forget_conversation", "Forget it", {200: "ForgottenConversation"}, "optional",
            errors=(*CONVERSATION, ConversationBusy),
        ),
    },
    "/conversations/{id}/messages": {
        "GET": Operation(
            "read_messages", "Its newest messages, in order", {200: "MessagePage"}, "optional",
            parameters=(
                _count("last", 0, DEFAULT), Parameter("before", PLACE), OF_ROLES, AS_TEXT
            ),
            errors=CONVERSATION,
        ),
        "POST": Operation(
            "add_messages", "Add messages without asking for a reply", {201: "AddedMessages"},
            "optional", "Messages",
            errors=(*CONVERSATION, *MODEL, *ADDED, ConversationBusy, PromptTooLong),
            links={"forget_message": {"id": "/id", "message_id": "/message_ids/0"}},
            is_stored_whole=True,
        ),
    },
    "/conversations/{id}/relevant": {
        "GET": Operation(
            "find_relevant", "Its messages that are about what a prompt is about",
            {200: "RelevantMessages"}, "optional",
            parameters=(PROMPT, TOP_K, WITHIN, OF_ROLES, AS_TEXT, _flag("fall_back")),
            errors=(*CONVERSATION, *MODEL, *COUNTED),
        ),
    },
    "/conversations/{id}/messages/{message_id}": {
        "DELETE": Operation(
            "forget_message", "Forget one message", {200: "ForgottenMessage"}, "optional",
            errors=(*CONVERSATION, UnknownMessage, ConversationBusy),
        ),
    },
    "/memories": {
        "GET": Operation(
            "list_memories", "Your memories, the newest first", {200: "MemoryPage"},
            parameters=PAGED, errors=ANY_MEMORY,
        ),
        "POST": Operation(
            "remember", "Remember a note", {201: "Memory", 200: "Memory"}, takes="Note",
            errors=(*ANY_MEMORY, *MODEL, *ADDED), links=OF_MEMORY, is_stored_whole=True,
        ),
        "DELETE": Operation(
            "forget_memories", "Forget all memories", {200: "ForgottenMemories"},
            errors=ANY_MEMORY,
        ),
    },
    "/memories/relevant": {
        "GET": Operation(
            "search_memories", "Memories about what a prompt is about",
            {200: "RelevantMemories"}, parameters=(PROMPT, TOP_K, WITHIN),
            errors=(*ANY_MEMORY, *MODEL, *COUNTED),
        ),
    },
    "/memories/{memory_id}": {
        "GET": Operation(
            "show_memory", "A memory", {200: "Memory"}, errors=(*ANY_MEMORY, UnknownMemory),
        ),
        "PATCH": Operation(
            "change_memory", "Change what it says, or pin it", {200: "Memory"},
            takes="MemoryChange",
            errors=(*ANY_MEMORY, *MODEL, *ADDED, UnknownMemory, TextRemembered),
            is_stored_whole=True,
        ),
        "DELETE": Operation(
            "forget_one_memory", "Forget it", {200: "ForgottenMemories"},
            errors=(*ANY_MEMORY, UnknownMemory),
        ),
    },
    "/export": {
        "GET": Operation(
            "export", "All that is kept of you", {200: "Exported"}, errors=(*STORE, *COUNTED),
            media="application/jsonl",
        ),
    },
    "/import": {
        "POST": Operation(
            "import", "Take an export back", {200: "Imported"}, takes="Export",
            errors=(*STORE, *MODEL, *ADDED, ConversationBusy),
        ),
    },
    "/me": {
        "DELETE": Operation(
            "erase", "Erase all of you", {200: "Erased"},
            errors=(*STORE, *COUNTED, EraseIncomplete),
        ),
    },
    "/openapi.json": {
        "GET": Operation("describe_api", "This document", {200: "Document"}, "none"),
    },
    "/admin/stats": {
        "GET": Operation(
            "show_stats", "What was counted", {200: "Stats"}, "admin", errors=STORES,
        ),
    },
    "/metrics": {
        "GET": Operation(
            "show_metrics", "The same for Prometheus", {200: "Metrics"}, "admin", errors=STORES,
            media="text/plain",
        ),
    },
    "/admin/cleanup": {
        "POST": Operation(
            "clean_up", "Remove what does not expire by itself", {200: "Cleaned"}, "admin",
            errors=STORE,
        ),
    },
    "/healthz": {
        "GET": Operation(
            "check_health", "Whether every part answers", {200: "Health"}, "none",
            errors=(Unhealthy,),
        ),
    },
    "/livez": {
        "GET": Operation("check_life", "Whether the component runs", {200: "Health"}, "none"),
    },
    "/readyz": {
        "GET": Operation(
            "check_readiness", "Whether settings are right, and Redis takes writes",
            {200: "Health"}, "none", errors=(Unhealthy,),
        ),
    },
}  # fmt: skip
"""HEAD is answered wherever GET is, and OPTIONS everywhere. The first path that fits counts."""

PATH_PARAMETERS: Mapping[str, Schema] = {
    "id": ID,
    "message_id": PLACE,
    "memory_id": MEMORY,
    "version": {"type": "string", "minLength": 1},
    "name": {"enum": sorted(FILES)},
}


def errors_of(path: str, operation: Operation) -> Errors:
    """List everything that a request may be refused with; most of it follows from what it takes."""
    errors: list[type[ChatError]] = [InvalidSetting, InternalError, *operation.errors]
    is_given = operation.takes or operation.parameters or "_id}" in path or "{id}" in path
    if is_given:
        errors.append(InvalidRequest)
    if operation.takes or PROMPT in operation.parameters:
        errors.append(TooLarge)
    if operation.takes:
        errors.append(RequestTimeout)
    if operation.access == "admin":
        errors.append(OperatorNeeded)
    if operation.access in {"optional", "owner"}:
        errors.append(InvalidCredential)
    if operation.access == "owner":
        errors.append(CredentialNeeded)
    return tuple(dict.fromkeys(errors))
