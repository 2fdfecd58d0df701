"""The engine that runs guests."""

import pathlib
import subprocess
import sys

import pytest

from host.abi.compiling import (
    MAX_INSTANCES,
    RESERVED_BYTES,
    can_reserve,
    compile_component,
    make_wasm_engine,
)
from tests.running import ROOT

pytestmark = pytest.mark.long

COUNT = """
import resource, sys
from wasmtime import Store, WasmtimeError
from wasmtime.component import Component, Linker
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
from host.abi.compiling import make_wasm_engine
engine = make_wasm_engine()
memory = "(component (core module $m (memory 1)) (core instance (instantiate $m)))"
component, linker, stores = Component(engine, memory), Linker(engine), []
try:
    for _ in range(1001):
        stores.append(Store(engine))
        linker.instantiate(stores[-1], component)
except WasmtimeError:
    stores.pop()
print(len(stores))
"""


COMPILE = """
import pathlib, sys
from host.abi.compiling import compile_component, make_wasm_engine
engine = make_wasm_engine()
print("ready", flush=True)
sys.stdin.readline()
for _ in range(50):
    compile_component(engine, pathlib.Path(sys.argv[1]))
    for compiled in (pathlib.Path(sys.argv[1]).parent / ".spin" / "wasmtime").glob("*.cwasm"):
        compiled.unlink(missing_ok=True)
"""


def test_processes_that_compile_a_component_at_once_do_not_disturb_each_other(
    tmp_path: pathlib.Path,
) -> None:
    source = tmp_path / "app.wasm"
    source.write_text("(component)")
    command = [sys.executable, "-c", COMPILE, str(source)]
    compiling = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for process in compiling:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in compiling:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

    told = [process.communicate()[1] for process in compiling]

    assert [process.returncode for process in compiling] == [0, 0, 0], told
    assert not list(tmp_path.rglob("*.part"))


def test_what_is_compiled_where_nothing_can_be_written_runs_and_is_not_kept(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "app.wasm"
    source.write_text("(component)")
    (tmp_path / ".spin").write_text("no folder can be here")

    compile_component(make_wasm_engine(), source)

    told = "".join(capsys.readouterr())
    assert "cannot be kept beside app.wasm" in told


def test_what_was_kept_and_is_not_whole_is_compiled_anew(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "app.wasm"
    source.write_text("(component)")
    engine = make_wasm_engine()
    compile_component(engine, source)
    (kept,) = (tmp_path / ".spin" / "wasmtime").glob("*.cwasm")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:100])

    compile_component(engine, source)

    assert len(kept.read_bytes()) == len(whole)


def count_instances(max_addresses: int) -> int:
    """Make instances in a process with `max_addresses` addresses; return how many it can make."""
    counted = subprocess.run(
        [sys.executable, "-c", COUNT, str(max_addresses)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(counted.stdout)


@pytest.mark.skipif(
    not can_reserve(RESERVED_BYTES), reason="this system does not give out as many addresses"
)
def test_as_many_instances_live_at_once_as_spin_has() -> None:
    assert count_instances(-1) == MAX_INSTANCES


def test_where_addresses_are_few_each_instance_has_memory_of_its_own() -> None:
    assert 10 < count_instances(100 * 1024**3) < MAX_INSTANCES
