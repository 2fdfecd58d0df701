"""Runs an application on a real `spin`, with this host's services and models beside it."""

import argparse
import contextlib
import os
import pathlib
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from host.errors import HostError
from host.services.models import served_models
from host.terminal import say

CONFIG = "spin-runtime-config.toml"
LOCAL_COMPUTE = re.compile(r"^\[llm_compute\]\n(?:(?!\[).*(?:\n|\Z))*", re.MULTILINE)
STOP_TIMEOUT_S = 20.0
RESIDENT = "SPIN_WASMTIME_LINEAR_MEMORY_KEEP_RESIDENT"
RESIDENT_BYTES = 16 * 1024 * 1024
"""How much of an instance's memory Spin keeps for the next instance, instead of the 2 MiB that it
keeps by itself. What it gives back costs the next instance a page fault for each page: with a
component in Python, that takes longer than the request.
"""


@contextlib.contextmanager
def models_for_spin(
    models: Mapping[str, pathlib.Path], config: pathlib.Path | None, state_dir: pathlib.Path
) -> Iterator[pathlib.Path]:
    """Serve models in a process of their own; yield a runtime config that points at it.

    Spin's own engine cannot read GGUF files, so Spin asks this process over HTTP. The runtime
    config is a copy of `config` in `state_dir`.
    Errors: HostError.
    """
    log = state_dir / "models.log"
    with served_models(models, log) as url:
        say(f"Started the models at {url}, for Spin; they print to {log}")
        path = state_dir / CONFIG
        path.write_text(with_remote_models(config.read_text() if config else "", url))
        yield path


def with_remote_models(config: str, url: str) -> str:
    """Return the text of a runtime config with the models at `url`, and otherwise unchanged."""
    block = f'[llm_compute]\ntype = "remote_http"\nurl = "{url}"\nauth_token = ""\n'
    rest = LOCAL_COMPUTE.sub("", config).rstrip()
    return f"{rest}\n\n{block}" if rest else block


def spin_arguments(
    flags: argparse.Namespace, state_dir: pathlib.Path, config: pathlib.Path
) -> list[str]:
    """Return the arguments for `spin up`: the flags that it has, too."""
    pairs = [("--variable", value) for value in flags.variable]
    pairs += [("--env", value) for value in flags.env]
    return [
        "--from", str(flags.source), "--listen", flags.listen, "--state-dir", str(state_dir),
        "--runtime-config-file", str(config), *(part for pair in pairs for part in pair),
        *(["--quiet"] if flags.quiet else []),
    ]  # fmt: skip


def spin_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for `spin`: this one, and how much memory to keep unless it says so."""
    return {RESIDENT: str(RESIDENT_BYTES), **environ}


def run_spin(spin: str, arguments: Sequence[str]) -> None:
    """Run `spin up` until it ends, or until a signal ends this process.

    Errors: HostError if the program does not exist, or fails.
    """
    try:
        command = [spin, "up", *arguments]
        process = subprocess.Popen(command, env=spin_environ(os.environ))  # noqa: S603 - the user's own program
    except OSError as error:
        raise HostError(f"--spin {spin}: {error.strerror}") from error
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)
        raise
    if code != 0:
        raise HostError(f"{spin} up ended with exit code {code}; what it said is above")
