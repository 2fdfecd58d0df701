"""Describes in words what a JSON Schema of this project allows."""

from collections.abc import Iterator, Mapping
from typing import Any

KINDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "object": "object",
    "array": "list",
    "null": "null",
}
RANGES = (
    ("minimum", "maximum", ""),
    ("minItems", "maxItems", ""),
    ("", "maxLength", " characters"),
)
"""The least and the most of something, by their names, and what they count."""
OTHERS = (
    ("pattern", "as `{}`"),
    ("default", "by default {}"),
    ("description", "{}"),
)
"""The words for each bound of a schema, by its name."""
NO_SPACES = "[^\t-"
"""How the pattern begins that says: something other than white space."""


def words_of(schema: Mapping[str, Any]) -> str:
    """Return in words what a value may be; the caller describes the fields of an object."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kinds = (*schema.get("oneOf", ()), *schema.get("anyOf", ()))
    if kinds:
        return ", or ".join(words_of(kind) for kind in kinds)
    return ", ".join([_kind(schema), *_bounds(schema)])


def _kind(schema: Mapping[str, Any]) -> str:
    named = schema.get("type", "object")
    names = [named] if isinstance(named, str) else named
    said = " or ".join(KINDS[name] for name in names)
    if "items" in schema:
        items = words_of(schema["items"])
        return f"{said} of objects" if items == "object" else f"{said} of: {items}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object with, for each name, {words_of(schema['additionalProperties'])}"
    return said


def _bounds(schema: Mapping[str, Any]) -> Iterator[str]:
    for low, high, unit in RANGES:
        least, most = schema.get(low), schema.get(high)
        if least is not None and most is not None:
            yield f"from {least} to {most}{unit}"
        elif least is not None:
            yield f"{least} or more{unit}"
        elif most is not None:
            yield f"up to {most}{unit}"
    for name, words in OTHERS:
        value = schema.get(name)
        if name == "pattern" and str(value).startswith(NO_SPACES):
            yield "with more in it than white space"
        elif value is not None:
            yield words.format(str(value).lower() if isinstance(value, bool) else value)
