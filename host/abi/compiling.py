"""Compiles a component for this machine, and keeps the result beside it."""

import contextlib
import hashlib
import mmap
import os
import pathlib
import time
from collections.abc import Mapping
from importlib.metadata import version

from wasmtime import Config, Engine, WasmtimeError
from wasmtime import _ffi as ffi
from wasmtime.component import Component

from host.errors import HostError
from host.terminal import say

CACHE = pathlib.Path(".spin") / "wasmtime"


MAX_INSTANCES = 1000
"""How many instances may exist at once. Source: Spin's SPIN_MAX_INSTANCE_COUNT."""
NOTHING = 0
"""`PROT_NONE`: addresses that are only reserved can be neither read nor written."""
WARM_INSTANCES = 8
"""How many instances may use the memory of earlier ones again."""
PARTS = 100
"""How many core instances, and how many tables, a component may have.

A component that componentize-py makes has 40.
"""
RESIDENT_BYTES = 32 * 1024 * 1024
RESERVED_BYTES = (MAX_INSTANCES + WARM_INSTANCES) * 8 * 1024**3
"""More than the addresses that both pools take: each memory takes 4 GiB and its guard regions."""


def make_wasm_engine(*, is_warm: bool = False) -> Engine:
    """Make an engine, for which components are compiled and which runs them.

    A warm engine gives the memory of an instance to the next one, with its changes undone. Making
    the memory of a Python guest anew takes a thousand page faults, a quarter of a turn. But the
    memory that is kept takes 16 MB for each instance, so a warm engine has room for only a few; any
    other engine has room for as many as Spin. If the system cannot reserve so many addresses, each
    instance gets new memory.
    """
    if not can_reserve(RESERVED_BYTES):
        return _make_engine({})
    most = WARM_INSTANCES if is_warm else MAX_INSTANCES
    pool = {
        "total_component_instances": most,
        "total_core_instances": most * PARTS,
        "total_memories": most,
        "total_tables": most * PARTS,
        "max_core_instances_per_component": PARTS,
        "max_tables_per_component": PARTS,
        "max_component_instance_size": 16 * 1024 * 1024,
        "max_core_instance_size": 16 * 1024 * 1024,
        "table_elements": 100_000,
        "linear_memory_keep_resident": RESIDENT_BYTES if is_warm else 0,
        "table_keep_resident": 1024 * 1024,
    }
    return _make_engine(pool)


def can_reserve(size_bytes: int) -> bool:
    """Whether so many addresses can be reserved; if not, wasmtime would end the process."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    try:
        mmap.mmap(-1, size_bytes, flags, prot=NOTHING).close()
    except (OSError, ValueError):
        return False
    return True


def _make_engine(pool: Mapping[str, int]) -> Engine:
    settings = Config()
    settings.wasm_component_model = True
    # Preview 3's tasks are off: no guest here uses them, and with them wasmtime 50.0.1 ends a guest
    # that passes two borrowed resources in one call, as a poll of two pollables does.
    ffi.wasmtime_config_wasm_component_model_async_set(settings.ptr(), False)  # noqa: FBT003 - C's
    ffi.wasmtime_config_concurrency_support_set(settings.ptr(), False)  # noqa: FBT003
    if pool:
        sizes = ffi.wasmtime_pooling_allocation_config_new()
        for name, size in pool.items():
            getattr(ffi, f"wasmtime_pooling_allocation_config_{name}_set")(sizes, size)
        ffi.wasmtime_pooling_allocation_strategy_set(settings.ptr(), sizes)
        ffi.wasmtime_pooling_allocation_config_delete(sizes)
    return Engine(settings)


def compile_component(engine: Engine, source: pathlib.Path) -> Component:
    """Return the component at `source`, from the cache if the same bytes were compiled before.

    Errors: HostError for a file that is missing or is not a component.
    """
    try:
        wasm = source.read_bytes()
    except OSError as error:
        raise HostError(f"cannot read {source}: {error.strerror}; is it built?") from error
    digest = hashlib.sha256(version("wasmtime").encode() + wasm).hexdigest()[:16]
    folder = source.parent / CACHE
    cached = folder / f"{source.stem}-{digest}.cwasm"
    if cached.exists():
        # What another build of wasmtime or another processor made, or what is not whole, is none.
        with contextlib.suppress(WasmtimeError):
            return Component.deserialize_file(engine, str(cached))
    return _compile(engine, source, wasm, cached)


def _compile(engine: Engine, source: pathlib.Path, wasm: bytes, cached: pathlib.Path) -> Component:
    say(f"Compiling {source.name} for this machine, once (10 to 60 s) ...")
    started = time.monotonic()
    try:
        component = Component(engine, wasm)
    except WasmtimeError as error:
        raise HostError(f"{source} is no component that wasmtime can run: {error}") from error
    try:
        _keep(source, component, cached)
    except OSError as error:
        say(f"It cannot be kept beside {source.name}, and is compiled again: {error.strerror}.")
    say(f"Compiled in {time.monotonic() - started:.0f} s.")
    return component


def _keep(source: pathlib.Path, component: Component, cached: pathlib.Path) -> None:
    """Keep a compiled component in place of older ones. Errors: OSError."""
    cached.parent.mkdir(parents=True, exist_ok=True)
    for old in cached.parent.glob(f"{source.stem}-*.cwasm"):
        old.unlink(missing_ok=True)
    part = cached.with_suffix(f".{os.getpid()}.part")  # another process may compile it, too
    part.write_bytes(component.serialize())
    part.replace(cached)
