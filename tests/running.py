"""Starts the real parts that tests use: Redis, the host, a model's endpoint.

With SPIN in the environment the host is that `spin`, and otherwise this project's own.
"""

import atexit
import contextlib
import functools
import http.cookiejar
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from host.services.child import Child
from host.services.embedded import redis_answers, run_chroma, run_redis
from tests.clusters import RunningCluster

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPIN = os.environ.get("SPIN", "")
"""The `spin` to run on; empty for this project's host."""
BUILD = os.environ.get("BUILD", "p2")
"""Which build of the chat a `spin` runs: p2, or p3."""
IN_CLUSTER = os.environ.get("REDIS_MODE", "") == "cluster"
"""Whether the chat keeps its data in a Redis Cluster wherever a test names a server."""
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 20.0
OWN_CONFIG = "runtime-config.toml"
MINUTES = (
    "rate_per_owner_per_minute", "rate_credentials_per_minute", "import_bytes_per_minute"
)  # fmt: skip
NO_COOKIES = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
"""Keeps no cookies, so that a credential is sent only where a test sends it."""
NO_TLS = False
"""A client's `verify` where all is in the clear: to load the certificates would take 40 ms."""


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RunningService:
    """A service that a test can kill and start again."""

    port: int
    folder: pathlib.Path
    process: Child | None = None

    def run(self) -> Child:
        raise NotImplementedError

    def start(self) -> None:
        self.process = self.run()

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process = None

    def stop(self) -> None:
        if self.process is not None:
            self.process.stop()
            self.process = None


class RunningRedis(RunningService):
    """A redis-server."""

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def run(self) -> Child:
        return run_redis("127.0.0.1", self.port, self.folder)

    def kill(self) -> None:
        super().kill()
        assert not redis_answers("127.0.0.1", self.port)


class RunningChroma(RunningService):
    """A Chroma server."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self) -> Child:
        return run_chroma("127.0.0.1", self.port, self.folder)


@dataclass
class RunningHost:
    """A host process, and a client for it."""

    process: subprocess.Popen[str]
    url: str
    log: pathlib.Path
    client: httpx.Client

    def post(self, **fields: object) -> httpx.Response:
        """Take a turn."""
        return self.client.post("/", content=json.dumps(fields))

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self) -> None:
        """End it as a crash would, with every process of its own."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT_S)

    def resident_mib(self) -> int:
        """Return the memory of the host's processes: `spin up` has one that serves."""
        return sum(map(_resident_kib, _processes_of(self.process.pid))) // 1024

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


def _processes_of(session: int) -> list[pathlib.Path]:
    """Return the folders in /proc of all processes of a session."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            behind_name = (path / "stat").read_text().rpartition(")")[2].split()
            if int(behind_name[3]) == session:
                found.append(path)
    return found


def _resident_kib(process: pathlib.Path) -> int:
    with contextlib.suppress(OSError):
        for line in (process / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


@contextlib.contextmanager
def run_host(
    folder: pathlib.Path, *arguments: str, environ: dict[str, str] | None = None
) -> Iterator[RunningHost]:
    """Run `up` of a host on a free port, with its state and log in `folder`.

    Owners and addresses have no limits a minute unless `arguments` set them, because most tests
    send many requests at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    is_chat = "--from" not in arguments
    for name in MINUTES if is_chat else ():
        if not any(argument.startswith(f"{name}=") for argument in arguments):
            arguments = (*arguments, "--variable", f"{name}=0")
    has_mode = any(argument.startswith("redis_mode=") for argument in arguments)
    if IN_CLUSTER and is_chat and not has_mode:
        arguments = tuple(part for given in arguments for part in in_cluster(given))
    if SPIN and is_chat:
        arguments = tuple(with_demo_model(arguments))
    if SPIN and is_chat and BUILD == "p3":
        arguments = ("--from", "spin-p3.toml", *arguments)
    port = free_port()
    log = folder / "host.log"
    up = [SPIN, "up"] if SPIN else [sys.executable, "-X", "faulthandler", "-m", "host", "up"]
    where = ["--listen", f"127.0.0.1:{port}", "--state-dir", str(folder / "state")]
    with log.open("w") as output:
        process = subprocess.Popen(
            [*up, *where, *arguments], cwd=ROOT, stdout=output, stderr=output, text=True,
            env=environ, start_new_session=True,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, timeout=60, trust_env=False, cookies=NO_COOKIES) as client:
        host = RunningHost(process, url, log, client)
        try:
            await_line(process, log, "Available Routes:")
            yield host
        finally:
            host.stop()


def in_cluster(argument: str) -> list[str]:
    """Put the settings of the cluster, and a prefix of its own, in place of a Redis' address."""
    name, _, address = argument.partition("=")
    if name != "redis_address" or "://" not in address:
        return [argument]
    variables = [*the_cluster().variables(), f"key_prefix={prefix_of(address)}"]
    return as_flags(variables)[1:]


