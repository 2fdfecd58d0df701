"""Parses what all bodies of OpenAI's API have in common."""

from typing import Any

from chat.core.refusals import InvalidRequest
from chat.http.bodies import parse_object
from chat.http.fields import refuse_others


def parse_fields(
    body: bytes, allowed: tuple[str, ...], needed: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Parse an object that has no other fields than `allowed`, and all that are `needed`.

    Errors: InvalidRequest.
    """
    fields = parse_object(body)
    refuse_others(fields, allowed, "")
    for name in needed:
        if name not in fields:
            raise InvalidRequest(f"`{name}` is missing", name)
    return fields
