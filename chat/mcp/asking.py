"""Asks an operation of the HTTP API, by the same caller and on the operation's own terms."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from chat.core.json_text import parse_own_json, render_json_text
from chat.http.call import Call
from chat.http.operation import Operation
from chat.http.operations import OPERATIONS
from chat.http.response import Response
from chat.mcp.protocol import Fields

IN_PATH = re.compile(r"{(\w+)}")
IN_API = {"conversation_id": "id"}
"""The names that arguments have in the API, where these differ."""
NOT_FORWARDED = ("accept", "content-type", "content-length")


@dataclass(frozen=True)
class Step:
    """An operation, and the call of it within a message."""

    operation: Operation
    call: Call

    async def ask(self) -> Response:
        """Return the operation's answer.

        Errors: those of the operation.
        """
        return await self.operation.handler(self.call)


def make_step(call: Call, method: str, path: str, arguments: Mapping[str, Any]) -> Step:
    """Prepare the call of an operation: arguments go into its path, its query or its body.

    Errors: MemoryOff.
    """
    operation = OPERATIONS[path][method]
    operation.check_memory(call.settings)
    fields = {IN_API.get(name, name): value for name, value in arguments.items()}
    named = {name: str(fields.pop(name)) for name in IN_PATH.findall(path)}
    uri, body = path, b""
    if operation.takes is not None:
        body = render_json_text(fields).encode()
    elif fields:
        uri = f"{path}?{urlencode(fields)}"
    headers = {name: of for name, of in call.headers.items() if name not in NOT_FORWARDED}
    request = replace(call.request, method=method, uri=uri, headers=headers)
    inner = replace(call, request=request, path=named, terms=operation)
    inner.__dict__.update(settings=call.settings, caller=call.caller, body=body)
    return Step(operation, inner)


async def ask(call: Call, path: str, **arguments: Any) -> Fields:
    """Return the fields of an answer to GET.

    Errors: those of the operation.
    """
    return fields_of(await make_step(call, "GET", path, arguments).ask())


def fields_of(response: Response) -> dict[str, Any]:
    """Return the fields of an answer in JSON."""
    fields: dict[str, Any] = parse_own_json(response.body)
    return fields
