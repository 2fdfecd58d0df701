"""Reads a GGUF file: its metadata, and its tensors in the file's own order of rows.

Source: the GGUF specification, ggml `docs/gguf.md`, version 3, little-endian.
"""

import enum
import math
import struct
from dataclasses import dataclass
from typing import Any

MAGIC = b"GGUF"
VERSION = 3
DEFAULT_ALIGNMENT = 32
NUMBERS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
"""The letters of `struct` for metadata values, by the number of the value's type."""
TEXT, ARRAY = 8, 9


class ElementType(enum.IntEnum):
    """How a tensor's values are stored; quantised tensors are not read."""

    F32 = 0
    F16 = 1

    @property
    def value_bytes(self) -> int:
        """How many bytes a value takes."""
        return 4 if self is ElementType.F32 else 2


@dataclass(frozen=True)
class Tensor:
    """A tensor in row order.

    Shapes: `shape` begins with the dimension of the longest stride; in the file it is the last one.
    """

    element_type: ElementType
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True)
class Gguf:
    """The metadata and the tensors of a file, by name."""

    metadata: dict[str, Any]
    tensors: dict[str, Tensor]


class _Cursor:
    """A place in the bytes of a file; each read moves it on."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def numbers(self, letter: str, count: int) -> tuple[Any, ...]:
        layout = struct.Struct(f"<{count}{letter}")
        found = layout.unpack_from(self._data, self.position)
        self.position += layout.size
        return found

    def number(self, letter: str) -> Any:
        return self.numbers(letter, 1)[0]

    def text(self) -> str:
        length = self.number("Q")
        start, self.position = self.position, self.position + length
        return self._data[start : self.position].decode()

    def value(self, kind: int) -> Any:
        if kind == TEXT:
            return self.text()
        if kind != ARRAY:
            return self.number(NUMBERS[kind])
        inner, length = self.number("I"), self.number("Q")
        if inner in NUMBERS:
            return list(self.numbers(NUMBERS[inner], length))
        return [self.value(inner) for _ in range(length)]


def parse_gguf(data: bytes) -> Gguf:
    """Parse the bytes of a whole file.

    Errors: ValueError for another format, another version or quantised tensors; struct.error for a
            file that ends early.
    """
    cursor = _Cursor(data)
    if data[: len(MAGIC)] != MAGIC:
        raise ValueError("not a GGUF file")
    _, version = cursor.number("I"), cursor.number("I")
    if version != VERSION:
        raise ValueError(f"GGUF version {version}, where {VERSION} is read")
    tensor_count, metadata_count = cursor.numbers("Q", 2)
    metadata = {cursor.text(): cursor.value(cursor.number("I")) for _ in range(metadata_count)}
    heads = [_tensor_head(cursor) for _ in range(tensor_count)]
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    start = math.ceil(cursor.position / alignment) * alignment
    return Gguf(metadata, {head.name: _tensor(head, data, start) for head in heads})


@dataclass(frozen=True)
class _TensorHead:
    name: str
    shape: tuple[int, ...]
    element_type: ElementType
    offset: int


def _tensor_head(cursor: _Cursor) -> _TensorHead:
    name = cursor.text()
    fastest_first = cursor.numbers("Q", cursor.number("I"))
    element_type = ElementType(cursor.number("I"))
    return _TensorHead(name, fastest_first[::-1], element_type, cursor.number("Q"))


def _tensor(head: _TensorHead, data: bytes, start: int) -> Tensor:
    begin = start + head.offset
    end = begin + math.prod(head.shape) * head.element_type.value_bytes
    if end > len(data):
        raise ValueError(f"the file ends within {head.name}")
    return Tensor(head.element_type, head.shape, data[begin:end])
