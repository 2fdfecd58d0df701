"""Builds the components that tests run, once for all workers of a run."""

import fcntl
import pathlib
import subprocess
import sys
from collections.abc import Callable, Sequence

Build = Callable[[pathlib.Path], object]
"""Writes a component to a path."""


def build_once(wasm: pathlib.Path, sources: Sequence[pathlib.Path], build: Build) -> None:
    """Build `wasm` if one of its `sources` is newer; make and `spin build` do the same.

    One worker builds while the others wait, and nobody finds half a component.
    """
    with sources[0].open() as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        if not is_newer(wasm, sources):
            part = wasm.with_suffix(".part.wasm")
            build(part)
            part.replace(wasm)


def is_newer(wasm: pathlib.Path, sources: Sequence[pathlib.Path]) -> bool:
    newest = max(path.stat().st_mtime for path in sources)
    return wasm.exists() and wasm.stat().st_mtime > newest


def componentize(wasm: pathlib.Path) -> None:
    """Build the app.py that stands beside `wasm`."""
    scripts = pathlib.Path(sys.executable).parent
    subprocess.run(
        [scripts / "componentize-py", "-w", "spin-http", "componentize", "app", "-o", str(wasm)],
        cwd=wasm.parent,
        env={"VIRTUAL_ENV": sys.prefix, "PATH": f"{scripts}:/usr/bin:/bin"},
        check=True,
        capture_output=True,
    )
