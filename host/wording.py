"""Writes values in messages as Spin does, so that whoever knows its messages knows these.

Source: serde `de::Unexpected` and `de::Error`, Rust's `{:?}` of a string.
"""

import json
from collections.abc import Sequence


def quoted(text: str) -> str:
    """Return a text in quotation marks, with escapes for invisible characters."""
    return json.dumps(text, ensure_ascii=False)


def written(value: object) -> str:
    """Return a value as it may be written in a file."""
    return json.dumps(value, ensure_ascii=False, default=str)


def described(value: object) -> str:
    """Return a description of a TOML value: its type, and a short value itself."""
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value}`"
    if isinstance(value, str):
        return f"string {quoted(value)}"
    return "sequence" if isinstance(value, list) else "map"


def alternatives(names: Sequence[str]) -> str:
    """Return the names that are allowed, joined by `or` or as a list."""
    ticked = [f"`{name}`" for name in names]
    if len(ticked) > 2:  # noqa: PLR2004 - two are joined by "or", more are a list
        return f"one of {', '.join(ticked)}"
    return " or ".join(ticked)


def wrong_type(value: object, expected: str) -> str:
    """Return the message for a value that is not `expected`, as "a string"."""
    return f"invalid type: {described(value)}, expected {expected}"


def unknown_field(name: str, known: Sequence[str]) -> str:
    """Return the message for a key of a table that is not known."""
    return f"unknown field `{name}`, expected {alternatives(known)}"


def unknown_variant(name: str, known: Sequence[str]) -> str:
    """Return the message for a text that is not one of the `known` ones."""
    return f"unknown variant `{name}`, expected {alternatives(known)}"


def no_variant(kind: str) -> str:
    """Return the message for a value that has none of the forms of `kind`."""
    return f"data did not match any variant of untagged enum {kind}"
