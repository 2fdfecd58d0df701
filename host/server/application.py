"""Makes a running application of a manifest, a runtime config and this machine's parts."""

import functools
import os
import pathlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from host.abi.compiling import (
    MAX_INSTANCES,
    WARM_INSTANCES,
    compile_component,
    make_wasm_engine,
)
from host.abi.linker import Interfaces
from host.abi.supply import Supply
from host.app.files import find_files
from host.app.manifest import Component, Manifest
from host.app.runtime_config import RemoteCompute, RuntimeConfig
from host.app.variables import ConfigFactor, Resolver, VariablesFactor
from host.engines.llama_cpp import LlamaCppEngine
from host.engines.port import LlmEngine
from host.engines.remote import RemoteEngine
from host.interfaces.http.client import HttpClient
from host.interfaces.http.handler import OutgoingHandler
from host.interfaces.http.messages import IncomingRequest, ResponseSink
from host.interfaces.http.types import HttpTypes
from host.interfaces.llm import EngineLock, LlmFactor
from host.interfaces.logs import GuestLog
from host.interfaces.redis import RedisFactor
from host.interfaces.wasi.cli import Cli
from host.interfaces.wasi.clocks import MonotonicClock, Random, WallClock
from host.interfaces.wasi.filesystem import Filesystem
from host.interfaces.wasi.io import Errors, Streams
from host.interfaces.wasi.poll import Poll
from host.server.door import DEFAULT_LIMITS, Limits
from host.server.runner import Runner

WASI_CLI = (
    "environment", "exit", "stdin", "stdout", "stderr",
    "terminal-stdin", "terminal-stdout", "terminal-stderr",
)  # fmt: skip


@dataclass(frozen=True)
class Options:
    """The options of one run, from the command line."""

    origin: str
    variables: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    state_dir: pathlib.Path = pathlib.Path(".spin")
    models: Mapping[str, pathlib.Path] = field(default_factory=dict)
    is_quiet: bool = False
    workers: int = 1
    limits: Limits = DEFAULT_LIMITS

    def __repr__(self) -> str:
        return (
            f"Options(origin={self.origin!r}, state_dir={self.state_dir!r}, workers={self.workers})"
        )


class Application:
    """A loaded application; `run` may be called from many threads, but one guest runs at a time."""

    def __init__(self, manifest: Manifest, config: RuntimeConfig, options: Options) -> None:
        """Load everything but the components' code.

        Errors: HostError.
        """
        self.manifest = manifest
        self.options = options
        self.resolver = Resolver(
            manifest.variables, options.variables, config.providers, os.environ
        )
        self.resolver.check_required()
        self.llm = make_engine(config, options)
        lock_path = options.state_dir / "llm.lock" if options.workers > 1 else None
        self._llm_lock = EngineLock(lock_path)
        self._http = HttpClient(options.origin)
        self._turn = threading.Lock()
        self._logs: list[GuestLog] = []
        self._engines = {
            make_wasm_engine(is_warm=True): threading.Semaphore(WARM_INSTANCES),
            make_wasm_engine(): threading.Semaphore(MAX_INSTANCES),
        }
        self._runners = {name: self._load(component) for name, component in self._routed().items()}

    def _routed(self) -> dict[str, Component]:
        names = {route.component for route in self.manifest.routes}
        return {name: part for name, part in self.manifest.components.items() if name in names}

    def _load(self, component: Component) -> Runner:
        source = self.manifest.folder / component.source
        interfaces = self._interfaces(component)
        supplies = [
            Supply(engine, compile_component(engine, source), interfaces, self._turn, left)
            for engine, left in self._engines.items()
        ]
        return Runner(supplies, self._turn)

    def run(self, component: str, request: IncomingRequest, sink: ResponseSink) -> str | None:
        """Run one request in a fresh instance; return why it failed, None if it did not."""
        return self._runners[component].run(request, sink)

    def _log(self, component: Component, stream: str) -> GuestLog:
        log = GuestLog(
            self.options.state_dir / "logs", component.id, stream, is_quiet=self.options.is_quiet
        )
        self._logs.append(log)
        return log

    def _interfaces(self, component: Component) -> Interfaces:
        environment = {**component.environment, **self.options.environment}
        cli = functools.partial(
            Cli, environment, self._log(component, "stdout"), self._log(component, "stderr")
        )
        filesystem = functools.partial(Filesystem, find_files(component, self.manifest.folder))
        return {
            **{f"wasi:cli/{name}": cli for name in WASI_CLI},
            "wasi:io/error": Errors,
            "wasi:io/poll": Poll,
            "wasi:io/streams": Streams,
            "wasi:clocks/wall-clock": WallClock,
            "wasi:clocks/monotonic-clock": MonotonicClock,
            "wasi:random/random": Random,
            "wasi:random/insecure": Random,
            "wasi:random/insecure-seed": Random,
            "wasi:filesystem/types": filesystem,
            "wasi:filesystem/preopens": filesystem,
            "wasi:http/types": HttpTypes,
            "wasi:http/outgoing-handler": functools.partial(
                OutgoingHandler, self._http, component, self.resolver
            ),
            "wasi:config/store": functools.partial(ConfigFactor, component, self.resolver),
            "fermyon:spin/variables": functools.partial(VariablesFactor, component, self.resolver),
            "fermyon:spin/llm": functools.partial(
                LlmFactor, component.ai_models, self.llm, self._llm_lock
            ),
            "fermyon:spin/redis": functools.partial(RedisFactor, component, self.resolver),
        }

    def close(self) -> None:
        """Close the application's connections and models."""
        self._http.close()
        self.llm.close()
        for log in self._logs:
            log.close()


def make_engine(config: RuntimeConfig, options: Options) -> LlmEngine:
    """Make the engine that runs models, as `[llm_compute]` says."""
    if isinstance(config.llm_compute, RemoteCompute):
        return RemoteEngine(config.llm_compute)
    return LlamaCppEngine(
        options.state_dir / "ai-models", options.models, threads=min(4, os.cpu_count() or 1)
    )
