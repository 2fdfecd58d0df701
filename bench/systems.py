"""Starts the compared systems, this chat and others, on the same Redis and the same model."""

import contextlib
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import httpx

from bench.clients import Failed, Running, RunningChat, RunningOneValue
from host.on_spin import RESIDENT, RESIDENT_BYTES
from tests.chat.talk import english
from tests.running import (
    MINUTES,
    ROOT,
    SPIN,
    RunningRedis,
    as_flags,
    free_port,
    remote_config,
    run_host,
)

PEERS = ROOT / "bench" / "peers"
VENVS = ROOT / ".spin" / "bench"
START_S = 120.0
PROMPT_WORDS, REPLY_WORDS = 20, 50


@dataclass(frozen=True)
class System:
    """A system that can be started; `run` starts it with a number of worker processes.

    `compiled` is the folder of what was compiled for this machine; None if nothing is compiled at
    the start.
    """

    name: str
    run: Callable[
        [pathlib.Path, RunningRedis, str, int], contextlib.AbstractContextManager[Running]
    ]
    compiled: pathlib.Path | None = None

    def forget_compiled(self) -> None:
        """Remove what was compiled, so that the next start is like the first."""
        if self.compiled is not None:
            shutil.rmtree(self.compiled, ignore_errors=True)


def make_talk(rng: random.Random, turns: int) -> list[tuple[str, str]]:
    """Make prompts of 20 words and replies of 50, no two alike."""
    return [(english(rng, PROMPT_WORDS), english(rng, REPLY_WORDS)) for _ in range(turns)]


def on_host(
    kind: type[Running],
    name: str,
    source: pathlib.Path,
    *variables: str,
    model_path: str = "/infer",
    manifest: str = "spin.toml",
    environ: Mapping[str, str] | None = None,
) -> System:
    """Describe a Spin component on this project's host, or on a `spin` if SPIN names one.

    `{model}` in a variable is replaced by the model's address.
    """
    path = source / manifest
    wasm = source / next(iter(tomllib.loads(path.read_text())["component"].values()))["source"]

    @contextlib.contextmanager
    def run(
        folder: pathlib.Path, redis: RunningRedis, model_url: str, workers: int
    ) -> Iterator[Running]:
        config = remote_config(folder, model_url)
        told = (variable.replace("{model}", model_url) for variable in variables)
        given = [f"redis_address={redis.address}", *told]
        flags = as_flags(given)
        of = [] if path == ROOT / "spin.toml" else ["--from", str(path)]
        several = [] if SPIN else ["--workers", str(workers)]  # a spin has one process
        arguments = [*of, "--runtime-config-file", config, *flags, *several]
        begun = time.perf_counter()
        with run_host(folder, *arguments, environ={**os.environ, **(environ or {})}) as host:
            start_s = time.perf_counter() - begun
            pid = host.process.pid
            yield kind(name, host.url, pid, start_s, wasm, host.client, redis, model_path)

    return System(name, run, source / ".spin" / "wasmtime")


def natively(name: str, module: str, environ: Mapping[str, str] | None = None) -> System:
    """Describe a peer behind uvicorn, in a virtual environment of its own."""

    @contextlib.contextmanager
    def run(
        folder: pathlib.Path, redis: RunningRedis, model_url: str, workers: int
    ) -> Iterator[Running]:
        venv = make_venv(module)
        port = free_port()
        command = [
            str(venv / "bin" / "uvicorn"), f"{module}:app", "--port", str(port), "--workers",
            str(workers), "--log-level", "warning",
        ]  # fmt: skip
        told = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "REDIS_URL": redis.address,
            "MODEL_URL": f"{model_url}/v1",
            **(environ or {}),
        }
        begun = time.perf_counter()
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=PEERS, env=told, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{port}"
        try:
            with httpx.Client(base_url=url, timeout=300, trust_env=False) as client:
                await_answer(client, process, folder / "log")
                start_s = time.perf_counter() - begun
                packages = next((venv / "lib").glob("python3*/site-packages"))
                yield Running(name, url, process.pid, start_s, packages, client, redis)
        finally:
            process.terminate()
            process.wait(30)

    return System(name, run)


def with_sessions_of(chat: System, name: str, module: str) -> System:
    """Describe a peer whose sessions are conversations of a chat that runs beside it."""

    @contextlib.contextmanager
    def run(
        folder: pathlib.Path, redis: RunningRedis, model_url: str, workers: int
    ) -> Iterator[Running]:
        with chat.run(folder / "chat", redis, model_url, workers) as memory:
            token = memory.client.post("/session").json()["token"]
            environ = {"MEMORY_URL": f"{memory.url}/v1", "MEMORY_TOKEN": token}
            with natively(name, module, environ).run(folder, redis, model_url, workers) as one:
                one.model_path = memory.model_path
                yield one

    return System(name, run)


