"""Converts Python values to values of the component ABI, as `host.abi.values` describes."""

import ctypes
from collections.abc import Callable
from typing import Any

from wasmtime import _ffi as ffi
from wasmtime.component import _types as wit

from host.abi.native import (
    FLAGGED,
    POINTER,
    Address,
    copy_to,
    delete_error,
    delete_resource,
    new_flags,
    new_list,
    new_record,
    new_resource,
    new_text,
    new_tuple,
    new_value,
    pointer_at,
    resource_to_any,
)
from host.abi.values import (
    FIELD_BYTES,
    NAME_BYTES,
    PAYLOAD_OFFSET_BYTES,
    SCALARS,
    U8_KIND,
    VALUE_BYTES,
    Case,
    Context,
    Err,
    Lower,
    Ok,
    ResourceId,
    compile_cases,
)

OWNED = True
DATA_OFFSET_BYTES = PAYLOAD_OFFSET_BYTES + POINTER.size
"""The offset at which a list, record, tuple or set of flags has the address of its first item."""
BLANK = bytes(VALUE_BYTES)
"""A value that owns nothing: a false boolean."""


def _head(kind: Any) -> bytes:
    """Return the bytes with which a value of a kind begins."""
    return bytes([kind.value]).ljust(PAYLOAD_OFFSET_BYTES, b"\0")


STRING = _head(ffi.WASMTIME_COMPONENT_STRING)
LIST = _head(ffi.WASMTIME_COMPONENT_LIST)
RECORD = _head(ffi.WASMTIME_COMPONENT_RECORD)
TUPLE = _head(ffi.WASMTIME_COMPONENT_TUPLE)
VARIANT = _head(ffi.WASMTIME_COMPONENT_VARIANT)
RESULT = _head(ffi.WASMTIME_COMPONENT_RESULT)
OPTION = _head(ffi.WASMTIME_COMPONENT_OPTION)
ENUM = _head(ffi.WASMTIME_COMPONENT_ENUM)
FLAGS = _head(ffi.WASMTIME_COMPONENT_FLAGS)
RESOURCE = _head(ffi.WASMTIME_COMPONENT_RESOURCE)


def _write(address: Address, data: bytes) -> None:
    copy_to(address, data, len(data))


def compile_lower(kind: Any, resource_id: ResourceId) -> Lower:
    """Return the function that writes a Python value as the WIT type `kind`.

    Errors: TypeError as in `compile_lift`; the function raises TypeError, KeyError, AttributeError
            or struct.error for a value of another shape.
    """
    scalar = SCALARS.get(type(kind))
    if scalar is not None:
        return _lower_scalar(*scalar)
    maker = LOWERS.get(type(kind))
    if maker is None:
        raise TypeError(f"no conversion to {type(kind).__name__}")
    return maker(kind, resource_id)


def _lower_scalar(form: Any, tag: int) -> Lower:
    head = bytes([tag]).ljust(PAYLOAD_OFFSET_BYTES, b"\0")

    def lower(_: Context, value: Any, out: Address) -> None:
        _write(out, head + form.pack(value))

    return lower


def _lower_string(_kind: Any, _ids: ResourceId) -> Lower:
    def lower(_: Context, value: str, out: Address) -> None:
        data = value.encode()
        new_text(out + PAYLOAD_OFFSET_BYTES, len(data), data)
        copy_to(out, STRING, PAYLOAD_OFFSET_BYTES)

    return lower


def _lower_list(kind: Any, ids: ResourceId) -> Lower:
    if isinstance(kind.element, wit.U8):
        return _lower_bytes
    element = compile_lower(kind.element, ids)

    def lower(context: Context, value: list[Any], out: Address) -> None:
        new_list(out + PAYLOAD_OFFSET_BYTES, len(value))
        where = pointer_at(out + DATA_OFFSET_BYTES)
        for item in value:
            element(context, item, where)
            where += VALUE_BYTES
        _write(out, LIST)

    return lower


def _lower_bytes(_: Context, value: bytes, out: Address) -> None:
    size = len(value)
    new_list(out + PAYLOAD_OFFSET_BYTES, size)
    if size:
        strided = bytearray(size * VALUE_BYTES)
        strided[0::VALUE_BYTES] = U8_KIND * size
        strided[PAYLOAD_OFFSET_BYTES::VALUE_BYTES] = value
        _write(pointer_at(out + DATA_OFFSET_BYTES), bytes(strided))
    _write(out, LIST)


