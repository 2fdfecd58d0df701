"""The functions of wasmtime's C API that convert values, with addresses as plain numbers.

With `ctypes`' structures, each value would cost several Python objects. Calls through wasmtime-py
release the interpreter's lock, which takes longer than these functions themselves; calls here do
not.
"""

import ctypes
import struct
from collections.abc import Callable
from ctypes import c_bool, c_char_p, c_size_t, c_uint32, c_void_p
from typing import Any

from wasmtime import _ffi as ffi

Address = int
"""An address in this process's memory."""

_wasmtime = ctypes.PyDLL(ffi.dll._name, handle=ffi.dll._handle)
_process = ctypes.PyDLL(None)


def _bind(library: ctypes.PyDLL, name: str, *takes: Any, gives: Any = None) -> Callable[..., Any]:
    function = library[name]
    function.argtypes, function.restype = takes, gives
    return function


copy_to = _bind(_process, "memcpy", c_void_p, c_char_p, c_size_t, gives=c_void_p)
"""Copies bytes to an address."""
new_text = _bind(_wasmtime, "wasm_byte_vec_new", c_void_p, c_size_t, c_char_p)
"""Makes a `wasm_name_t` at an address, of a number of bytes."""
new_list = _bind(_wasmtime, "wasmtime_component_vallist_new_uninit", c_void_p, c_size_t)
new_tuple = _bind(_wasmtime, "wasmtime_component_valtuple_new_uninit", c_void_p, c_size_t)
new_record = _bind(_wasmtime, "wasmtime_component_valrecord_new_uninit", c_void_p, c_size_t)
new_flags = _bind(_wasmtime, "wasmtime_component_valflags_new_uninit", c_void_p, c_size_t)
new_value = _bind(_wasmtime, "wasmtime_component_val_new", c_char_p, gives=c_void_p)
"""Makes a value that wasmtime owns, as a copy of a value in bytes."""
new_resource = _bind(
    _wasmtime, "wasmtime_component_resource_host_new", c_bool, c_uint32, c_uint32, gives=c_void_p
)
delete_resource = _bind(_wasmtime, "wasmtime_component_resource_host_delete", c_void_p)
number_of_resource = _bind(
    _wasmtime, "wasmtime_component_resource_host_rep", c_void_p, gives=c_uint32
)
resource_to_any = _bind(
    _wasmtime, "wasmtime_component_resource_host_to_any", c_void_p, c_void_p, c_void_p,
    gives=c_void_p,
)  # fmt: skip
any_to_resource = _bind(
    _wasmtime, "wasmtime_component_resource_any_to_host", c_void_p, c_void_p, c_void_p,
    gives=c_void_p,
)  # fmt: skip
delete_error = _bind(_wasmtime, "wasmtime_error_delete", c_void_p)

Callback = ctypes.CFUNCTYPE(
    c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t
)
"""A function that a guest calls.

It takes data, a context, a type, arguments and their count, and results and their count. It returns
the address of an error, or None.
"""
add_function = _bind(
    _wasmtime, "wasmtime_component_linker_instance_add_func", c_void_p, c_char_p, c_size_t,
    Callback, c_void_p, c_void_p,
    gives=ctypes.POINTER(ffi.wasmtime_error_t),
)  # fmt: skip

POINTER = struct.Struct("@P")
SIZED = struct.Struct("@NP")
"""The layout of wasmtime's vectors: a size, and the address of the data."""

FLAGGED = struct.Struct("@?P")
"""The layout of a result: whether it is ok, and the address of its payload."""


def pointer_at(address: Address) -> Address:
    """Return the pointer that stands at an address."""
    return int(c_void_p.from_address(address).value or 0)
