"""What the shapes of requests and answers are made of, as JSON Schema."""

from collections.abc import Mapping, Sequence
from typing import Any

from chat.core.memories import MEMORY_ID
from chat.core.messages import ROLES, SIDES
from chat.http.fields import MAX_ID, OTHER_ROLES
from chat.http.fields import NAMESPACE as OF_NAMESPACE

Schema = Mapping[str, Any]


def record(properties: Mapping[str, Schema], optional: Sequence[str] = ()) -> Schema:
    """Describe an object that has these properties and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def named(name: str) -> Schema:
    """Return a reference to a schema of `TAKEN` or `GIVEN`."""
    return {"$ref": f"#/components/schemas/{name}"}


def many(items: Schema, **bounds: int) -> Schema:
    """Describe a list."""
    return {"type": "array", "items": items, **bounds}


def or_null(kind: str) -> Schema:
    """Describe a value that may be null."""
    return {"type": [kind, "null"]}


TEXT: Schema = {"type": "string"}
SPACES = "\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""The characters that Python's `str.strip` removes."""
CONTENT: Schema = {"type": "string", "pattern": f"[^{SPACES}]"}
"""A text that is not only white space."""
COUNT: Schema = {"type": "integer", "minimum": 0}
TIME: Schema = {"type": "number", "minimum": 0, "description": "seconds since 1970"}
GIVEN_TIME: Schema = {
    "type": ["number", "null"],
    "minimum": 0,
    "description": "seconds since 1970, and not in the future",
}
FLAG: Schema = {"type": "boolean"}
ID: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
SCORE: Schema = {"type": "number"}
ROLE: Schema = {"enum": list(ROLES)}
SIDE: Schema = {"enum": ["user", "assistant"]}
GIVEN_ROLE: Schema = {"enum": [*ROLES, *OTHER_ROLES], "description": "`llm` is `assistant`"}
GIVEN_SIDE: Schema = {"enum": [*SIDES, *OTHER_ROLES], "description": "`llm` is `assistant`"}
"""Roles that come in."""
NAMESPACE: Schema = {"type": ["string", "null"], "pattern": f"^{OF_NAMESPACE.pattern}$"}
"""What keeps memories apart: they are recalled only in conversations of the same namespace."""
PLACE: Schema = {"type": "string", "pattern": r"^[1-9][0-9]{0,17}\.[0-9]{1,4}$"}
MEMORY: Schema = {"type": "string", "pattern": f"^({MEMORY_ID.pattern})$"}
NEAR: Mapping[str, Schema] = {"distance": or_null("number"), "score": or_null("number")}
"""How near something is to a prompt; null if it was not found by a search."""

RECALLED: Mapping[str, Schema] = {"score": SCORE, "age_s": COUNT}
USAGE: Schema = record({
    "context_length": COUNT,
    "prompt_tokens": COUNT,
    "generated_tokens": COUNT,
    "window_turns": COUNT,
    "evicted_turns": COUNT,
    "finish_reason": TEXT,
    "evicted": many(COUNT),
    "recalled": many(record({"turn": COUNT, **RECALLED})),
    "memories": many(record({"memory": MEMORY, **RECALLED})),
    "summarised_turns": COUNT,
}, ("summarised_turns",))  # fmt: skip
"""What the model was shown for a reply."""
OF_SOME: Sequence[str] = ("metadata", "calls", "call_id", "images", "usage")
"""The fields that only some messages have."""
STORED_MESSAGE: Mapping[str, Schema] = {
    "id": PLACE,
    "role": ROLE,
    "content": TEXT,
    "created_at": TIME,
    "metadata": {"type": "object"},
    "calls": many(record({"id": TEXT, "name": TEXT, "arguments": TEXT})),
    "call_id": TEXT,
    "images": many(record({"url": TEXT, "detail": or_null("string")})),
    "usage": USAGE,
}
