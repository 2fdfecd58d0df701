"""The shapes of messages, as JSON Schema: what all of them have in common.

Source: the schemas of the Model Context Protocol have the rest, for each method and version.
"""

from collections.abc import Mapping

from chat.http.shapes import TEXT, Schema

TWO: Schema = {"const": "2.0"}
REQUEST_ID: Schema = {"type": ["string", "integer"]}
OBJECT: Schema = {"type": "object"}
ERROR: Schema = {
    "type": "object",
    "properties": {"code": {"type": "integer"}, "message": TEXT, "data": OBJECT},
    "required": ["code", "message"],
    "additionalProperties": False,
}

TAKEN: Mapping[str, Schema] = {
    "McpMessage": {
        "type": "object",
        "properties": {
            "jsonrpc": TWO,
            "id": REQUEST_ID,
            "method": {"type": "string", "minLength": 1},
            "params": OBJECT,
        },
        "required": ["jsonrpc", "method"],
    },
}
GIVEN: Mapping[str, Schema] = {
    "McpResult": {
        "type": "object",
        "properties": {"jsonrpc": TWO, "id": REQUEST_ID, "result": OBJECT, "error": ERROR},
        "required": ["jsonrpc", "id"],
        "additionalProperties": False,
    },
    "McpError": {
        "type": "object",
        "properties": {"jsonrpc": TWO, "id": REQUEST_ID, "error": ERROR},
        "required": ["jsonrpc", "error"],
        "additionalProperties": False,
    },
    "McpEvents": {
        "type": "string",
        "description": "server-sent events, each with a JSON-RPC message; the last is the answer",
    },
}
