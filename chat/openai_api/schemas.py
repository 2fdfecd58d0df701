"""The shapes of OpenAI's API, as JSON Schema: those of this service's answers, and of bodies."""

from collections.abc import Mapping

from chat.http.shapes import FLAG, TEXT, Schema, or_null, record
from chat.openai_api.ids import CONVERSATION

CONVERSATION_NAME: Schema = {"type": "string", "pattern": f"^{CONVERSATION.pattern}$"}
WHOLE_TIME: Schema = {"type": "integer", "minimum": 0, "description": "seconds since 1970"}

IN_PATH: Mapping[str, Schema] = {"conversation_id": CONVERSATION_NAME}
TAKEN: Mapping[str, Schema] = {}
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
}  # fmt: skip
