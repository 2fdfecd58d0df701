"""Embeddings as they are kept, and how they are compared without making a number of each value."""

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from chat.core.vectors import dot

ZERO = 128
"""The byte that stands for 0; a byte more or less is one step."""
MOST_STEPS = 127
PROMPT_STEPS = 2047
"""The steps of an embedding that is compared with packed ones."""
SCALE = struct.Struct("<f")


class Packed(Sequence[float]):
    """An embedding with one byte for each value, in steps of one scale.

    The cosine of two embeddings differs by 0.0004 (a standard deviation) if one of them is packed:
    less than a hundredth of what tells a good match from a bad one. A sum of products over bytes
    takes less than half of the time that it takes to make numbers of values in half precision.
    """

    def __init__(self, data: bytes, scale: float) -> None:
        """Take the values' bytes, and the size of a step."""
        self.data = data
        self.scale = scale

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[float]:
        return iter([(value - ZERO) * self.scale for value in self.data])

    def __getitem__(self, place: Any) -> Any:
        return tuple(self)[place]


class Half(Sequence[float]):
    """An embedding in half precision, as it was kept before."""

    def __init__(self, data: bytes) -> None:
        """Take little-endian values in half precision."""
        self._data = data

    def __len__(self) -> int:
        return len(self._data) // 2

    def __iter__(self) -> Iterator[float]:
        return iter(struct.unpack(f"<{len(self)}e", self._data))

    def __getitem__(self, place: Any) -> Any:
        return tuple(self)[place]


def pack(embedding: Sequence[float]) -> bytes:
    """Return an embedding's scale and its values' bytes; what they stand for is as long as it."""
    most = max(map(abs, embedding)) or 1.0
    steps = [round(value * MOST_STEPS / most) for value in embedding]
    scale = math.hypot(*embedding) / (math.hypot(*steps) or 1)
    return SCALE.pack(scale) + bytes([ZERO + step for step in steps])


def unpack(data: bytes) -> Packed:
    """Return the embedding that `pack` made these bytes of.

    Errors: ValueError if they are too few.
    """
    if len(data) <= SCALE.size:
        raise ValueError("an embedding has a scale and values")
    return Packed(data[SCALE.size :], SCALE.unpack_from(data)[0])


def distances(one: Sequence[float], others: Sequence[Sequence[float]]) -> list[float]:
    """Return the cosine distance of a unit embedding to each of others, 0 to 2.

    It is 2 if their lengths differ.
    """
    most = max(map(abs, one), default=0.0) or 1.0
    steps = [round(value * PROMPT_STEPS / most) for value in one]
    scale, at_zero = most / PROMPT_STEPS, ZERO * sum(steps)

    def likeness(other: Sequence[float]) -> float:
        if isinstance(other, Packed):
            return (dot(steps, other.data) - at_zero) * scale * other.scale
        return dot(one, other)

    return [max(0.0, 1.0 - likeness(other)) if len(one) == len(other) else 2.0 for other in others]
