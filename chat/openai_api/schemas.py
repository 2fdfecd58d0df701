"""The shapes of OpenAI's API, as JSON Schema: those of this service's answers, and of bodies."""

from collections.abc import Mapping

from chat.http.fields import MAX_LABEL, MAX_LABEL_NAME, MAX_LABELS
from chat.http.shapes import COUNT, FLAG, TEXT, Schema, many, or_null, record
from chat.openai_api.ids import CONVERSATION, ITEM, RESPONSE
from chat.openai_api.items import ROLES
from chat.openai_api.response_bodies import FIELDS, MEANINGLESS, ONLY

CONVERSATION_NAME: Schema = {"type": "string", "pattern": f"^{CONVERSATION.pattern}$"}
ITEM_NAME: Schema = {"type": "string", "pattern": f"^{ITEM.pattern}$"}
RESPONSE_NAME: Schema = {"type": "string", "pattern": f"^{RESPONSE.pattern}$"}
WHOLE_TIME: Schema = {"type": "integer", "minimum": 0, "description": "seconds since 1970"}
LABELS: Schema = {
    "type": ["object", "null"],
    "maxProperties": MAX_LABELS,
    "propertyNames": {"maxLength": MAX_LABEL_NAME},
    "additionalProperties": {"type": "string", "maxLength": MAX_LABEL},
}
NEW_ITEM: Schema = {
    "type": "object",
    "description": "a message, a function call, or the output of one",
}
STATUS: Schema = {"enum": ["in_progress", "completed", "incomplete"]}
PART: Schema = {"type": "object", "properties": {"type": TEXT}, "required": ["type"]}
FUNCTION_CALL: Schema = record({
    "type": {"const": "function_call"}, "id": ITEM_NAME, "call_id": TEXT, "name": TEXT,
    "arguments": TEXT, "status": STATUS,
})  # fmt: skip


def _titled(title: str, properties: Mapping[str, Schema]) -> Schema:
    return {"title": title, **record(properties)}


ITEM_SHAPE: Schema = {
    "oneOf": [
        _titled("a message", {
            "type": {"const": "message"}, "id": ITEM_NAME,
            "role": {"enum": [*ROLES, "tool"]}, "status": STATUS, "content": many(PART),
        }),
        {"title": "a function call", **FUNCTION_CALL},
        _titled("the output of a call", {
            "type": {"const": "function_call_output"}, "id": ITEM_NAME, "call_id": TEXT,
            "output": TEXT, "status": STATUS,
        }),
    ]
}  # fmt: skip

IN_PATH: Mapping[str, Schema] = {
    "conversation_id": CONVERSATION_NAME, "item_id": ITEM_NAME, "response_id": RESPONSE_NAME,
}  # fmt: skip
TAKEN: Mapping[str, Schema] = {
    "OpenAiBeginning": record(
        {"items": {**many(NEW_ITEM, maxItems=20), "type": ["array", "null"]}, "metadata": LABELS},
        ("items", "metadata"),
    ),
    "OpenAiChange": record({"metadata": LABELS}),
    "OpenAiRequest": record(
        {
            "input": {"type": ["string", "array"], "items": NEW_ITEM},
            "model": or_null("string"),
            "conversation": {"type": ["string", "object", "null"]},
            "previous_response_id": or_null("string"),
            "instructions": or_null("string"),
            "store": or_null("boolean"),
            "stream": or_null("boolean"),
            "max_output_tokens": {"type": ["integer", "null"], "minimum": 1},
            "temperature": {"type": ["number", "null"], "minimum": 0, "maximum": 2},
            "top_p": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "truncation": {"enum": ["auto", "disabled", None]},
            "metadata": LABELS,
            "tools": {"type": ["array", "null"], "items": {"type": "object"}},
            "tool_choice": {"type": ["string", "object", "null"]},
            "parallel_tool_calls": or_null("boolean"),
            "text": or_null("object"),
            "include": {"type": ["array", "null"], "items": TEXT},
            **{name: {} for name in (*MEANINGLESS, *ONLY)},
        },
        (*FIELDS[:2], *FIELDS[3:], *MEANINGLESS, *ONLY),
    ),
    "OpenAiCompaction": {"type": "object"},
    "OpenAiNewItems": record({"items": many(NEW_ITEM, minItems=1, maxItems=20)}),
}
GIVEN: Mapping[str, Schema] = {
    "OpenAiError": record({
        "error": record({
            "message": TEXT,
            "type": TEXT,
            "param": or_null("string"),
            "code": or_null("string"),
        }),
    }),
    "OpenAiConversation": record({
        "id": CONVERSATION_NAME,
        "object": {"const": "conversation"},
        "created_at": WHOLE_TIME,
        "metadata": {"type": "object", "additionalProperties": TEXT},
    }),
    "OpenAiDeletedConversation": record({
        "id": CONVERSATION_NAME,
        "object": {"const": "conversation.deleted"},
        "deleted": FLAG,
    }),
    "OpenAiResponse": {
        "type": "object",
        "properties": {
            "id": TEXT,
            "object": {"const": "response"},
            "created_at": WHOLE_TIME,
            "status": STATUS,
            "model": TEXT,
            "output": many({"type": "object"}),
            "conversation": {
                "oneOf": [record({"id": CONVERSATION_NAME}), {"type": "null"}]
            },
            "previous_response_id": or_null("string"),
            "metadata": {"type": "object", "additionalProperties": TEXT},
            "usage": {"type": ["object", "null"]},
        },
        "required": ["id", "object", "created_at", "status", "model", "output", "usage"],
    },
    "OpenAiResponseEvents": {
        "type": "string", "description": "typed events, as OpenAI's API has them; the last one is "
        "`response.completed`, `response.incomplete` or `error`",
    },
    "OpenAiDeletedResponse": record({
        "id": RESPONSE_NAME,
        "object": {"const": "response.deleted"},
        "deleted": FLAG,
    }),
    "OpenAiInputTokens": record({
        "object": {"const": "response.input_tokens"}, "input_tokens": COUNT,
    }),
    "OpenAiItem": ITEM_SHAPE,
    "OpenAiItems": record({
        "object": {"const": "list"},
        "data": many(ITEM_SHAPE),
        "first_id": TEXT,
        "last_id": TEXT,
        "has_more": FLAG,
    }),
}  # fmt: skip
