"""Compiles a component for this machine, once: the result is kept beside it."""

import hashlib
import mmap
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


MOST_INSTANCES = 1000
"""Instances that may be alive at once. Source: Spin's SPIN_MAX_INSTANCE_COUNT."""
NOTHING = 0
"""What may be done with addresses that are only reserved: `PROT_NONE`."""
WARM_INSTANCES = 8
"""Instances that find the memory of earlier ones."""
PARTS = 100
"""Core instances, and tables, that a component may have: one that componentize-py makes has 40."""
RESIDENT_BYTES = 32 * 1024 * 1024
RESERVED_BYTES = (MOST_INSTANCES + WARM_INSTANCES) * 8 * 1024**3
"""More than the addresses that both pools take: 4 GiB for each memory, and what guards it."""


def make_wasm_engine(*, is_warm: bool = False) -> Engine:
    """Make an engine that components are compiled for and run by.

    A warm one leaves the memory of an instance to the next, with what it changed put back: made
    anew, a Python guest's costs a thousand page faults, a quarter of a turn. But it is kept, 16 MB
    for each, so a warm engine has room for few; any other has for as many as Spin. Where a system
    does not give out as many addresses, each instance has memory of its own.
    """
    if not can_reserve(RESERVED_BYTES):
        return _make_engine({})
    most = WARM_INSTANCES if is_warm else MOST_INSTANCES
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
    """Say whether so many addresses can be had; wasmtime ends the process if not."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
    try:
        mmap.mmap(-1, size_bytes, flags, prot=NOTHING).close()
    except (OSError, ValueError):
        return False
    return True


def _make_engine(pool: Mapping[str, int]) -> Engine:
    settings = Config()
    settings.wasm_component_model = True
    # Preview 3's tasks: no guest here has any, and with them wasmtime 50.0.1 ends a guest that
    # hands over two borrowed resources in one call, as a poll of two does.
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
