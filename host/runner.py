"""Runs one component: a fresh instance for each request, in its turn."""

import threading
from typing import Any

from wasmtime import Engine, Store, WasmtimeError
from wasmtime.component import Component

from host.errors import HostError
from host.http.messages import IncomingRequest, Outparam, ResponseSink
from host.instance import Instance
from host.linker import Interfaces, Linker, call_export
from host.lower import compile_lower
from host.values import Err

HANDLER = "wasi:http/incoming-handler@0.2.0"


class Runner:
    """One component, ready to be instantiated."""

    def __init__(
        self,
        engine: Engine,
        component: Component,
        linker: Linker,
        interfaces: Interfaces,
        turn: threading.Lock,
    ) -> None:
        self._engine = engine
        self._component = component
        self._linker = linker
        self._interfaces = interfaces
        self._turn = turn
        exports = component.type.exports(engine)
        if HANDLER not in exports:
            raise HostError(
                f"the component does not export {HANDLER}: this host runs Preview 2 HTTP components"
            )
        interface: Any = exports[HANDLER].ty
        handle = interface.exports(engine)["handle"].ty
        self._lowers = [compile_lower(kind, linker.ids) for _, kind in handle.params]
        index = component.get_export_index("handle", component.get_export_index(HANDLER))
        if index is None:
            raise HostError(f"the component's {HANDLER} has no `handle`")
        self._handle_index = index

    def run(self, request: IncomingRequest, sink: ResponseSink) -> str | None:
        """Run one request; return why it failed, or None."""
        with self._turn:
            instance = Instance(self._interfaces, self._turn)
            outparam = Outparam(sink)
            try:
                self._call(instance, request, outparam)
            except WasmtimeError as error:
                return str(error)
            finally:
                instance.table.close()
        if outparam.result is None or isinstance(outparam.result, Err):
            return f"the component gave no response: {outparam.result}"
        return None

    def _call(self, instance: Instance, request: IncomingRequest, outparam: Outparam) -> None:
        numbers = [instance.table.push(request), instance.table.push(outparam)]
        with self._linker.running(instance) as linker, Store(self._engine) as store:
            guest = linker.instantiate(store, self._component)
            handle = guest.get_func(store, self._handle_index)
            call_export(handle, store, self._lowers, numbers)
