"""Instances of a component: no more at once than there may be, and each for one request."""

import pathlib
import threading

from host.abi.compiling import WARM_INSTANCES, compile_component, make_wasm_engine
from host.abi.supply import Supply


def make_supply(source: pathlib.Path, most: int) -> Supply:
    engine = make_wasm_engine(is_warm=True)
    component, left = compile_component(engine, source), threading.Semaphore(most)
    return Supply(engine, component, {}, threading.Lock(), left)


def test_there_are_as_many_instances_at_once_as_may_be(probe_wasm: pathlib.Path) -> None:
    supply = make_supply(probe_wasm, 2)
    first, second = supply.make(), supply.make()
    assert first is not None
    assert second is not None

    assert supply.make() is None

    supply.unmake(first)
    third = supply.make()
    assert third is not None
    assert third.instance is not first.instance


def test_a_warm_engine_has_room_for_what_it_promises(probe_wasm: pathlib.Path) -> None:
    supply = make_supply(probe_wasm, WARM_INSTANCES)

    for _ in range(3):
        made = [supply.make() for _ in range(WARM_INSTANCES)]
        assert None not in made
        assert supply.make() is None
        for fresh in filter(None, made):
            supply.unmake(fresh)
