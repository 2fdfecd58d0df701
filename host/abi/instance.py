"""One guest instance: its resource table, its interfaces, and when it may run."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from host.errors import Trap


class ResourceTable:
    """The host objects that a guest holds, by number.

    No number is used twice, so an old number reaches nothing. An item that was made of another one
    is its child, and has to leave the table before it.
    Source: spin `crates/table`, wasmtime `component::ResourceTable`.
    """

    def __init__(self) -> None:
        self._items: dict[int, Any] = {}
        self._parents: dict[int, int] = {}
        self._next = 1

    def push(self, item: Any) -> int:
        """Keep `item`, and return its number."""
        number = self._next
        self._next += 1
        self._items[number] = item
        return number

    def push_child(self, item: Any, parent: int) -> int:
        """Keep `item`, a child of the item under `parent`, and return its number."""
        number = self.push(item)
        self._parents[number] = parent
        return number

    def get(self, number: int) -> Any:
        """Return the item under `number`.

        Errors: Trap if there is none.
        """
        try:
            return self._items[number]
        except KeyError:
            raise Trap(f"unknown resource {number}") from None

    def take(self, number: int) -> Any:
        """Remove the item under `number` from the table, and return it.

        Errors: Trap if there is none, or if it has children.
        """
        item = self.get(number)
        if number in self._parents.values():
            raise Trap(f"resource {number} is let go of before what was made of it")
        self._parents.pop(number, None)
        del self._items[number]
        return item

    def drop(self, number: int) -> None:
        """Remove the item under `number`, which the guest drops: `drop` it, or else `close` it."""
        item = self.take(number)
        call_if_there(item, "drop" if hasattr(item, "drop") else "close")

    def close(self) -> None:
        """Remove every item at the end of a request, and `close` it."""
        self._parents.clear()
        while self._items:
            _, item = self._items.popitem()
            call_if_there(item, "close")


def call_if_there(item: Any, method: str) -> None:
    """Call a method of an item, if the item has it."""
    found = getattr(item, method, None)
    if found is not None:
        found()


class Instance:
    """The state of one instance; its guest runs in one thread, and only while it holds `turn`.

    `before_waiting` is called whenever the guest is about to wait for something outside.
    `turn` lets one guest run at a time, which is the fastest that a process can do: each host call
    needs the interpreter's lock, for which several running guests would compete.
    """

    def __init__(
        self, interfaces: Mapping[str, Callable[["Instance"], Any]], turn: threading.Lock
    ) -> None:
        self.table = ResourceTable()
        self._makers = interfaces
        self._made: dict[str, Any] = {}
        self._turn = turn
        self.before_waiting: Callable[[], None] = lambda: None

    def interface(self, name: str) -> Any:
        """Return this instance's object for the interface `name`, which the first call makes."""
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = self._makers[name](self)
        return made

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let other guests run while this one waits for Redis, a model or HTTP."""
        self.before_waiting()
        self._turn.release()
        try:
            yield
        finally:
            self._turn.acquire()
