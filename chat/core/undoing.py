"""Undoes what was begun where what follows fails, whatever the failure is."""

import contextlib
from collections.abc import Callable, Iterator

from chat.core.errors import ChatError


@contextlib.contextmanager
def undone_on_error(undo: Callable[[], object]) -> Iterator[None]:
    """Undo if what is done within fails; the failure goes on.

    What cannot be undone, as its store is away, ends by itself after a while.
    """

    def tried() -> None:
        with contextlib.suppress(ChatError):
            undo()

    with contextlib.ExitStack() as stack:
        stack.callback(tried)
        yield
        stack.pop_all()
