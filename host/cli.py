"""The commands `python -m host up`, with the flags of `spin up`, and `python -m host model`."""

import argparse
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from host.abi.compiling import compile_component, make_wasm_engine
from host.app.manifest import Manifest, load_manifest
from host.app.runtime_config import LocalCompute, RuntimeConfig, load_runtime_config
from host.app.variables import Resolver, parse_variable_flags
from host.engines.llama_cpp import DEMO_MODEL, find_model
from host.engines.minilm import MODEL as MINILM
from host.errors import HostError
from host.flags import check_known, parse_models, parse_pairs
from host.model.command import add_model_command, run_model_command
from host.on_spin import models_for_spin, run_spin, spin_arguments
from host.real_model.answering import announce_in_background
from host.real_model.chosen import chosen_model
from host.server.application import Options
from host.server.listening import listen, origin_of
from host.server.readiness import ask_in_background
from host.server.serving import example_at, models_of, notices_of, serve
from host.services.embedded import SERVICES, start_service
from host.start_checks import check_start
from host.terminal import say
from host.up_flags import add_up_flags, parse_limits


@dataclass(frozen=True)
class Run:
    """All that one `up` needs; each worker gets it, too."""

    manifest: Manifest
    config: RuntimeConfig
    options: Options


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of both commands' flags."""
    parser = argparse.ArgumentParser(
        prog="python -m host",
        description="Runs a Spin Python HTTP component, or serves models to one.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    add_up_flags(commands.add_parser("up", help="start the application"))
    add_model_command(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    flags = make_parser().parse_args(arguments)
    # SIGTERM raises KeyboardInterrupt as Ctrl-C does, so that all that was started is stopped
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A shell that runs a program with & makes it ignore SIGINT
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        (up if flags.command == "up" else run_model_command)(flags)
    except HostError as error:
        say(f"Error: {error}")
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
    return 0


def up(flags: argparse.Namespace) -> None:
    """Start the application, on this host or on a `spin`, and serve it until a signal comes."""
    manifest = load_manifest(flags.source)
    config = (
        load_runtime_config(flags.runtime_config_file)
        if flags.runtime_config_file
        else RuntimeConfig()
    )
    if flags.build:
        build(manifest)
    with chosen_model(flags.chat_model, state_dir_of(flags, manifest)) as variables:
        check_known("--chat-model: variable", variables, manifest.variables)
        given = [f"{name}={value}" for name, value in variables.items()]
        flags.variable = [*given, *flags.variable]  # the last of a name counts
        if flags.spin:
            up_on_spin(flags, manifest, config)
        else:
            up_here(flags, manifest, config)


def up_on_spin(flags: argparse.Namespace, manifest: Manifest, config: RuntimeConfig) -> None:
    """Serve on a `spin`, with the embedded services and models beside it."""
    if flags.workers != 1:
        raise HostError("--workers: a spin has one process, which serves requests side by side")
    run = Run(manifest, config, make_options(flags, manifest, f"http://{flags.listen}"))
    make_resolver(run).check_required()
    state_dir, config_file = run.options.state_dir, flags.runtime_config_file
    with contextlib.ExitStack() as stack:
        stack.enter_context(embedded(flags.embedded, run))
        if isinstance(config.llm_compute, LocalCompute):
            if not (flags.chat_model or run.options.models):
                announce_in_background()
            models = models_for_spin(run.options.models, config_file, state_dir)
            config_file = stack.enter_context(models)
        for notice in notices_of(manifest, make_resolver(run).get):
            say(notice)
        if manifest.example:
            say(f"Try it, once it serves:\n  {example_at(manifest, run.options.origin)}")
        ask_in_background(run.options.origin, manifest.ready)
        run_spin(flags.spin, spin_arguments(flags, state_dir, config_file))


def up_here(flags: argparse.Namespace, manifest: Manifest, config: RuntimeConfig) -> None:
    """Serve on this host."""
    check_start(manifest, config)
    listener = listen(flags.listen)
    with contextlib.closing(listener):
        options = make_options(flags, manifest, origin_of(listener))
        run = Run(manifest, config, options)
        make_resolver(run).check_required()
        with embedded(flags.embedded, run):
            if flags.chat_model is None:
                announce_models(run)
            if options.workers == 1:
                serve(manifest, config, options, listener)
            else:
                serve_in_workers(run, listener)


def make_options(flags: argparse.Namespace, manifest: Manifest, origin: str) -> Options:
    """Make this run's options of its flags.

    Errors: HostError for a flag that cannot be used.
    """
    if flags.workers < 1:
        raise HostError("--workers: must be 1 or more")
    models = parse_models(flags.model)
    variables = parse_variable_flags(flags.variable)
    check_known("--variable", variables, manifest.variables)
    check_known("--model", models, models_of(manifest))
    state_dir = state_dir_of(flags, manifest)
    state_dir.mkdir(parents=True, exist_ok=True)
    return Options(
        origin=origin,
        variables=variables,
        environment=parse_pairs("--env", flags.env),
        state_dir=state_dir,
        models=models,
        is_quiet=flags.quiet,
        workers=flags.workers,
        limits=parse_limits(flags),
    )


def state_dir_of(flags: argparse.Namespace, manifest: Manifest) -> pathlib.Path:
    """Return the folder of embedded services, logs and models."""
    given: pathlib.Path | None = flags.state_dir
    return given if given is not None else manifest.folder / ".spin"


def build(manifest: Manifest) -> None:
    """Run each component's build commands, through the shell as `spin build` does."""
    scripts = pathlib.Path(sys.executable).parent
    environ = {
        **os.environ,
        "VIRTUAL_ENV": sys.prefix,
        "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    for component in manifest.components.values():
        for command in component.build.commands if component.build else ():
            say(f"Building component {component.id} with `{command}`")
            folder = manifest.folder / (component.build.workdir if component.build else ".")
            # `spin build` runs the manifest's own command through the shell, too
            built = subprocess.run(command, shell=True, cwd=folder, env=environ, check=False)  # noqa: S602
            if built.returncode != 0:
                raise HostError(f"Build command for component {component.id} failed")


def make_resolver(run: Run) -> Resolver:
    """Make the resolver of the application's variables; each worker makes its own one."""
    return Resolver(run.manifest.variables, run.options.variables, run.config.providers, os.environ)


@contextlib.contextmanager
def embedded(wanted: Sequence[str], run: Run) -> Iterator[None]:
    """Run the `wanted` embedded services while the application runs."""
    resolver = make_resolver(run)
    with contextlib.ExitStack() as started:
        for name in dict.fromkeys(wanted):
            service = SERVICES[name]
            if service.variable not in run.manifest.variables:
                raise HostError(
                    f"--embedded {name}: the application has no variable `{service.variable}`"
                )
            address = resolver.get(service.variable)
            child = start_service(service, address, run.options.state_dir)
            if child is not None:
                started.callback(child.stop)
        yield


def announce_models(run: Run) -> None:
    """Print which file runs each model that a component may ask Spin's interface for."""
    if not isinstance(run.config.llm_compute, LocalCompute):
        say(f"Models that a component asks Spin for are at {run.config.llm_compute.url}")
        return
    for name in sorted(models_of(run.manifest) - {MINILM}):
        path = find_model(name, run.options.state_dir / "ai-models", run.options.models)
        if path == DEMO_MODEL:
            say(
                f"No model file for {name}: where a component asks Spin for it, the demo model "
                "answers. It is small, remembers facts, and is no assistant."
            )
            say(
                "  For a real one: make up MODEL=ollama/NAME, openai/NAME, FILE.gguf, or the "
                "address of such a file"
            )
            announce_in_background()
        else:
            say(f"Model {name}: {path}")


def serve_in_workers(run: Run, listener: socket.socket) -> None:
    """Serve from several processes on one socket; if one dies, all end."""
    engine = make_wasm_engine()
    for component in run.manifest.components.values():
        # Compiled here, so that the workers find it in the cache and do not all compile it
        compile_component(engine, run.manifest.folder / component.source)
    context = multiprocessing.get_context("spawn")
    listener.set_inheritable(True)
    arguments = (run.manifest, run.config, run.options, listener)
    workers = [
        context.Process(target=serve, args=(*arguments, number))
        for number in range(run.options.workers)
    ]
    try:
        for worker in workers:
            worker.start()
        multiprocessing.connection.wait([worker.sentinel for worker in workers])
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()
    raise HostError("a worker ended by itself; see above")
