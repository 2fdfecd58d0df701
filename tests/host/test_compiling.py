"""The engine that runs guests."""

import subprocess
import sys

import pytest

from host.abi.compiling import MAX_INSTANCES, RESERVED_BYTES, can_reserve
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
