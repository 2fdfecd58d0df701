"""Reads the rows of an owner's memories, and finds the signatures that differ least from another.

`chat/redis/lua/shared/memory_rows.lua` writes the rows. They are compared column by column: each
column is one string of bytes, and a sum of columns is one large integer with a byte for each row.
So the guest makes no object for a row; a few thousand objects take it longer than all sums.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add

from chat.core.errors import CorruptConversation
from chat.core.vectors import SIGNATURE_BITS, SKETCH_BITS, TAG_DIGITS

SIXES = SIGNATURE_BITS // 6
"""How many characters a signature has in a row."""
SKETCH_SIXES = SKETCH_BITS // 6
ZERO, STALE = ord("0"), ord("-")
WIDTH_AT = 1 + TAG_DIGITS
IDS_AT = WIDTH_AT + 2


def _differing(bits: int) -> bytes:
    """Return by how many bits each character differs from six bits; `-` counts as the farthest."""
    counts = [(bits ^ other).bit_count() for other in range(64)]
    return bytes([*([6] * ZERO), *counts, *([6] * (256 - ZERO - len(counts)))])


DIFFERING = tuple(_differing(bits) for bits in range(64))


class Rows:
    """The ids and signatures of memories; or their sketches, which have no ids.

    Errors: CorruptConversation if a text is none.
    """

    def __init__(self, text: str) -> None:
        """Take the rows as a script returns them; an empty text has none."""
        width = text[WIDTH_AT:IDS_AT]
        if text and not (text.startswith("=") and width.isdecimal() and text.isascii()):
            raise CorruptConversation
        self.is_sketched = width == "00"
        self._width = int(width or 1)
        self._sixes = SKETCH_SIXES if self.is_sketched else SIXES
        self._row = self._width + self._sixes
        self._data = text[IDS_AT:].encode()
        self.count, rest = divmod(len(self._data), self._row)
        if rest:
            raise CorruptConversation

    def name(self, place: int) -> str:
        """Return the id of a memory."""
        begin = place * self._row
        return self._data[begin : begin + self._width].decode().rstrip()

    def stale(self) -> list[int]:
        """Return the places of memories whose embeddings another model made."""
        return list(_places(self._column(0), STALE))

    def nearest(self, signature: str) -> Iterator[int]:
        """Yield places, beginning with those whose signatures differ least from `signature`.

        Two that differ from each other by one bit only may come in any order.
        """
        wanted = int(signature, 16)
        shifts = range(SIGNATURE_BITS - 6, -1, -6)[: self._sixes]
        sixes = [(wanted >> shift) & 63 for shift in shifts]
        half = self._sixes // 2  # the counts of all columns would be too large for a byte
        one, other = self._sum(sixes[:half], 0), self._sum(sixes[half:], half)
        even = int.from_bytes(bytes([0xFE]) * self.count, "little")
        mean = (one & other) + (((one ^ other) & even) >> 1)
        counts = mean.to_bytes(self.count, "little")
        for count in sorted(set(counts)):
            yield from _places(counts, count)

    def _sum(self, sixes: Sequence[int], first: int) -> int:
        columns = (
            int.from_bytes(self._column(place).translate(DIFFERING[bits]), "little")
            for place, bits in enumerate(sixes, first)
        )
        return reduce(add, columns, 0)

    def _column(self, place: int) -> bytes:
        return self._data[self._width + place :: self._row]


def _places(column: bytes, value: int) -> Iterator[int]:
    place = column.find(value)
    while place >= 0:
        yield place
        place = column.find(value, place + 1)
