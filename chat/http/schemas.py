"""The shapes of requests and answers, as JSON Schema.

Source: JSON Schema 2020-12, as OpenAPI 3.1 uses it.
"""

from collections.abc import Mapping

from chat.http.bodies import MAX_MESSAGES
from chat.http.fields import MAX_METADATA_BYTES, MAX_METADATA_DEPTH, MAX_TITLE_CHARACTERS
from chat.http.page import FILES
from chat.http.shapes import (
    CONTENT,
    COUNT,
    FLAG,
    GIVEN_TIME,
    ID,
    MEMORY,
    NEAR,
    OF_SOME,
    PLACE,
    ROLE,
    SCORE,
    SIDE,
    STORED_MESSAGE,
    TEXT,
    TIME,
    USAGE,
    Schema,
    many,
    or_null,
    record,
)
from chat.settings import BACKENDS

STORED_MEMORY: Mapping[str, Schema] = {
    "id": MEMORY,
    "role": SIDE,
    "content": TEXT,
    "created_at": TIME,
    "pinned": FLAG,
    "source": {"oneOf": [
        record({"conversation_id": ID, "message_id": PLACE}), {"type": "null"}
    ]},
}  # fmt: skip
STORED_SUMMARY: Mapping[str, Schema] = {
    "id": ID,
    "title": or_null("string"),
    "created_at": TIME,
    "active_at": TIME,
    "expires_at": or_null("integer"),
    "turns": COUNT,
    "evicted_turns": COUNT,
    "pinned": FLAG,
}
METADATA: Schema = {
    "type": ["object", "null"],
    "description": f"up to {MAX_METADATA_BYTES} bytes as JSON, with up to {MAX_METADATA_DEPTH} "
    "lists and objects in each other",
}
TITLE: Schema = {"type": ["string", "null"], "maxLength": MAX_TITLE_CHARACTERS}
NULL: Schema = {"type": "null"}

