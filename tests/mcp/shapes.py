"""The protocol's own shapes, as JSON Schema made of the official SDK's types, by version."""

import functools
from collections.abc import Mapping
from typing import Any

import jsonschema_rs
from mcp_types import JSONRPCError, JSONRPCNotification, JSONRPCResponse
from mcp_types.methods import SERVER_NOTIFICATIONS, SERVER_RESULTS
from pydantic import TypeAdapter


@functools.cache
def _validator(of: Any) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(TypeAdapter(of).json_schema())


def wrongs_of(message: Mapping[str, Any], method: str, version: str) -> list[str]:
    """Return what is wrong with a message that answers a request of this method and version."""
    if "method" in message:
        kinds = [JSONRPCNotification, SERVER_NOTIFICATIONS[message["method"], version]]
        return [str(error) for kind in kinds for error in _validator(kind).iter_errors(message)]
    if "error" in message:
        named = message if "id" in message else {**message, "id": "none could be read"}
        return [str(error) for error in _validator(JSONRPCError).iter_errors(named)]
    result = SERVER_RESULTS[method, version]
    return [
        *(str(error) for error in _validator(JSONRPCResponse).iter_errors(message)),
        *(str(error) for error in _validator(result).iter_errors(message["result"])),
    ]
