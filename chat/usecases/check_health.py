"""Checks whether each part that a turn needs answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chat.core.errors import ChatError
from chat.core.messages import Completion

HEALTHY = "ok"
SLOW_FROM_TOKENS = 1024
"""How long a context may be before Spin's own engine counts as slow.

On two cores, with a model of two million weights, it reads 1,024 tokens in 1.5 s and 3,000 in 11 s.
"""
SLOW_ENGINE = (
    "Spin's own engine reads the whole context anew in each turn, and may hold up every other "
    f"request meanwhile: a `context_length` of {SLOW_FROM_TOKENS} or less is advised"
)


@dataclass(frozen=True)
class Health:
    """The health of a part: `ok` or the code of its error, and a note for the operator.

    If it `is_partial`, something of the part fails, and the rest of it is of use.
    """

    state: str
    note: str = ""
    is_partial: bool = False


async def tried(ask: Callable[[], Awaitable[str]]) -> Health:
    """Return the health of a part; `ask` returns the part's note, or raises its error."""
    try:
        return Health(HEALTHY, await ask())
    except ChatError as error:
        return Health(error.code, str(error))


def note_on(completion: Completion, context_length: int) -> str:
    """Return what an operator should know about the engine that made `completion`."""
    is_slow = completion.has_prompt and context_length > SLOW_FROM_TOKENS
    return SLOW_ENGINE if is_slow else ""
