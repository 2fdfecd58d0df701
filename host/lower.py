"""Writes Python values as values of the component ABI; see `host.values` for what becomes what."""

import ctypes
from collections.abc import Callable
from ctypes import byref
from typing import Any

from wasmtime import _ffi as ffi
from wasmtime.component import _types as wit

from host.values import (
    PAYLOAD_OFFSET_BYTES,
    SCALARS,
    U8_KIND,
    VALUE_BYTES,
    Case,
    Context,
    CValue,
    Err,
    Lower,
    Ok,
    ResourceId,
    compile_cases,
)

OWNED = True


def _vector(text: str) -> Any:
    data = text.encode()
    vector = ffi.wasm_byte_vec_t()
    ffi.wasm_byte_vec_new(
        byref(vector), len(data), (ctypes.c_uint8 * len(data)).from_buffer_copy(data)
    )
    return vector


def compile_lower(kind: Any, resource_id: ResourceId) -> Lower:
    """Make the function that writes a Python value as the WIT type `kind`.

    Errors: TypeError as in `compile_lift`; the function raises TypeError, KeyError or
            AttributeError for a value of another shape, before anything was allocated for it.
    """
    scalar = SCALARS.get(type(kind))
    if scalar is not None:
        return _lower_scalar(*scalar)
    maker = LOWERS.get(type(kind))
    if maker is None:
        raise TypeError(f"no conversion to {type(kind).__name__}")
    return maker(kind, resource_id)


def _lower_scalar(field: str, tag: int) -> Lower:
    def lower(_: Context, value: Any, out: CValue) -> None:
        setattr(out.of, field, value)
        out.kind = tag

    return lower


def _lower_string(_kind: Any, _ids: ResourceId) -> Lower:
    def lower(_: Context, value: str, out: CValue) -> None:
        out.of.string = _vector(value)
        out.kind = ffi.WASMTIME_COMPONENT_STRING.value

    return lower


def _lower_list(kind: Any, ids: ResourceId) -> Lower:
    if isinstance(kind.element, wit.U8):
        return _lower_bytes
    element = compile_lower(kind.element, ids)

    def lower(context: Context, value: list[Any], out: CValue) -> None:
        items = ffi.wasmtime_component_vallist_t()
        ffi.wasmtime_component_vallist_new_uninit(byref(items), len(value))
        for i, item in enumerate(value):
            element(context, item, items.data[i])
        out.of.list = items
        out.kind = ffi.WASMTIME_COMPONENT_LIST.value

    return lower


def _lower_bytes(_: Context, value: bytes, out: CValue) -> None:
    items = ffi.wasmtime_component_vallist_t()
    size = len(value)
    ffi.wasmtime_component_vallist_new_uninit(byref(items), size)
    if size:
        strided = bytearray(size * VALUE_BYTES)
        strided[0::VALUE_BYTES] = U8_KIND * size
        strided[PAYLOAD_OFFSET_BYTES::VALUE_BYTES] = value
        ctypes.memmove(
            items.data, (ctypes.c_char * len(strided)).from_buffer(strided), len(strided)
        )
    out.of.list = items
    out.kind = ffi.WASMTIME_COMPONENT_LIST.value


def _lower_record(kind: Any, ids: ResourceId) -> Lower:
    fields = [(name, compile_lower(field, ids)) for name, field in kind.fields]

    def lower(context: Context, value: dict[str, Any], out: CValue) -> None:
        record = ffi.wasmtime_component_valrecord_t()
        ffi.wasmtime_component_valrecord_new_uninit(byref(record), len(fields))
        for i, (name, field) in enumerate(fields):
            field(context, value[name], record.data[i].val)
            record.data[i].name = _vector(name)
        out.of.record = record
        out.kind = ffi.WASMTIME_COMPONENT_RECORD.value

    return lower


