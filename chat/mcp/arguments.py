"""Checks the arguments of a tool by its schema; each error names its argument.

What a schema cannot say, and the fields of objects in lists, the operation behind the tool checks.
"""

from collections.abc import Mapping
from typing import Any

from chat.core.refusals import InvalidRequest
from chat.http.fields import refuse_others
from chat.http.shapes import Schema

KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def check_arguments(schema: Schema, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments; a number such as `1.0` is a whole one where that is asked for.

    Errors: InvalidRequest, which names the argument and what is allowed.
    """
    properties: Mapping[str, Schema] = schema["properties"]
    if not properties and arguments:
        name = next(iter(arguments))[:40]
        raise InvalidRequest(f"`{name}` is not a field here; there is none", name)
    refuse_others(arguments, tuple(properties), "")
    for name in schema["required"]:
        if name not in arguments:
            raise InvalidRequest(f"needs `{name}`: {_allowed(properties[name])}", name)
    return {name: _checked(name, properties[name], value) for name, value in arguments.items()}


def _checked(name: str, schema: Schema, value: Any) -> Any:
    if "integer" in _kinds(schema) and isinstance(value, float) and value.is_integer():
        value = int(value)
    if not _fits(schema, value):
        raise InvalidRequest(f"`{name}` must be {_allowed(schema)}", name)
    return value


def _fits(schema: Schema, value: Any) -> bool:
    if "enum" in schema:
        return value in schema["enum"]
    types = [kind for name in _kinds(schema) for kind in KINDS[name]]
    if isinstance(value, bool) and bool not in types:
        return False
    if not isinstance(value, tuple(types)):
        return False
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number:
        return True
    least, most = schema.get("minimum", value), schema.get("maximum", value)
    return bool(least <= value <= most)


def _kinds(schema: Schema) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _allowed(schema: Schema) -> str:
    """Return in words what a value may be."""
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    words = " or ".join(WORDS[kind] for kind in _kinds(schema))
    if "minimum" in schema and "maximum" in schema:
        return f"{words} from {schema['minimum']} to {schema['maximum']}"
    return words
