"""Gives a component the interfaces that it imports, as Python objects.

An interface is a class with one method for each WIT function; a missing method becomes a trap that
names the function. Each instance has its own object of each class, made when the guest first calls
the interface.
"""

import ctypes
import functools
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ctypes import byref
from typing import Any

from wasmtime import Engine, WasmtimeError
from wasmtime import _ffi as ffi
from wasmtime.component import Component, ResourceType
from wasmtime.component import Linker as WasmtimeLinker
from wasmtime.component import _types as wit

from host.abi.instance import Instance
from host.abi.lift import compile_lift, read_values
from host.abi.lower import compile_lower
from host.abi.native import Callback, add_function
from host.abi.values import VALUE_BYTES, Lift, Lower
from host.errors import Trap

Interfaces = Mapping[str, Callable[[Instance], Any]]
"""The class that implements each WIT interface, by its name without a version: `wasi:io/poll`."""


OF_SPIN = ("fermyon:spin/", "spin:", "wasi:")
"""The beginnings of the interfaces' names that Spin links.

Source: spin `crates/world/src/lib.rs`.
"""


def method_name(function: str) -> str:
    """Return the Python name of a WIT function: `[method]input-stream.read` is `input_stream_read`.

    A constructor becomes `<resource>_new`.
    Source: the component model's plain names.
    """
    kind, _, name = function.rpartition("]")
    if kind == "[constructor":
        name += "-new"
    return name.replace(".", "_").replace("-", "_")


def class_of(maker: Callable[[Instance], Any]) -> Any:
    """Return the class behind a maker, which may be a class or a `functools.partial` of one."""
    return maker.func if isinstance(maker, functools.partial) else maker


def key_of(interface: str) -> str:
    """Return an interface's name without its version."""
    return interface.partition("@")[0]


def missing(interface: str, function: str, *, is_begun: bool) -> str:
    """Return the message for a call of a function that this host does not have.

    `is_begun`: whether this host has other functions of the interface.
    """
    called = f"the component called {interface}#{function}"
    if not interface.startswith(OF_SPIN):
        return f"{called}; neither Spin nor this host has that interface"
    what = "function" if is_begun else "interface"
    return f"{called}; Spin has that {what}, this host does not"


class ResourceIds:
    """Numbers the resource types of a component; a type has one number in all interfaces."""

    def __init__(self) -> None:
        self._types: list[ResourceType] = []

    def __call__(self, kind: ResourceType) -> int:
        for number, known in enumerate(self._types):
            if known == kind:
                return number
        self._types.append(kind)
        return len(self._types) - 1


class Linker:
    """Links the imports of one component; many threads may make instances with it."""

    def __init__(self, engine: Engine, component: Component, interfaces: Interfaces) -> None:
        self._linker = WasmtimeLinker(engine)
        self.ids = ResourceIds()
        self._callbacks: list[Any] = []
        self._running = threading.local()
        with self._linker.root() as root:
            for name, extern in component.type.imports(engine).items():
                self._link_interface(root, engine, name, extern.ty, interfaces)

    @contextmanager
    def running(self, instance: Instance) -> Iterator[WasmtimeLinker]:
        """Let the calls of this thread's guest reach `instance`."""
        self._running.instance = instance
        try:
            yield self._linker
        finally:
            self._running.instance = None

    def _link_interface(
        self, root: Any, engine: Engine, name: str, kind: Any, interfaces: Interfaces
    ) -> None:
        key = key_of(name)
        with root.add_instance(name) as linked:
            for function, extern in kind.exports(engine).items():
                item = extern.ty
                if isinstance(item, ResourceType):
                    linked.add_resource(
                        function, ResourceType.host(self.ids(item)), self._drop_resource
                    )
                elif isinstance(item, wit.FuncType):
                    self._link_function(linked, name, function, item, interfaces.get(key))

    def _link_function(
        self,
        linked: Any,
        interface: str,
        function: str,
        kind: Any,
        implementation: Callable[[Instance], Any] | None,
    ) -> None:
        method = method_name(function)
        if implementation is None or not hasattr(class_of(implementation), method):
            callback = _missing(missing(interface, function, is_begun=implementation is not None))
        else:
            lifts = [compile_lift(parameter, self.ids) for _, parameter in kind.params]
            lower = None if kind.result is None else compile_lower(kind.result, self.ids)
            callback = self._implemented(key_of(interface), method, lifts, lower)
        encoded = function.encode()
        error = add_function(linked.ptr(), encoded, len(encoded), callback, None, None)
        if error:
            raise WasmtimeError._from_ptr(error)
        self._callbacks.append(callback)

    def _implemented(
        self, interface: str, method: str, lifts: list[Lift], lower: Lower | None
    ) -> Any:
        running = self._running

        def call(
            _data: int, context: int, _type: int, args: int, count: int, results: int, _n: int
        ) -> int:
            try:
                implementation = running.instance.interface(interface)
                given = read_values(args, count) if count else b""
                values = [
                    lift(context, given, place * VALUE_BYTES) for place, lift in enumerate(lifts)
                ]
                result = getattr(implementation, method)(*values)
                if lower is not None:
                    lower(context, result, results)
            except Trap as trap:
                return trap_pointer(str(trap))
            except Exception as error:  # noqa: BLE001 - an exception cannot cross the guest; it ends it
                traceback.print_exc(file=sys.stderr)
                return trap_pointer(f"{interface}#{method}: {error}")
            return 0

        return Callback(call)

    def _drop_resource(self, _store: Any, rep: int) -> None:
        instance = self._running.instance
        if instance is None:
            return
        try:
            instance.table.drop(rep)
        except Trap as trap:
            raise WasmtimeError(str(trap)) from trap


def _missing(message: str) -> Any:
    return Callback(lambda *_: trap_pointer(message))


def trap_pointer(message: str) -> int:
    """Return the address of a wasmtime error that ends the guest; wasmtime frees it."""
    error = ffi.wasmtime_error_new(ctypes.create_string_buffer(message.encode()))
    return ctypes.cast(error, ctypes.c_void_p).value or 0


def call_export(function: Any, store: Any, lowers: Sequence[Lower], values: Sequence[Any]) -> None:
    """Call a component function that returns nothing, with `values` lowered by `lowers`.

    Errors: WasmtimeError if the guest traps.
    """
    context = store._context()
    address = ctypes.cast(context, ctypes.c_void_p).value or 0
    args = (ffi.wasmtime_component_val_t * len(lowers))()
    for lower, value, argument in zip(lowers, values, args, strict=True):
        lower(address, value, ctypes.addressof(argument))
    error = ffi.wasmtime_component_func_call(
        byref(function._func), context, args, len(args), None, 0
    )
    for argument in args:
        ffi.wasmtime_component_val_delete(byref(argument))
    if error:
        raise WasmtimeError._from_ptr(error)
