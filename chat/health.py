"""Says which of the parts that a turn needs answer."""

from collections.abc import Callable, Mapping

from chat.errors import ChatError

OK = "ok"


def check(parts: Mapping[str, Callable[[], object]]) -> Mapping[str, str]:
    """Ask every part, whatever becomes of the others; give `ok` or the code of what went wrong.

    Errors: none.
    """
    return {name: _tried(ask) for name, ask in parts.items()}


def _tried(ask: Callable[[], object]) -> str:
    try:
        ask()
    except ChatError as error:
        return error.code
    return OK
