"""Builds the components that tests run, once for all workers of a run."""

import fcntl
import pathlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tests.running import ROOT

Build = Callable[[pathlib.Path], object]
"""Writes a component to a path."""


@dataclass(frozen=True)
class Toolchain:
    """How a component is made: for which world, by the compiler of which environment."""

    world: str
    environment: pathlib.Path
    requirements: str

    def build(self, wasm: pathlib.Path, module: str, sources: Sequence[str]) -> None:
        """Build a module, whose sources stand beside `wasm`, as make and `spin build` do."""
        subprocess.run(
            ["sh", ROOT / "build.sh", self.world, module, wasm.name, self.requirements, *sources],
            cwd=wasm.parent,
            env={
                "VIRTUAL_ENV": str(self.environment),
                "PATH": f"{self.environment / 'bin'}:/usr/bin:/bin",
            },
            check=True,
            capture_output=True,
        )


P2 = Toolchain("spin-http", pathlib.Path(sys.prefix), "requirements.txt")
P3 = Toolchain("spin:up/http-trigger@4.0.0", ROOT / ".venv-p3", "requirements-p3.txt")


def build_once(wasm: pathlib.Path, sources: Sequence[pathlib.Path], build: Build) -> None:
    """Build `wasm` if one of its `sources` is newer.

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


def component(
    wasm: pathlib.Path, toolchain: Toolchain, module: str, sources: Sequence[str]
) -> pathlib.Path:
    """Build a module's component of files and folders that stand beside it; return its path."""
    roots = [wasm.parent / source for source in sources]
    files = [file for root in roots for file in [root, *root.rglob("*.*")]]
    read = [file for file in files if file.is_file() and file.suffix != ".pyc"]
    build_once(wasm, read, partial(toolchain.build, module=module, sources=sources))
    return wasm