def _lower_record(kind: Any, ids: ResourceId) -> Lower:
    fields = [(name, name.encode(), compile_lower(field, ids)) for name, field in kind.fields]

    def lower(context: Context, value: dict[str, Any], out: Address) -> None:
        new_record(out + PAYLOAD_OFFSET_BYTES, len(fields))
        where = pointer_at(out + DATA_OFFSET_BYTES)
        for name, encoded, field in fields:
            field(context, value[name], where + NAME_BYTES)
            new_text(where, len(encoded), encoded)
            where += FIELD_BYTES
        _write(out, RECORD)

    return lower


def _lower_tuple(kind: Any, ids: ResourceId) -> Lower:
    elements = [compile_lower(element, ids) for element in kind.elements]

    def lower(context: Context, value: tuple[Any, ...], out: Address) -> None:
        new_tuple(out + PAYLOAD_OFFSET_BYTES, len(elements))
        where = pointer_at(out + DATA_OFFSET_BYTES)
        for element, item in zip(elements, value, strict=True):
            element(context, item, where)
            where += VALUE_BYTES
        _write(out, TUPLE)

    return lower


def _boxed(lower: Lower | None, context: Context, value: Any) -> Address:
    """Lower `value` into memory that wasmtime allocates; return 0 for a case without payload."""
    if lower is None:
        return 0
    where: Address = new_value(BLANK)
    lower(context, value, where)
    return where


def _lower_variant(kind: Any, ids: ResourceId) -> Lower:
    cases = {
        name: (name.encode(), case)
        for name, case in compile_cases(kind, ids, compile_lower).items()
    }

    def lower(context: Context, value: Case, out: Address) -> None:
        encoded, case = cases[value.name]
        payload = _boxed(case, context, value.value)
        new_text(out + PAYLOAD_OFFSET_BYTES, len(encoded), encoded)
        _write(out + PAYLOAD_OFFSET_BYTES + NAME_BYTES, POINTER.pack(payload))
        _write(out, VARIANT)

    return lower


def _lower_result(kind: Any, ids: ResourceId) -> Lower:
    cases = compile_cases(kind, ids, compile_lower)

    def lower(context: Context, value: Any, out: Address) -> None:
        is_ok = not isinstance(value, Err)
        payload = value.value if isinstance(value, Ok | Err) else value
        boxed = _boxed(cases["ok" if is_ok else "err"], context, payload)
        _write(out, RESULT + FLAGGED.pack(is_ok, boxed))

    return lower


def _lower_option(kind: Any, ids: ResourceId) -> Lower:
    payload = compile_lower(kind.payload, ids)

    def lower(context: Context, value: Any, out: Address) -> None:
        boxed = 0 if value is None else _boxed(payload, context, value)
        _write(out, OPTION + POINTER.pack(boxed))

    return lower


def _lower_enum(_kind: Any, _ids: ResourceId) -> Lower:
    def lower(_: Context, value: str, out: Address) -> None:
        data = value.encode()
        new_text(out + PAYLOAD_OFFSET_BYTES, len(data), data)
        _write(out, ENUM)

    return lower


def _lower_flags(_kind: Any, _ids: ResourceId) -> Lower:
    def lower(_: Context, value: frozenset[str], out: Address) -> None:
        new_flags(out + PAYLOAD_OFFSET_BYTES, len(value))
        where = pointer_at(out + DATA_OFFSET_BYTES)
        for name in sorted(value):
            data = name.encode()
            new_text(where, len(data), data)
            where += NAME_BYTES
        _write(out, FLAGS)

    return lower


def _lower_own(kind: Any, ids: ResourceId) -> Lower:
    type_id = ids(kind.ty)

    def lower(context: Context, value: int, out: Address) -> None:
        host = new_resource(OWNED, value, type_id)
        resource = ctypes.c_void_p()
        error = resource_to_any(context, host, ctypes.byref(resource))
        delete_resource(host)
        if error:
            delete_error(error)
            raise TypeError("a resource could not be handed to the guest")
        _write(out, RESOURCE + POINTER.pack(resource.value))

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
