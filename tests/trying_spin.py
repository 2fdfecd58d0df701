"""Starts a `spin` with a manifest of a test's own, to see whether it takes it and what it says."""

import contextlib
import functools
import os
import pathlib
import signal
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import wasmtime

from tests.running import ROOT, SPIN

START_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Tried:
    """Whether the application was served, and all that Spin said until then."""

    is_served: bool
    output: str


@functools.cache
def empty_component() -> bytes:
    """Compile the smallest component that an HTTP trigger starts."""
    return bytes(wasmtime.wat2wasm((ROOT / "tests/guests/empty.wat").read_text()))


def try_spin(
    folder: pathlib.Path, manifest: str, config: str = "", arguments: Sequence[str] = ()
) -> Tried:
    """Run `spin up` in `folder` until it serves or ends; the component is in `app.wasm`."""
    (folder / "spin.toml").write_text(manifest, encoding="utf-8")
    (folder / "runtime-config.toml").write_text(config, encoding="utf-8")
    (folder / "app.wasm").write_bytes(empty_component())
    command = [
        SPIN, "up", "--listen", "127.0.0.1:0", "--runtime-config-file", "runtime-config.toml",
        *arguments,
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    with process:
        too_late = threading.Timer(START_TIMEOUT_S, _kill, [process])
        too_late.start()
        try:
            return _read(process)
        finally:
            _kill(process)
            too_late.cancel()


def _read(process: subprocess.Popen[str]) -> Tried:
    said = []
    assert process.stdout is not None, "it has a pipe"
    for line in process.stdout:
        said.append(line)
        if line.startswith("Available Routes:"):
            return Tried(is_served=True, output="".join(said))
    return Tried(is_served=False, output="".join(said))


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
