"""Runs one component: a fresh instance for each request, in its turn.

An instance is made before its request comes, and unmade after the response has gone, so that nobody
waits for either; it never serves a second request.
"""

import threading
from collections import deque
from dataclasses import dataclass
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


@dataclass
class Fresh:
    """An instance that no request has reached yet."""

    instance: Instance
    store: Store
    handle: Any


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
        self._made: deque[Fresh] = deque()

    def run(self, request: IncomingRequest, sink: ResponseSink) -> str | None:
        """Run one request; return why it failed, or None."""
        outparam = Outparam(sink)
        try:
            self._run(request, outparam)
        except WasmtimeError as error:
            return str(error)
        if outparam.result is None or isinstance(outparam.result, Err):
            return f"the component gave no response: {outparam.result}"
        return None

    def _run(self, request: IncomingRequest, outparam: Outparam) -> None:
        with self._turn:
            used = self._made.popleft() if self._made else self._make()
            try:
                self._call(used, request, outparam)
            finally:
                used.instance.table.close()
        used.store.close()
        if not self._made:
            self._made.append(self._make())

    def _make(self) -> Fresh:
        instance, store = Instance(self._interfaces, self._turn), Store(self._engine)
        with self._linker.running(instance) as linker:
            guest = linker.instantiate(store, self._component)
        return Fresh(instance, store, guest.get_func(store, self._handle_index))

    def _call(self, used: Fresh, request: IncomingRequest, outparam: Outparam) -> None:
        numbers = [used.instance.table.push(request), used.instance.table.push(outparam)]
        with self._linker.running(used.instance):
            call_export(used.handle, used.store, self._lowers, numbers)
