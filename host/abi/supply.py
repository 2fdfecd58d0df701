"""Makes instances of one component, and unmakes them."""

import threading
from dataclasses import dataclass
from typing import Any

from wasmtime import Engine, Store
from wasmtime.component import Component

from host.abi.instance import Instance
from host.abi.linker import Interfaces, Linker, call_export
from host.abi.lower import compile_lower
from host.errors import HostError

HANDLER = "wasi:http/incoming-handler@0.2.0"


@dataclass(frozen=True)
class Fresh:
    """An instance that no request has reached yet, and the supply that can unmake it."""

    supply: "Supply"
    instance: Instance
    store: Store
    handle: Any

    def call(self, *resources: Any) -> None:
        """Call the guest's handler with `resources`, and wait until it ends.

        Errors: WasmtimeError if the guest traps.
        """
        numbers = [self.instance.table.push(resource) for resource in resources]
        with self.supply.linker.running(self.instance):
            call_export(self.handle, self.store, self.supply.lowers, numbers)


class Supply:
    """Makes instances of one component on one engine.

    `left` counts how many instances of all components may still be made on the engine.
    """

    def __init__(
        self,
        engine: Engine,
        component: Component,
        interfaces: Interfaces,
        turn: threading.Lock,
        left: threading.Semaphore,
    ) -> None:
        self._engine = engine
        self._component = component
        self._interfaces = interfaces
        self._turn = turn
        self._left = left
        self.linker = Linker(engine, component, interfaces)
        exports = component.type.exports(engine)
        if HANDLER not in exports:
            raise HostError(
                f"the component does not export {HANDLER}: this host runs Preview 2 HTTP components"
            )
        interface: Any = exports[HANDLER].ty
        handle = interface.exports(engine)["handle"].ty
        self.lowers = [compile_lower(kind, self.linker.ids) for _, kind in handle.params]
        index = component.get_export_index("handle", component.get_export_index(HANDLER))
        if index is None:
            raise HostError(f"the component's {HANDLER} has no `handle`")
        self._handle_index = index

    def make(self) -> Fresh | None:
        """Make an instance; return None if there are as many as there may be.

        Errors: WasmtimeError.
        """
        if not self._left.acquire(blocking=False):
            return None
        try:
            instance, store = Instance(self._interfaces, self._turn), Store(self._engine)
            with self.linker.running(instance) as linker:
                guest = linker.instantiate(store, self._component)
        except BaseException:
            self._left.release()
            raise
        return Fresh(self, instance, store, guest.get_func(store, self._handle_index))

    def unmake(self, used: Fresh) -> None:
        """Free the resources and the memory of an instance."""
        used.instance.table.close()
        used.store.close()
        self._left.release()
