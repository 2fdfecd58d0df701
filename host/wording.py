"""Words values in messages as Spin does, so that whoever knows its messages knows ours.

Source: serde `de::Unexpected` and `de::Error`, Rust's `{:?}` of a string.
"""

import json
from collections.abc import Sequence


def quoted(text: str) -> str:
    """Put a text in quotation marks, with escapes for what cannot be seen."""
    return json.dumps(text, ensure_ascii=False)


def written(value: object) -> str:
    """Write a value as it may stand in a file."""
    return json.dumps(value, ensure_ascii=False, default=str)


def described(value: object) -> str:
    """Say what a value of a TOML file is."""
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
    """Say what may stand in a place."""
    ticked = [f"`{name}`" for name in names]
    if len(ticked) > 2:  # noqa: PLR2004 - two are joined by "or", more are a list
        return f"one of {', '.join(ticked)}"
    return " or ".join(ticked)


def wrong_type(value: object, expected: str) -> str:
    """Say that a value is not `expected`, which is "a string" or the like."""
    return f"invalid type: {described(value)}, expected {expected}"


def unknown_field(name: str, known: Sequence[str]) -> str:
    """Say that a table has a key that nobody reads."""
    return f"unknown field `{name}`, expected {alternatives(known)}"


def unknown_variant(name: str, known: Sequence[str]) -> str:
    """Say that a text is none of those that may stand in its place."""
    return f"unknown variant `{name}`, expected {alternatives(known)}"


def no_variant(kind: str) -> str:
    """Say that a value has none of the forms that `kind` may have."""
    return f"data did not match any variant of untagged enum {kind}"
