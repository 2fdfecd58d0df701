"""What schemathesis is told of the media types that are not JSON."""

import json
from typing import Any

import schemathesis


@schemathesis.serializer("application/jsonl")
def serialize_lines(_: Any, value: Any) -> bytes:
    return value.encode(errors="replace") if isinstance(value, str) else json.dumps(value).encode()


@schemathesis.deserializer(
    "application/jsonl", "text/event-stream", "text/html", "text/css", "image/svg+xml"
)
def deserialize_text(_: Any, response: Any) -> str:
    return str(response.text)
