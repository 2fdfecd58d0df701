"""Runs the HTTP server of one process."""

import socket
from collections.abc import Callable

from host.app.manifest import Manifest
from host.app.runtime_config import RuntimeConfig
from host.engines.llama_cpp import LlamaCppEngine
from host.engines.minilm import MODEL as MINILM
from host.engines.port import EngineError
from host.errors import HostError
from host.server.application import Application, Options
from host.server.listening import run_server
from host.server.readiness import ask_in_background
from host.server.trigger import HttpTrigger
from host.terminal import say


def serve(
    manifest: Manifest,
    config: RuntimeConfig,
    options: Options,
    listener: socket.socket,
    number: int = 0,
) -> None:
    """Load the application and serve it until a signal comes; only worker 0 prints messages."""
    app = Application(manifest, config, options)
    if isinstance(app.llm, LlamaCppEngine):
        load_models(app, app.llm)
    try:
        run_server(
            HttpTrigger(app),
            listener,
            lambda: announce(app) if number == 0 else None,
            limits=options.limits,
        )
    finally:
        app.close()


def models_of(manifest: Manifest) -> set[str]:
    """Return the names of all models that a component of the application may ask Spin for."""
    return {name for component in manifest.components.values() for name in component.ai_models}


def load_models(app: Application, engine: LlamaCppEngine) -> None:
    """Load the models now, so that the first request need not wait for them."""
    for name in sorted(models_of(app.manifest) - {MINILM}):
        try:
            engine.load(name)
        except EngineError as error:
            raise HostError(f"the model {name}: {error}") from error


def example_at(manifest: Manifest, origin: str) -> str:
    """Return the manifest's example command with the address `origin`."""
    return manifest.example.replace("{origin}", origin)


def notices_of(manifest: Manifest, get: Callable[[str], str]) -> list[str]:
    """Return the notices that are printed at the start, by the values of the variables."""
    return [one.text for one in manifest.notices if get(one.variable).strip() == one.value]


def announce(app: Application) -> None:
    """Print what `spin up` prints: the address, and each route."""
    origin = app.options.origin
    say(f"\nServing {origin}")
    print("Available Routes:")
    for route in app.manifest.routes:
        wildcard = " (wildcard)" if route.is_wildcard else ""
        print(f"  {route.component}: {origin}{route.base or ''}{wildcard}")
    for notice in notices_of(app.manifest, app.resolver.get):
        print(f"\n{notice}")
    if app.manifest.example:
        print(f"\nTry it:\n  {example_at(app.manifest, origin)}")
    print(end="", flush=True)
    ask_in_background(origin, app.manifest.ready)
