"""What comes in parts, and ends with what all of them led to."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

from chat.core.tool_calls import CallPart

Outcome = TypeVar("Outcome")


async def outcome(parts: "AsyncGenerator[str | CallPart | Outcome, None]") -> Outcome:
    """Wait for what comes behind all parts, and return it.

    Errors: those of the parts.
    """
    async with aclosing(parts):
        async for part in parts:
            if not isinstance(part, str | CallPart):
                return part
    raise AssertionError("the parts ended without an outcome")
