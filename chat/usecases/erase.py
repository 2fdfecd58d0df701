"""Removes all of an owner from every store, as far as they answer, and says what was done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chat.core.errors import Unavailable
from chat.usecases.durable_ports import Erased


@dataclass(frozen=True)
class Receipt:
    """What each store did, by its name; None for one that did not answer."""

    stores: Mapping[str, Erased | None]

    @property
    def is_complete(self) -> bool:
        """Say whether nothing is left anywhere."""
        return all(erased is not None and erased.left == 0 for erased in self.stores.values())


def erase(stores: Mapping[str, Callable[[], Erased]]) -> Receipt:
    """Ask every store, whatever becomes of the others; all of it may be asked for again.

    Errors: none; a store that is away is in the receipt.
    """
    return Receipt({name: _tried(erase_one) for name, erase_one in stores.items()})


def _tried(erase_one: Callable[[], Erased]) -> Erased | None:
    try:
        return erase_one()
    except Unavailable:
        return None
