"""The last net: what becomes of an error that nobody thought of."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from chat.core.errors import ChatError, InternalError
from chat.http.log_line import describe_fault
from chat.spin.log import log

Outcome = TypeVar("Outcome")


async def caught(act: Awaitable[Outcome], otherwise: Callable[[ChatError], Outcome]) -> Outcome:
    """Return what `act` returns; after an error, return what `otherwise` makes of it.

    An exception that is no ChatError is written to the log, and becomes an InternalError. By then,
    every `undone_on_error` on its way has undone what the request held.
    """
    try:
        return await act
    except ChatError as error:
        return otherwise(error)
    except Exception as fault:  # noqa: BLE001 - a trap would send no answer, and undo nothing
        log("error", "fault", **describe_fault(fault))
        return otherwise(InternalError())
