"""Compiles a component for this machine, once: the result is kept beside it."""

import hashlib
import pathlib
import time
from importlib.metadata import version

from wasmtime import Config, Engine, WasmtimeError
from wasmtime.component import Component

from host.errors import HostError
from host.terminal import say

CACHE = pathlib.Path(".spin") / "wasmtime"


def make_wasm_engine() -> Engine:
    """Make the engine that components are compiled for and run by."""
    settings = Config()
    settings.wasm_component_model = True
    return Engine(settings)


def compile_component(engine: Engine, source: pathlib.Path) -> Component:
    """Return the component at `source`, from the cache if these very bytes were compiled before.

    Errors: HostError for a file that is missing or no component.
    """
    try:
        wasm = source.read_bytes()
    except OSError as error:
        raise HostError(f"cannot read {source}: {error.strerror}; is it built?") from error
    digest = hashlib.sha256(version("wasmtime").encode() + wasm).hexdigest()[:16]
    folder = source.parent / CACHE
    cached = folder / f"{source.stem}-{digest}.cwasm"
    if cached.exists():
        try:
            return Component.deserialize_file(engine, str(cached))
        except WasmtimeError:
            cached.unlink(missing_ok=True)  # made by another build of wasmtime, or cut short
    return _compile(engine, source, wasm, cached)


def _compile(engine: Engine, source: pathlib.Path, wasm: bytes, cached: pathlib.Path) -> Component:
    say(f"Compiling {source.name} for this machine, once (10 to 60 s) ...")
    started = time.monotonic()
    try:
        component = Component(engine, wasm)
    except WasmtimeError as error:
        raise HostError(f"{source} is no component that wasmtime can run: {error}") from error
    cached.parent.mkdir(parents=True, exist_ok=True)
    for old in cached.parent.glob(f"{source.stem}-*.cwasm"):
        old.unlink(missing_ok=True)
    part = cached.with_suffix(".part")
    part.write_bytes(component.serialize())
    part.replace(cached)
    say(f"Compiled in {time.monotonic() - started:.0f} s.")
    return component
