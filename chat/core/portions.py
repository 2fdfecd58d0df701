"""Divides what goes to a store into calls that a host takes: one may carry a few megabytes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

MOST_CALL_BYTES = 512 * 1024
"""What one call to Redis carries of texts, either way, where a whole of them may be larger.

A host of wasmtime counts 128 MiB for the arguments of a call, and 32 for each of their bytes where
it knows the interface at run time only: a call of 4 MiB ends the instance.
Source: `Store::set_hostcall_fuel` of wasmtime.
"""

Item = TypeVar("Item")


def portions(
    items: Iterable[Item], bytes_of: Callable[[Item], int], most_bytes: int, most_count: int
) -> Iterator[list[Item]]:
    """Yield items in their order, as many together as are within both limits; at least one.

    Errors: none; an item that is over the limit by itself stands alone.
    """
    portion: list[Item] = []
    total_bytes = 0
    for item in items:
        size_bytes = bytes_of(item)
        if portion and (total_bytes + size_bytes > most_bytes or len(portion) == most_count):
            yield portion
            portion, total_bytes = [], 0
        portion.append(item)
        total_bytes += size_bytes
    if portion:
        yield portion


def slices(items: Sequence[Item], count: int) -> Iterator[Sequence[Item]]:
    """Yield items in their order, `count` together; the last may be fewer."""
    for begin in range(0, len(items), count):
        yield items[begin : begin + count]
