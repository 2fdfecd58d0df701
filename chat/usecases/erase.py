"""Removes all data of an owner from every store that answers, and returns a receipt."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from chat.core.errors import Unavailable
from chat.usecases.durable_ports import Erased


@dataclass(frozen=True)
class Receipt:
    """What was removed from each store, by the store's name; None if it did not answer."""

    stores: Mapping[str, Erased | None]

    @property
    def is_complete(self) -> bool:
        """Whether every store answered, and none has anything left."""
        return all(erased is not None and erased.left == 0 for erased in self.stores.values())


async def erase(stores: Mapping[str, Callable[[], Awaitable[Erased]]]) -> Receipt:
    """Ask every store, even if others fail; an erasure may be repeated.

    Errors: none for a store that is away: the receipt tells.
    """
    return Receipt({name: await _tried(erase_one) for name, erase_one in stores.items()})


async def _tried(erase_one: Callable[[], Awaitable[Erased]]) -> Erased | None:
    try:
        return await erase_one()
    except Unavailable:
        return None
