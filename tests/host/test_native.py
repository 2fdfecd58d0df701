"""Values are read and written at the addresses where wasmtime's headers put them."""

import ctypes

import pytest
from wasmtime import _ffi as ffi

from host.abi.native import FLAGGED, POINTER, SIZED
from host.abi.values import FIELD_BYTES, NAME_BYTES, PAYLOAD_OFFSET_BYTES, VALUE_BYTES


@pytest.mark.parametrize(
    ("structure", "size", "offsets"),
    [
        ("wasmtime_component_val_t", VALUE_BYTES, {"kind": 0, "of": PAYLOAD_OFFSET_BYTES}),
        ("wasm_byte_vec_t", NAME_BYTES, {"size": 0, "data": POINTER.size}),
        ("wasmtime_component_vallist_t", SIZED.size, {"size": 0, "data": POINTER.size}),
        ("wasmtime_component_valtuple_t", SIZED.size, {"size": 0, "data": POINTER.size}),
        ("wasmtime_component_valrecord_t", SIZED.size, {"size": 0, "data": POINTER.size}),
        ("wasmtime_component_valflags_t", SIZED.size, {"size": 0, "data": POINTER.size}),
        ("wasmtime_component_valrecord_entry_t", FIELD_BYTES, {"name": 0, "val": NAME_BYTES}),
        ("wasmtime_component_valvariant_t", NAME_BYTES + POINTER.size,
         {"discriminant": 0, "val": NAME_BYTES}),
        ("wasmtime_component_valresult_t", FLAGGED.size,
         {"is_ok": 0, "val": FLAGGED.size - POINTER.size}),
    ],
)  # fmt: skip
def test_a_value_stands_where_it_is_read(
    structure: str, size: int, offsets: dict[str, int]
) -> None:
    kind = getattr(ffi, structure)

    assert ctypes.sizeof(kind) == size
    assert {name: getattr(kind, name).offset for name, _ in kind._fields_} == offsets
