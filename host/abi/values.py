"""Decides which Python values stand for values of the component ABI.

`host.abi.lift` and `host.abi.lower` compile a WIT type into a function once, at link time.
wasmtime-py would rebuild the types on every call, move `list<u8>` byte by byte, and pick the cases
of results by Python type, through a set that all threads share: that cannot serve guests side by
side.

    WIT                     Python
    list<u8>, list<T>       bytes, list
    record, tuple           dict by WIT name, tuple
    variant                 Case(name, value)
    enum, flags             str, frozenset of str
    option<T>               None or T
    result<T, E>            T or Ok(T), Err(E)
    own<R>, borrow<R>       int, the number under which the instance's table has it

Wasmtime owns the arguments, and frees them after the call. It allocates the results, and owns them,
too.

Source: wasmtime's C API, `wasmtime/component/val.h`.
"""

import ctypes
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wasmtime import _ffi as ffi
from wasmtime.component import _types as wit

from host.abi.native import Address

Context = int
"""The address of a `wasmtime_context_t`."""
Lift = Callable[[Context, bytes, int], Any]
"""Converts the C value at an offset in a copy of C values to a Python value."""
Lower = Callable[[Context, Any, Address], None]
"""Writes a Python value as a C value to an address."""
ResourceId = Callable[[Any], int]
"""Returns the number of a resource type."""

VALUE_BYTES = ctypes.sizeof(ffi.wasmtime_component_val_t)
PAYLOAD_OFFSET_BYTES = ffi.wasmtime_component_val_t.of.offset
NAME_BYTES = ctypes.sizeof(ffi.wasm_byte_vec_t)
"""The bytes of a text's own record: its size and its address."""
FIELD_BYTES = NAME_BYTES + VALUE_BYTES
"""The bytes of a record's field: its name and its value."""
U8_KIND = bytes([ffi.WASMTIME_COMPONENT_U8.value])


@dataclass(frozen=True, slots=True)
class Ok:
    """The ok case of a `result`; it is needed only if its value is itself an `Err`."""

    value: Any = None


@dataclass(frozen=True, slots=True)
class Err:
    """The error case of a `result`."""

    value: Any = None


@dataclass(frozen=True, slots=True)
class Case:
    """A case of a `variant`, with its payload."""

    name: str
    value: Any = None


SCALARS: dict[type, tuple[struct.Struct, int]] = {
    wit.Bool: (struct.Struct("<?"), ffi.WASMTIME_COMPONENT_BOOL.value),
    wit.S8: (struct.Struct("<b"), ffi.WASMTIME_COMPONENT_S8.value),
    wit.U8: (struct.Struct("<B"), ffi.WASMTIME_COMPONENT_U8.value),
    wit.S16: (struct.Struct("<h"), ffi.WASMTIME_COMPONENT_S16.value),
    wit.U16: (struct.Struct("<H"), ffi.WASMTIME_COMPONENT_U16.value),
    wit.S32: (struct.Struct("<i"), ffi.WASMTIME_COMPONENT_S32.value),
    wit.U32: (struct.Struct("<I"), ffi.WASMTIME_COMPONENT_U32.value),
    wit.S64: (struct.Struct("<q"), ffi.WASMTIME_COMPONENT_S64.value),
    wit.U64: (struct.Struct("<Q"), ffi.WASMTIME_COMPONENT_U64.value),
    wit.F32: (struct.Struct("<f"), ffi.WASMTIME_COMPONENT_F32.value),
    wit.F64: (struct.Struct("<d"), ffi.WASMTIME_COMPONENT_F64.value),
}
"""The layout of a scalar in memory, and its kind.

All machines that wasmtime runs on are little-endian but one, on which wasmtime-py does not run.
"""


def compile_cases(kind: Any, ids: ResourceId, compile_one: Callable[..., Any]) -> dict[str, Any]:
    """Compile each case of a variant or result; a case without payload becomes None."""
    return {name: None if case is None else compile_one(case, ids) for name, case in kind._cases()}
