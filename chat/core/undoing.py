"""Undoes a step if a later step fails, whatever the failure is."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from chat.core.errors import ChatError


@contextlib.asynccontextmanager
async def undone_on_error(
    undo: Callable[[], Awaitable[object]], unless: type[ChatError] | None = None
) -> AsyncIterator[None]:
    """Call `undo` if the block within fails, unless by an error `unless`; the failure goes on.

    Errors: none of `undo`'s ChatErrors: what cannot be undone while a store is away expires by
            itself after a while.
    """
    try:
        yield
    except BaseException as error:
        if unless is None or not isinstance(error, unless):
            with contextlib.suppress(ChatError):
                await undo()
        raise


async def nothing() -> None:
    """Do nothing, where something may be done."""
