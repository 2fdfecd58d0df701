"""A file that is appended to by several processes, and begun anew when it is full."""

import fcntl
import os
import pathlib

MAX_BYTES = 10 * 1024 * 1024
OLD = 3
"""How many full files are kept beside the one that is written to."""


class RotatingFile:
    """Appends to a file. A full one becomes `NAME.1`, the one before that `NAME.2`, up to `OLD`.

    Units: `max_bytes` is bytes; one piece that is longer by itself is written all the same.
    """

    def __init__(self, path: pathlib.Path, max_bytes: int = MAX_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._max_bytes = max_bytes
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Append `data` in one piece."""
        if self._is_full(os.fstat(self._file.fileno()).st_size, data):
            self._begin_anew(data)
        self._file.write(data)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _is_full(self, size: int, data: bytes) -> bool:
        return size > 0 and size + len(data) > self._max_bytes

    def _begin_anew(self, data: bytes) -> None:
        """Write to another file from now on, which another process may have begun already."""
        with self._path.with_name(f".{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._is_full(self._path.stat().st_size, data):
                for number in range(OLD - 1, 0, -1):
                    if self._old(number).exists():
                        self._old(number).replace(self._old(number + 1))
                self._path.replace(self._old(1))
            self._file.close()
            self._file = self._path.open("ab", buffering=0)

    def _old(self, number: int) -> pathlib.Path:
        return self._path.with_name(f"{self._path.name}.{number}")