TAKEN: Mapping[str, Schema] = {
    "Turn": {
        "oneOf": [
            {
                "title": "a new conversation",
                "type": "object",
                "properties": {"context": TEXT, "prompt": CONTENT, "id": NULL},
                "required": ["context", "prompt"],
            },
            {
                "title": "the next turn of one",
                "type": "object",
                "properties": {
                    "id": {"anyOf": [ID, {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"}]},
                    "prompt": CONTENT,
                    "context": NULL,
                },
                "required": ["id", "prompt"],
            },
        ]
    },
    "Change": {
        **record(
            {"title": TITLE, "context": TEXT, "pinned": FLAG}, ("title", "context", "pinned")
        ),
        "minProperties": 1,
    },
    "Branch": record({"before": {**PLACE, "type": ["string", "null"]}}, ("before",)),
    "Messages": record({
        "messages": many(
            record(
                {
                    "role": ROLE,
                    "content": CONTENT,
                    "created_at": GIVEN_TIME,
                    "metadata": METADATA,
                },
                ("created_at", "metadata"),
            ),
            minItems=1,
            maxItems=MAX_MESSAGES,
        )
    }),
    "Note": record(
        {"content": CONTENT, "role": SIDE, "created_at": GIVEN_TIME}, ("role", "created_at")
    ),
    "MemoryChange": {
        **record({"content": CONTENT, "pinned": FLAG}, ("content", "pinned")),
        "minProperties": 1,
    },
    "Export": {"type": "string", "description": "JSON Lines, as `GET /export` gives them"},
}  # fmt: skip
"""The schemas of request bodies."""
MAY_BE_EMPTY = ("Branch",)
"""The bodies that may be left out."""

RECEIPT: Schema = {
    "type": "object",
    "additionalProperties": record(
        {
            "status": {"enum": ["erased", "incomplete", "unavailable"]},
            "removed": {"type": "object", "additionalProperties": COUNT},
            "left": COUNT,
        },
        ("removed", "left"),
    ),
}
TIMES: Schema = record({"average_ms": or_null("number"), "p95_ms": or_null("number")})
COUNTED: Schema = record({
    "conversations_started": COUNT,
    "turns": COUNT,
    "messages": COUNT,
    "prompt_tokens": COUNT,
    "generated_tokens": COUNT,
    "evicted_turns": COUNT,
    "recalled_turns": COUNT,
    "recalled_memories": COUNT,
    "throttled": COUNT,
    "errors": {"type": "object", "additionalProperties": COUNT},
    "error_rate": or_null("number"),
    "model_time": TIMES,
    "turn_time": TIMES,
})  # fmt: skip

GIVEN: Mapping[str, Schema] = {
    "Error": record({
        "error": record({"code": TEXT, "message": TEXT, "param": or_null("string")}),
    }),
    "Health": record(
        {
            "status": {"const": "ok"},
            "parts": {"type": "object", "additionalProperties": TEXT},
            "notes": {"type": "object", "additionalProperties": TEXT},
        },
        ("parts", "notes"),
    ),
    "Session": record({"token": TEXT}),
    "Kept": record({
        "conversations": COUNT,
        "lifetime_s": or_null("integer"),
        "lifetime_after_pause_s": or_null("integer"),
        "pause_s": COUNT,
        "retention_s": or_null("integer"),
        "long_term": {"enum": list(BACKENDS)},
    }),
    "TurnResult": record(
        {
            "id": ID,
            "prompt": TEXT,
            "context": TEXT,
            "reply": TEXT,
            "numberOfTokens": COUNT,
            "expires_at": or_null("integer"),
            "usage": USAGE,
            "token": TEXT,
        },
        ("token",),
    ),
    "SearchPage": record({
        "hits": many(record({
            "conversation_id": ID,
            "title": or_null("string"),
            "message_id": PLACE,
            "role": ROLE,
            "snippet": TEXT,
            "score": SCORE,
            "created_at": TIME,
        })),
        "next_cursor": or_null("string"),
    }),
    "ConversationPage": record({
        "conversations": many(record(STORED_SUMMARY)),
        "next_cursor": or_null("string"),
    }),
    "Conversation": record({
        **STORED_SUMMARY,
        "context": TEXT,
        "window_tokens": or_null("integer"),
        "context_length": COUNT,
    }),
    "Branched": record(STORED_SUMMARY),
    "ForgottenConversation": record({
        "id": ID,
        "forgotten": record({
            "window_turns": COUNT, "archived_turns": COUNT, "memories": COUNT, "keys": COUNT,
        }),
    }),
    "MessagePage": record({
        "messages": many({"anyOf": [record(STORED_MESSAGE, OF_SOME), TEXT]}),
        "before": or_null("string"),
    }),
    "RelevantMessages": record({
        "messages": many({"anyOf": [record({**STORED_MESSAGE, **NEAR}, OF_SOME), TEXT]}),
    }),
    "AddedMessages": record({
        "id": ID,
        "message_ids": many(PLACE),
        "evicted_turns": COUNT,
        "expires_at": or_null("integer"),
    }),
    "ForgottenMessage": record({"id": ID, "forgotten": record({"message_id": PLACE})}),
    "Memory": record(STORED_MEMORY),
    "MemoryPage": record({
        "memories": many(record(STORED_MEMORY)), "next_cursor": or_null("string"),
    }),
    "RelevantMemories": record({"memories": many(record({**STORED_MEMORY, **NEAR}))}),
    "ForgottenMemories": record({"forgotten": record({"memories": COUNT})}),
    "TurnEvents": {
        "type": "string",
        "description": "server-sent events, for who prefers them to JSON by `Accept`: `delta` with "
        '`{"text"}` for each part of the reply, and at last `result` with a `TurnResult`, or '
        "`error` with an `Error`",
    },
    "Exported": {"type": "string", "description": "JSON Lines"},
    "Imported": record({
        "conversations": many(record({
            "id_before": ID,
            "id": ID,
            "turns": COUNT,
            "status": {"enum": ["imported", "there_already"]},
        })),
        "memories": COUNT,
    }),
    "Erased": record({"stores": RECEIPT}),
    "Document": {"type": "object", "description": "OpenAPI 3.1"},
    "Stats": record({
        "since": or_null("number"),
        "total": COUNTED,
        "today": COUNTED,
        "active_owners": record({"today": COUNT, "last_7_days": COUNT}),
        "redis": record({"keys": COUNT, "memory_bytes": COUNT}),
        "chroma": {"oneOf": [record({"collections": COUNT, "records": COUNT}), NULL]},
    }),
    "Metrics": {"type": "string", "description": "Prometheus' text format"},
    "Cleaned": record({
        "removed": record({
            "listed": COUNT, "postings": COUNT, "conversations": COUNT, "memories": COUNT,
        }),
        "is_complete": FLAG,
    }),
    "Page": {"type": "string", "description": "A file of the page"},
}  # fmt: skip
"""The schemas of answers. A failed health check or erasure has more fields beside `error`."""

PATH_PARAMETERS: Mapping[str, Schema] = {
    "id": ID,
    "message_id": PLACE,
    "memory_id": MEMORY,
    "version": {"type": "string", "minLength": 1},
    "name": {"enum": sorted(FILES)},
}