def prefix_of(address: str) -> str:
    """Return the prefix that keys have in the cluster which would be at the address of a server."""
    return f"p{address.rpartition(':')[2]}"


@functools.cache
def the_cluster() -> RunningCluster:
    """Start a cluster, once for all tests."""
    cluster = RunningCluster(pathlib.Path(tempfile.mkdtemp(prefix="cluster-")))
    atexit.register(cluster.stop)
    cluster.start()
    return cluster


def with_demo_model(arguments: Sequence[str]) -> Sequence[str]:
    """Add a runtime config with which a `spin` asks for the demo model, unless one is named."""
    if "--runtime-config-file" not in arguments:
        return [*arguments, "--runtime-config-file", demo_model_config()]
    return [demo_model_config() if given == OWN_CONFIG else given for given in arguments]


@functools.cache
def demo_model_config() -> str:
    """Serve the demo model, once for all tests; return the path of a runtime config for it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="demo-model-"))
    port = free_port()
    command = [sys.executable, "-m", "host", "model", "--listen", f"127.0.0.1:{port}"]
    log = folder / "model.log"
    models = Child("model", command, log, lambda: "Serving models" in log.read_text())
    atexit.register(models.stop)
    return remote_config(folder, f"http://127.0.0.1:{port}")


@dataclass
class RunningModels:
    """A process that serves models, and a client for it."""

    process: subprocess.Popen[str]
    url: str
    log: pathlib.Path
    client: httpx.Client

    def post(self, path: str, **fields: object) -> httpx.Response:
        return self.client.post(path, content=json.dumps(fields))

    def output(self) -> str:
        return self.log.read_text(errors="replace")


@contextlib.contextmanager
def run_models(
    folder: pathlib.Path, *arguments: str, environ: dict[str, str] | None = None
) -> Iterator[RunningModels]:
    """Run `python -m host model` on a free port, its log in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), folder / "models.log"
    command = [sys.executable, "-m", "host", "model", "--listen", f"127.0.0.1:{port}", *arguments]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=output, text=True, env=environ
        )
    url = f"http://127.0.0.1:{port}"
    try:
        await_line(process, log, f"Serving models at {url}")
        with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
            yield RunningModels(process, url, log, client)
    finally:
        process.terminate()
        process.wait(20)


def await_line(process: subprocess.Popen[str], log: pathlib.Path, line: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while line not in log.read_text(errors="replace"):
        assert process.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < deadline, log.read_text(errors="replace")
        time.sleep(0.02)


def as_flags(variables: Iterable[str]) -> list[str]:
    """Make flags of `name=value` variables."""
    return [part for variable in variables for part in ("--variable", variable)]


@dataclass
class Answer:
    """What the endpoint answers, and how long it waits before."""

    body: bytes
    status: int = 200
    delay_s: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)


def default_answer(text: str, prompt_tokens: int = 10, generated_tokens: int = 5) -> Answer:
    """Answer in Spin's default format."""
    usage = {"promptTokenCount": prompt_tokens, "generatedTokenCount": generated_tokens}
    return Answer(json.dumps({"text": text, "usage": usage}).encode())


@dataclass
class Asked:
    """A request as the endpoint got it."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def prompt(self) -> str:
        return str(json.loads(self.body)["prompt"])


@dataclass
class ModelEndpoint:
    """A real HTTP server in place of a model; `answer` makes answers, `asked` has the requests."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    answer: Callable[[Asked], Answer] = lambda _: default_answer("Fine.")


class Held:
    """An answer that waits until the test lets it go."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._asked, self._go = threading.Event(), threading.Event()

    def __call__(self, _: Asked) -> Answer:
        self._asked.set()
        self._go.wait(20)
        return default_answer(self._text)

    def await_request(self) -> None:
        assert self._asked.wait(20)

    def let_go(self) -> None:
        self._go.set()


@contextlib.contextmanager
def run_model_endpoint() -> Iterator[ModelEndpoint]:
    """Serve a `ModelEndpoint` on a free port."""
    endpoint = ModelEndpoint("")

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            asked = Asked(
                self.path, {name.lower(): value for name, value in self.headers.items()}, body
            )
            endpoint.asked.append(asked)
            answer = endpoint.answer(asked)
            time.sleep(answer.delay_s)
            with contextlib.suppress(OSError):
                self.send_response(answer.status)
                self.send_header("content-length", str(len(answer.body)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        endpoint.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield endpoint
        server.shutdown()
        thread.join()


def remote_config(folder: pathlib.Path, url: str, api_type: str = "default") -> str:
    """Write a runtime config for a remote model; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"runtime-config-{api_type}.toml"
    path.write_text(
        f'[llm_compute]\ntype = "remote_http"\nurl = "{url}/ignored/path"\nauth_token = "s3cret"\n'
        f'api_type = "{api_type}"\n'
    )
    return str(path)