def await_answer(client: httpx.Client, process: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    """Wait until a peer answers."""
    deadline = time.monotonic() + START_S
    while True:
        with contextlib.suppress(httpx.TransportError):
            client.get("/openapi.json")
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise Failed(log.read_text())
        time.sleep(0.02)


def make_venv(module: str) -> pathlib.Path:
    """Make a peer's environment, anew only if its pins have changed."""
    venv, pins = VENVS / module, PEERS / f"{module}.txt"
    marker = venv / "pins.txt"
    if not marker.exists() or marker.read_text() != pins.read_text():
        print(f"Installing {module} into {venv.relative_to(ROOT)} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        pip = [str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(pins)], check=True)
        shutil.copy(pins, marker)
    return venv


def build_one_value() -> None:
    """Build the component that keeps a conversation as one value."""
    folder = PEERS / "one_value"
    wasm = folder / "app.wasm"
    if wasm.exists() and wasm.stat().st_mtime > (folder / "app.py").stat().st_mtime:
        return
    scripts = pathlib.Path(sys.executable).parent
    build = ["sh", str(ROOT / "build.sh"), "spin-http", "app", "app.wasm", "requirements.txt"]
    environ = {"VIRTUAL_ENV": sys.prefix, "PATH": f"{scripts}:/usr/bin:/bin"}
    subprocess.run([*build, "app.py"], cwd=folder, env=environ, check=True, capture_output=True)


NO_LIMITS = [f"{name}=0" for name in ("rate_global_per_minute", *MINUTES)]
ASKS_ITSELF = (*NO_LIMITS, "model_api=openai", "model_origin={model}")
MODEL_PATH = "/v1/chat/completions"
CHAT = on_host(RunningChat, "chat with memory", ROOT, *NO_LIMITS)
ASKING = on_host(
    RunningChat, "chat with memory, model_api=openai", ROOT, *ASKS_ITSELF, model_path=MODEL_PATH
)
KEPT = on_host(
    RunningChat,
    "chat with memory, model_api=openai, as `up --spin` runs it",
    ROOT,
    *ASKS_ITSELF,
    model_path=MODEL_PATH,
    environ={RESIDENT: str(RESIDENT_BYTES)},
)
PREVIEW_3 = on_host(
    RunningChat,
    "chat with memory, model_api=openai, Preview 3",
    ROOT,
    *ASKS_ITSELF,
    model_path=MODEL_PATH,
    manifest="spin-p3.toml",
)
ONE_VALUE = on_host(
    RunningOneValue, "one value for a conversation, a component", PEERS / "one_value"
)
NATIVE = (
    natively("LangChain, RunnableWithMessageHistory", "langchain_history"),
    natively("openai-agents, RedisSession", "openai_agents"),
    natively("LlamaIndex, RedisChatStore", "llama_index_memory"),
)
AGENT = with_sessions_of(
    CHAT, "openai-agents, OpenAIConversationsSession over this chat", "openai_agents"
)
"""The same agent as that of `RedisSession`: two processes, so that only its turns are timed."""
ON_SPIN = (CHAT, ASKING, KEPT, PREVIEW_3, ONE_VALUE, *NATIVE)
SYSTEMS = (CHAT, ASKING, ONE_VALUE, *NATIVE)
STREAMING = (ASKING, *NATIVE)
STREAMING_ON_SPIN = (ASKING, KEPT, PREVIEW_3, *NATIVE)


NOT_RUN = {"LangChain, the history of `langchain-redis`": "needs Redis' search module"}
"""The systems that cannot run on the Redis server that all of them share, and why."""


@contextlib.contextmanager
def run_redis(folder: pathlib.Path) -> Iterator[RunningRedis]:
    """Run a Redis server."""
    redis = RunningRedis(free_port(), folder)
    redis.start()
    yield redis
    redis.stop()


@contextlib.contextmanager
def run_model(folder: pathlib.Path, app: str = "bench.model:app") -> Iterator[str]:
    """Start a model; yield its address."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port),
               "--log-level", "warning"]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, trust_env=False) as client:
            deadline = time.monotonic() + START_S
            while time.monotonic() < deadline:
                with contextlib.suppress(httpx.TransportError):
                    client.get("/seen")
                    break
                time.sleep(0.02)
        yield url
    finally:
        process.terminate()
        process.wait(10)