def _lower_tuple(kind: Any, ids: ResourceId) -> Lower:
    elements = [compile_lower(element, ids) for element in kind.elements]

    def lower(context: Context, value: tuple[Any, ...], out: CValue) -> None:
        items = ffi.wasmtime_component_valtuple_t()
        ffi.wasmtime_component_valtuple_new_uninit(byref(items), len(elements))
        for i, element in enumerate(elements):
            element(context, value[i], items.data[i])
        out.of.tuple = items
        out.kind = ffi.WASMTIME_COMPONENT_TUPLE.value

    return lower


def _boxed(lower: Lower | None, context: Context, value: Any) -> Any:
    """Lower `value` into memory of wasmtime's; a null pointer for a case without payload."""
    if lower is None:
        return None
    out = ffi.wasmtime_component_val_t()
    lower(context, value, out)
    return ffi.wasmtime_component_val_new(byref(out))


def _lower_variant(kind: Any, ids: ResourceId) -> Lower:
    cases = compile_cases(kind, ids, compile_lower)

    def lower(context: Context, value: Case, out: CValue) -> None:
        payload = _boxed(cases[value.name], context, value.value)
        out.of.variant.discriminant = _vector(value.name)
        out.of.variant.val = payload
        out.kind = ffi.WASMTIME_COMPONENT_VARIANT.value

    return lower


def _lower_result(kind: Any, ids: ResourceId) -> Lower:
    cases = compile_cases(kind, ids, compile_lower)

    def lower(context: Context, value: Any, out: CValue) -> None:
        is_ok = not isinstance(value, Err)
        payload = value.value if isinstance(value, Ok | Err) else value
        boxed = _boxed(cases["ok" if is_ok else "err"], context, payload)
        out.of.result.is_ok = is_ok
        out.of.result.val = boxed
        out.kind = ffi.WASMTIME_COMPONENT_RESULT.value

    return lower


def _lower_option(kind: Any, ids: ResourceId) -> Lower:
    payload = compile_lower(kind.payload, ids)

    def lower(context: Context, value: Any, out: CValue) -> None:
        out.of.option = None if value is None else _boxed(payload, context, value)
        out.kind = ffi.WASMTIME_COMPONENT_OPTION.value

    return lower


def _lower_enum(_kind: Any, _ids: ResourceId) -> Lower:
    def lower(_: Context, value: str, out: CValue) -> None:
        out.of.enumeration = _vector(value)
        out.kind = ffi.WASMTIME_COMPONENT_ENUM.value

    return lower


def _lower_flags(_kind: Any, _ids: ResourceId) -> Lower:
    def lower(_: Context, value: frozenset[str], out: CValue) -> None:
        flags = ffi.wasmtime_component_valflags_t()
        ffi.wasmtime_component_valflags_new_uninit(byref(flags), len(value))
        for i, name in enumerate(sorted(value)):
            flags.data[i] = _vector(name)
        out.of.flags = flags
        out.kind = ffi.WASMTIME_COMPONENT_FLAGS.value

    return lower


def _lower_own(kind: Any, ids: ResourceId) -> Lower:
    type_id = ids(kind.ty)

    def lower(context: Context, value: int, out: CValue) -> None:
        host = ffi.wasmtime_component_resource_host_new(OWNED, value, type_id)
        any_resource = ctypes.POINTER(ffi.wasmtime_component_resource_any_t)()
        error = ffi.wasmtime_component_resource_host_to_any(context, host, byref(any_resource))
        ffi.wasmtime_component_resource_host_delete(host)
        if error:
            ffi.wasmtime_error_delete(error)
            raise TypeError("a resource could not be handed to the guest")
        out.of.resource = any_resource
        out.kind = ffi.WASMTIME_COMPONENT_RESOURCE.value

    return lower


LOWERS: dict[type, Callable[[Any, ResourceId], Lower]] = {
    wit.String: _lower_string,
    wit.ListType: _lower_list,
    wit.RecordType: _lower_record,
    wit.TupleType: _lower_tuple,
    wit.VariantType: _lower_variant,
    wit.EnumType: _lower_enum,
    wit.OptionType: _lower_option,
    wit.ResultType: _lower_result,
    wit.FlagsType: _lower_flags,
    wit.OwnType: _lower_own,
}
