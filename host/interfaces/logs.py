"""Writes a guest's standard output and error to the terminal and to `.spin/logs/`.

Source: spin `crates/trigger/src/cli/stdio.rs`, where both streams go to the host's stderr.
"""

import pathlib
import sys
import threading

from host.interfaces.rotating import RotatingFile


class GuestLog:
    """An output stream to `<component>_<stream>.txt` and, unless it is quiet, to the terminal."""

    def __init__(
        self, folder: pathlib.Path | None, component: str, stream: str, *, is_quiet: bool
    ) -> None:
        self._is_quiet = is_quiet
        self._lock = threading.Lock()
        self._file = None
        if folder is not None:
            self._file = RotatingFile(folder / f"{component}_{stream}.txt")

    def write(self, data: bytes) -> None:
        """Write `data` in one piece."""
        with self._lock:
            if self._file is not None:
                self._file.write(data)
            if not self._is_quiet:
                sys.stderr.write(data.decode("utf-8", "replace"))
                sys.stderr.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
