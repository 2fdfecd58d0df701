"""Says which of the parts that a turn needs answer."""

from collections.abc import Callable
from dataclasses import dataclass

from chat.core.errors import ChatError
from chat.core.messages import Completion

HEALTHY = "ok"
SLOW_FROM_TOKENS = 1024
"""Spin's own engine reads these in 1.5 s, with two million weights on two cores; 3,000 in 11 s."""
SLOW_ENGINE = (
    "Spin's own engine reads the whole context anew in each turn, and may hold up every other "
    f"request meanwhile: a `context_length` of {SLOW_FROM_TOKENS} or less is advised"
)


@dataclass(frozen=True)
class Health:
    """How a part is: `ok` or the code of what went wrong, and what an operator should know."""

    state: str
    note: str = ""


def tried(ask: Callable[[], str]) -> Health:
    """Ask a part, which returns its note or raises what went wrong."""
    try:
        return Health(HEALTHY, ask())
    except ChatError as error:
        return Health(error.code, str(error))


def note_on(completion: Completion, context_length: int) -> str:
    """Return what an operator should know of the engine that gave `completion`."""
    is_slow = completion.has_prompt and context_length > SLOW_FROM_TOKENS
    return SLOW_ENGINE if is_slow else ""
