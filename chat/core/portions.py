"""Divides data for a store into calls that a host accepts: one may carry a few megabytes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

MAX_CALL_BYTES = 512 * 1024
"""The most bytes of texts that one call to Redis carries, in its arguments or in its answer.

A wasmtime host allows 128 MiB for the arguments of a call. If it knows the interface at run time
only, it counts 32 bytes for each byte of them, so a call of 4 MiB ends the instance.
Source: `Store::set_hostcall_fuel` of wasmtime.
"""

Item = TypeVar("Item")


def portions(
    items: Iterable[Item], bytes_of: Callable[[Item], int], max_bytes: int, max_count: int
) -> Iterator[list[Item]]:
    """Yield the items in their order, in lists that are as long as both limits allow.

    Errors: none; an item that is over the limit by itself is a list of its own.
    """
    portion: list[Item] = []
    total_bytes = 0
    for item in items:
        size_bytes = bytes_of(item)
        if portion and (total_bytes + size_bytes > max_bytes or len(portion) == max_count):
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
