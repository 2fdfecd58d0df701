"""Describes the API as an OpenAPI document, made from the table of operations.

Source: the OpenAPI Specification, version 3.1.1.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from chat.core.errors import ChatError
from chat.core.json_text import RULES
from chat.http.call import Access
from chat.http.credentials import COOKIE, HOST_PREFIX
from chat.http.events import EVENTS
from chat.http.operation import Operation, Parameter, errors_of
from chat.http.schemas import GIVEN
from chat.http.shapes import named
from chat.http.surface import Surface

VERSION = "0.1.0"
DESCRIPTION = f"Conversations that are remembered, for a model that is stateless. {RULES}"
IN_PATH = re.compile(r"{(\w+)}")
TAKEN_MEDIA = {"Export": "application/jsonl"}
"""The media types of request bodies that are not JSON."""
SECURITY: Mapping[Access, list[Mapping[str, list[str]]]] = {
    "none": [],
    "optional": [{}, {"owner": []}, {"page": []}],
    "owner": [{"owner": []}, {"page": []}],
    "admin": [{"admin": []}],
}
SCHEMES = {
    "owner": {"type": "http", "scheme": "bearer", "description": "A token of `POST /session`"},
    "page": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "The same token, given to the page only; over TLS its name begins with "
        f"`{HOST_PREFIX}`. For changes it counts only if the page itself asks",
    },
    "admin": {"type": "http", "scheme": "bearer", "description": "The variable `admin_token`"},
}
MORE_BESIDE_ERROR = {
    "unhealthy": {
        "parts": {"type": "object", "additionalProperties": {"type": "string"}},
        "notes": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "erase_incomplete": {"stores": GIVEN["Erased"]["properties"]["stores"]},
}
"""The further fields of the answers to some errors, by the error's code."""


def describe_api(surfaces: Sequence[Surface], *, has_admin: bool) -> Mapping[str, Any]:
    """Describe every path; operators' paths only if there is an operator."""
    paths: dict[str, dict[str, Any]] = {}
    for surface in surfaces:
        for path, methods in surface.operations.items():
            for method, operation in methods.items():
                if has_admin or operation.access != "admin":
                    described = _describe(surface, path, operation)
                    paths.setdefault(path, {})[method.lower()] = described
    taken = {name: schema for surface in surfaces for name, schema in surface.taken.items()}
    given = {name: schema for surface in surfaces for name, schema in surface.given.items()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Chat with memory",
            "version": VERSION,
            "description": DESCRIPTION,
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {**taken, **given},
            "securitySchemes": {
                name: scheme for name, scheme in SCHEMES.items() if has_admin or name != "admin"
            },
        },
    }


def _describe(surface: Surface, path: str, operation: Operation) -> Mapping[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.action,
        "summary": operation.summary,
        "security": SECURITY[operation.access],
        "parameters": [
            *(_path_parameter(surface, name) for name in IN_PATH.findall(path)),
            *map(_parameter, operation.parameters),
        ],
        "responses": {**_answers(operation), **_refusals(surface, path, operation)},
    }
    if operation.takes is not None:
        media = TAKEN_MEDIA.get(operation.takes, "application/json")
        described["requestBody"] = {
            "required": operation.takes not in surface.may_be_empty,
            "content": {media: {"schema": named(operation.takes)}},
        }
    return described


def _path_parameter(surface: Surface, name: str) -> Mapping[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": surface.in_path[name]}


def _parameter(parameter: Parameter) -> Mapping[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.is_needed,
        "schema": parameter.schema,
    }


def _answers(operation: Operation) -> Mapping[str, Any]:
    links = {
        action: {
            "operationId": action,
            "parameters": {
                name: f"$response.body#{pointer}" for name, pointer in parameters.items()
            },
        }
        for action, parameters in operation.links.items()
    }
    return {
        str(status): {
            "description": operation.summary,
            **({"content": _content(operation, name)} if name else {}),
            **({"links": links} if links else {}),
        }
        for status, name in operation.gives.items()
    }


def _content(operation: Operation, name: str) -> Mapping[str, Any]:
    media = {operation.media: name} | ({EVENTS: operation.events} if operation.events else {})
    return {kind: {"schema": named(schema)} for kind, schema in media.items()}


def _refusals(surface: Surface, path: str, operation: Operation) -> Mapping[str, Any]:
    by_status: dict[int, list[type[ChatError]]] = {}
    for error in errors_of(path, operation):
        by_status.setdefault(surface.status_of(error), []).append(error)
    for status in operation.refuses:
        by_status.setdefault(status, [])
    return {
        str(status): {
            "description": "\n".join(
                f"`{surface.code_of(error)}`: {_first_line(error)}" for error in errors
            )
            or operation.summary,
            "content": {"application/json": {"schema": _refusal(surface, errors)}},
        }
        for status, errors in sorted(by_status.items())
    }


def _refusal(surface: Surface, errors: list[type[ChatError]]) -> Mapping[str, Any]:
    """Return the schema of the answers to `errors`; some errors have further fields."""
    beside = [MORE_BESIDE_ERROR[error.code] for error in errors if error.code in MORE_BESIDE_ERROR]
    if not beside:
        return named(surface.error_shape)
    error = surface.given[surface.error_shape]
    whole = {**error, "properties": {**error["properties"], **beside[0]}}
    return {"anyOf": [named(surface.error_shape), whole]}


def _first_line(error: type[ChatError]) -> str:
    return (error.__doc__ or "").partition("\n")[0]
