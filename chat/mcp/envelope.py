"""Parses a message, and finds out in which version of the protocol it is sent."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chat.core.json_text import NotJson, parse_json
from chat.mcp.protocol import (
    CAPABILITIES_FIELD,
    CLIENT_FIELD,
    HANDSHAKE,
    HEADER_MISMATCH,
    INVALID_MESSAGE,
    INVALID_PARAMS,
    METHOD_HEADER,
    MODERN,
    NAME_HEADER,
    NAMED_BY,
    PARSE_ERROR,
    SUPPORTED,
    VERSION_FIELD,
    VERSION_HEADER,
    Fields,
    Refused,
    RequestId,
    unsupported,
)

ENCODED = re.compile(r"=\?base64\?(.*)\?=", re.ASCII)


@dataclass(frozen=True)
class Message:
    """A JSON-RPC message.

    Shapes: `id` is None for a notification, and for an answer, whose `method` is empty.
    """

    id: RequestId | None
    method: str
    params: Fields

    @property
    def meta(self) -> Fields:
        """The request's `_meta`; empty if it has none."""
        meta = self.params.get("_meta", {})
        return meta if isinstance(meta, dict) else {}


def parse_message(body: bytes) -> Message:
    """Parse the body of a request: one message.

    Errors: Refused.
    """
    try:
        fields = parse_json(body)
    except NotJson as error:
        raise Refused(PARSE_ERROR, f"the body must be JSON in UTF-8: {error}") from error
    if isinstance(fields, list):
        raise Refused(INVALID_MESSAGE, "no version that is served here has batches of messages")
    if not isinstance(fields, dict) or fields.get("jsonrpc") != "2.0":
        raise Refused(INVALID_MESSAGE, 'the body must be an object with `"jsonrpc": "2.0"`')
    if "method" not in fields and ("result" in fields or "error" in fields):
        return Message(None, "", {})
    return Message(_parse_request_id(fields), _parse_method(fields), _parse_params(fields))


def _parse_request_id(fields: Mapping[str, Any]) -> RequestId | None:
    given = fields.get("id")
    if "id" in fields and (isinstance(given, bool) or not isinstance(given, str | int)):
        raise Refused(INVALID_MESSAGE, "`id` must be a string or a whole number")
    return given


def _parse_method(fields: Mapping[str, Any]) -> str:
    method = fields.get("method")
    if not isinstance(method, str) or not method:
        raise Refused(INVALID_MESSAGE, "`method` must be the name of a method")
    return method


def _parse_params(fields: Mapping[str, Any]) -> Fields:
    params = fields.get("params", {})
    if not isinstance(params, dict):
        raise Refused(INVALID_MESSAGE, "`params` must be an object")
    return params


def find_version(message: Message, headers: Mapping[str, str]) -> str:
    """Return the version in which a message is sent.

    Errors: Refused, also if header and body do not say the same.
    """
    sent = headers.get(VERSION_HEADER)
    if message.id is None:
        return _version_without_answer(message, sent)
    if VERSION_FIELD in message.meta or sent == MODERN:
        return _checked_modern(message, headers)
    if sent is None and message.method == "initialize":
        return HANDSHAKE[0]
    if sent is None:
        served = ", ".join(SUPPORTED)
        raise Refused(HEADER_MISMATCH, f"`MCP-Protocol-Version` must be one of {served}")
    if sent not in HANDSHAKE:
        raise unsupported(sent)
    return sent


def _version_without_answer(message: Message, sent: str | None) -> str:
    """Return the version of a message that gets no answer; without a header, any may be meant."""
    if sent is not None and sent not in SUPPORTED:
        raise unsupported(sent)
    if sent == MODERN and not message.method:
        raise Refused(INVALID_MESSAGE, "this server asks nothing that a client could answer")
    return sent or HANDSHAKE[0]


def _checked_modern(message: Message, headers: Mapping[str, str]) -> str:
    """Return the version of a request that stands by itself."""
    meta = message.meta
    version, capabilities = meta.get(VERSION_FIELD), meta.get(CAPABILITIES_FIELD)
    if not isinstance(version, str) or not isinstance(capabilities, dict):
        needed = f"`{VERSION_FIELD}` and `{CAPABILITIES_FIELD}`"
        raise Refused(INVALID_PARAMS, f"`params._meta` must have {needed}")
    if not isinstance(meta.get(CLIENT_FIELD, {}), dict):
        raise Refused(INVALID_PARAMS, f"`{CLIENT_FIELD}` must be an object")
    wanted = {VERSION_HEADER: version, METHOD_HEADER: message.method}
    for name, value in wanted.items():
        if headers.get(name) != value:
            raise Refused(HEADER_MISMATCH, f"the header `{name}` must say what the body says")
    field = NAMED_BY.get(message.method, "")
    named = message.params.get(field)
    if isinstance(named, str) and _decoded(headers.get(NAME_HEADER)) != named:
        problem = f"the header `{NAME_HEADER}` must say what `params.{field}` says"
        raise Refused(HEADER_MISMATCH, problem)
    if version != MODERN:
        raise unsupported(version)
    return version


def _decoded(value: str | None) -> str | None:
    """Return what a header's value stands for; None if it stands for nothing."""
    match = ENCODED.fullmatch(value or "")
    if match is None:
        return value
    try:
        data = base64.b64decode(match[1], validate=True)
        is_canonical = base64.b64encode(data).decode() == match[1]
        return data.decode() if is_canonical else None
    except (binascii.Error, UnicodeDecodeError):
        return None
