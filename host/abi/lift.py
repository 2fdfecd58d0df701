"""Converts values of the component ABI to Python values, as `host.abi.values` describes."""

import ctypes
from collections.abc import Callable
from ctypes import string_at
from typing import Any

from wasmtime.component import _types as wit

from host.abi.native import (
    FLAGGED,
    POINTER,
    SIZED,
    any_to_resource,
    delete_error,
    delete_resource,
    number_of_resource,
)
from host.abi.values import (
    FIELD_BYTES,
    NAME_BYTES,
    PAYLOAD_OFFSET_BYTES,
    SCALARS,
    VALUE_BYTES,
    Case,
    Context,
    Err,
    Lift,
    Ok,
    ResourceId,
    compile_cases,
)


def read_values(address: int, count: int) -> bytes:
    """Return a copy of `count` values that stand in a row, for a lift to read."""
    return string_at(address, count * VALUE_BYTES)


def _text(data: bytes, offset: int) -> str:
    size, where = SIZED.unpack_from(data, offset)
    return string_at(where, size).decode() if size else ""


def compile_lift(kind: Any, resource_id: ResourceId) -> Lift:
    """Return the function that converts a C value of the WIT type `kind` to a Python value.

    Errors: TypeError for futures, streams and maps, which Preview 2 does not have.
    """
    scalar = SCALARS.get(type(kind))
    if scalar is not None:
        read = scalar[0].unpack_from
        return lambda _, data, offset: read(data, offset + PAYLOAD_OFFSET_BYTES)[0]
    maker = LIFTS.get(type(kind))
    if maker is None:
        raise TypeError(f"no conversion from {type(kind).__name__}")
    return maker(kind, resource_id)


def _lift_string(_kind: Any, _ids: ResourceId) -> Lift:
    return lambda _, data, offset: _text(data, offset + PAYLOAD_OFFSET_BYTES)


def _lift_list(kind: Any, ids: ResourceId) -> Lift:
    if isinstance(kind.element, wit.U8):
        return _lift_bytes
    element = compile_lift(kind.element, ids)

    def lift(context: Context, data: bytes, offset: int) -> list[Any]:
        size, where = SIZED.unpack_from(data, offset + PAYLOAD_OFFSET_BYTES)
        items = read_values(where, size)
        return [element(context, items, start) for start in range(0, len(items), VALUE_BYTES)]

    return lift


def _lift_bytes(_: Context, data: bytes, offset: int) -> bytes:
    size, where = SIZED.unpack_from(data, offset + PAYLOAD_OFFSET_BYTES)
    return read_values(where, size)[PAYLOAD_OFFSET_BYTES::VALUE_BYTES] if size else b""


def _lift_record(kind: Any, ids: ResourceId) -> Lift:
    fields = [
        (name, compile_lift(field, ids), place * FIELD_BYTES + NAME_BYTES)
        for place, (name, field) in enumerate(kind.fields)
    ]

    def lift(context: Context, data: bytes, offset: int) -> dict[str, Any]:
        _, where = SIZED.unpack_from(data, offset + PAYLOAD_OFFSET_BYTES)
        items = string_at(where, len(fields) * FIELD_BYTES)
        return {name: field(context, items, start) for name, field, start in fields}

    return lift


def _lift_tuple(kind: Any, ids: ResourceId) -> Lift:
    elements = [
        (compile_lift(element, ids), place * VALUE_BYTES)
        for place, element in enumerate(kind.elements)
    ]

    def lift(context: Context, data: bytes, offset: int) -> tuple[Any, ...]:
        _, where = SIZED.unpack_from(data, offset + PAYLOAD_OFFSET_BYTES)
        items = read_values(where, len(elements))
        return tuple([element(context, items, start) for element, start in elements])

    return lift


def _lift_variant(kind: Any, ids: ResourceId) -> Lift:
    cases = compile_cases(kind, ids, compile_lift)

    def lift(context: Context, data: bytes, offset: int) -> Case:
        name = _text(data, offset + PAYLOAD_OFFSET_BYTES)
        case = cases[name]
        if case is None:
            return Case(name)
        (where,) = POINTER.unpack_from(data, offset + PAYLOAD_OFFSET_BYTES + NAME_BYTES)
        return Case(name, case(context, read_values(where, 1), 0))

    return lift


def _lift_result(kind: Any, ids: ResourceId) -> Lift:
    cases = compile_cases(kind, ids, compile_lift)

    def lift(context: Context, data: bytes, offset: int) -> Ok | Err:
        is_ok, where = FLAGGED.unpack_from(data, offset + PAYLOAD_OFFSET_BYTES)
        case = cases["ok" if is_ok else "err"]
        payload = None if case is None else case(context, read_values(where, 1), 0)
        return Ok(payload) if is_ok else Err(payload)

    return lift


def _lift_option(kind: Any, ids: ResourceId) -> Lift:
    payload = compile_lift(kind.payload, ids)

    def lift(context: Context, data: bytes, offset: int) -> Any:
        (where,) = POINTER.unpack_from(data, offset + PAYLOAD_OFFSET_BYTES)
        return payload(context, read_values(where, 1), 0) if where else None

    return lift


def _lift_enum(_kind: Any, _ids: ResourceId) -> Lift:
    return lambda _, data, offset: _text(data, offset + PAYLOAD_OFFSET_BYTES)


def _lift_flags(_kind: Any, _ids: ResourceId) -> Lift:
    def lift(_: Context, data: bytes, offset: int) -> frozenset[str]:
        size, where = SIZED.unpack_from(data, offset + PAYLOAD_OFFSET_BYTES)
        names = string_at(where, size * NAME_BYTES) if size else b""
        return frozenset(_text(names, start) for start in range(0, len(names), NAME_BYTES))

    return lift


def _lift_resource(_kind: Any, _ids: ResourceId) -> Lift:
    def lift(context: Context, data: bytes, offset: int) -> int:
        # Converted exactly once: a borrow that is never converted makes the call fail at its end.
        (resource,) = POINTER.unpack_from(data, offset + PAYLOAD_OFFSET_BYTES)
        host = ctypes.c_void_p()
        error = any_to_resource(context, resource, ctypes.byref(host))
        if error:
            delete_error(error)
            raise TypeError("a resource of the guest was passed where one of the host is due")
        number = number_of_resource(host)
        delete_resource(host)
        return int(number)

    return lift


LIFTS: dict[type, Callable[[Any, ResourceId], Lift]] = {
    wit.String: _lift_string,
    wit.ListType: _lift_list,
    wit.RecordType: _lift_record,
    wit.TupleType: _lift_tuple,
    wit.VariantType: _lift_variant,
    wit.EnumType: _lift_enum,
    wit.OptionType: _lift_option,
    wit.ResultType: _lift_result,
    wit.FlagsType: _lift_flags,
    wit.OwnType: _lift_resource,
    wit.BorrowType: _lift_resource,
}
