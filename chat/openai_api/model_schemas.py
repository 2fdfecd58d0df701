"""The shapes of models, embeddings and chat completions, as JSON Schema."""

from collections.abc import Mapping

from chat.http.shapes import CONTENT, COUNT, MEMORY, SCORE, TEXT, Schema, many, or_null, record
from chat.openai_api.chat_messages import MAX_MESSAGES, ROLES
from chat.openai_api.completion_bodies import MAX_STOPS, MAX_TOKENS, PARAMETERS, REASONS
from chat.openai_api.model_handlers import FORMATS, MAX_INPUTS
from chat.openai_api.tools import MAX_TOOLS

WHOLE_TIME: Schema = {"type": "integer", "minimum": 0, "description": "seconds since 1970"}
MODEL: Schema = record({"id": TEXT, "object": {"const": "model"}, "created": WHOLE_TIME,
                        "owned_by": TEXT})  # fmt: skip
NUMBERS: Schema = many({"type": "number"})
OBJECT: Schema = {"type": "object"}
PARTS: Schema = {"type": ["string", "array", "null"]}

IN_PATH: Mapping[str, Schema] = {"model": {"type": "string", "pattern": "^[^/]{1,600}$"}}


def _number(least: float, most: float) -> Schema:
    return {"type": ["number", "null"], "minimum": least, "maximum": most}


def _most_tokens() -> Schema:
    return {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_TOKENS}


_KNOWN: Mapping[str, Schema] = {
    "model": TEXT,
    "messages": many(
        {
            "type": "object",
            "properties": {"role": {"enum": list(ROLES)}, "content": PARTS},
            "required": ["role"],
        },
        minItems=1, maxItems=MAX_MESSAGES,
    ),
    "stream": or_null("boolean"),
    "stream_options": or_null("object"),
    "max_tokens": _most_tokens(),
    "max_completion_tokens": _most_tokens(),
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "frequency_penalty": _number(-2, 2),
    "presence_penalty": _number(-2, 2),
    "seed": or_null("integer"),
    "stop": {"type": ["string", "array", "null"], "maxItems": MAX_STOPS},
    "tools": {"type": ["array", "null"], "items": OBJECT, "maxItems": MAX_TOOLS},
    "parallel_tool_calls": or_null("boolean"),
}  # fmt: skip
TAKEN: Mapping[str, Schema] = {
    "OpenAiTexts": record(
        {
            "input": {"anyOf": [CONTENT, many(CONTENT, minItems=1, maxItems=MAX_INPUTS)]},
            "model": TEXT,
            "encoding_format": {"enum": [*FORMATS, None]},
            "dimensions": {"type": "null"},
            "user": {},
        },
        ("encoding_format", "dimensions", "user"),
    ),
    "OpenAiMessages": record(
        {name: _KNOWN.get(name, {}) for name in PARAMETERS},
        [name for name in PARAMETERS if name not in ("model", "messages")],
    ),
}

USAGE: Mapping[str, Schema] = {"prompt_tokens": COUNT, "total_tokens": COUNT}
CALL: Schema = record({
    "id": TEXT, "type": {"const": "function"},
    "function": record({"name": TEXT, "arguments": TEXT}),
})  # fmt: skip
RECEIPT: Schema = record({
    "evicted_messages": COUNT,
    "recalled": many(record({"memory": MEMORY, "score": SCORE, "age_s": COUNT})),
    "remembered": many(MEMORY),
})  # fmt: skip
GIVEN: Mapping[str, Schema] = {
    "OpenAiModel": MODEL,
    "OpenAiModels": record({"object": {"const": "list"}, "data": many(MODEL)}),
    "OpenAiEmbeddings": record({
        "object": {"const": "list"},
        "data": many(record({
            "object": {"const": "embedding"}, "index": COUNT,
            "embedding": {"anyOf": [NUMBERS, TEXT]},
        })),
        "model": TEXT,
        "usage": record(USAGE),
    }),
    "OpenAiCompletion": record({
        "id": TEXT,
        "object": {"const": "chat.completion"},
        "created": WHOLE_TIME,
        "model": TEXT,
        "choices": many(record({
            "index": COUNT,
            "message": record(
                {
                    "role": {"const": "assistant"}, "content": or_null("string"),
                    "refusal": {"type": "null"}, "annotations": many({}),
                    "tool_calls": many(CALL),
                },
                ("tool_calls",),
            ),
            "finish_reason": {"enum": list(REASONS)},
            "logprobs": {"type": "null"},
        })),
        "usage": record({**USAGE, "completion_tokens": COUNT}),
        "receipt": RECEIPT,
    }),
    "OpenAiCompletionEvents": {
        "type": "string",
        "description": "server-sent events, if `stream` is true: each has a "
        "`chat.completion.chunk`, the last with a choice has the receipt, and behind the usage, if "
        "it is wanted, comes `[DONE]`",
    },
}  # fmt: skip
