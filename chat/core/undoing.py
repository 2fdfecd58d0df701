"""Undoes a step if a later step fails, whatever the failure is."""

import contextlib
from collections.abc import Callable, Iterator

from chat.core.errors import ChatError


@contextlib.contextmanager
def undone_on_error(undo: Callable[[], object]) -> Iterator[None]:
    """Call `undo` if the block within fails, and let the failure go on.

    Errors: none of `undo`'s ChatErrors: what cannot be undone while a store is away expires by
            itself after a while.
    """

    def tried() -> None:
        with contextlib.suppress(ChatError):
            undo()

    with contextlib.ExitStack() as stack:
        stack.callback(tried)
        yield
        stack.pop_all()
