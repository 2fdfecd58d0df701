"""Reads the metadata of a GGUF file, much of which llama.cpp does not show.

Source: the GGUF specification, ggml `docs/gguf.md`, versions 2 and 3.
"""

import mmap
import pathlib
import struct
from collections.abc import Collection
from typing import Any

COUNTS_AT = 8
"""The bytes before the counts of tensors and keys: the magic word and the version."""
NUMBERS = {**dict(enumerate("BbHhIif?")), 10: "Q", 11: "q", 12: "d"}
"""How a value of each kind is packed; the kinds 8 and 9 have no fixed size."""
TEXT = 8
LIST = 9


def read_metadata(path: pathlib.Path, wanted: Collection[str]) -> dict[str, Any]:
    """Return the values of those `wanted` keys that the file has.

    Errors: ValueError or struct.error for a file that is not GGUF.
    """
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        reader = _Reader(data)
        _, keys = reader.numbers("Q", 2)
        found = ((reader.text(), reader.value()) for _ in range(keys))
        return {key: value for key, value in found if key in wanted}


class _Reader:
    """Reads one value after the other."""

    def __init__(self, data: mmap.mmap) -> None:
        if data[:4] != b"GGUF":
            raise ValueError("no GGUF")
        self._data = data
        self._at = COUNTS_AT

    def numbers(self, kind: str, count: int) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{count}{kind}", self._data, self._at)
        self._at += struct.calcsize(f"<{count}{kind}")
        return values

    def text(self) -> str:
        (size,) = self.numbers("Q", 1)
        start, self._at = self._at, self._at + size
        return self._data[start : self._at].decode(errors="replace")

    def value(self) -> Any:
        (kind,) = self.numbers("I", 1)
        if kind != LIST:
            return self._values(kind, 1)[0]
        (kind,) = self.numbers("I", 1)
        (count,) = self.numbers("Q", 1)
        return self._values(kind, count)

    def _values(self, kind: int, count: int) -> Any:
        if kind == TEXT:
            return [self.text() for _ in range(count)]
        return self.numbers(NUMBERS[kind], count)
