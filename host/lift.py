"""Turns values of the component ABI into Python ones; see `host.values` for what becomes what."""

import ctypes
from collections.abc import Callable
from ctypes import byref
from typing import Any

from wasmtime import _ffi as ffi
from wasmtime.component import _types as wit

from host.values import (
    PAYLOAD_OFFSET_BYTES,
    SCALARS,
    VALUE_BYTES,
    Case,
    Context,
    CValue,
    Err,
    Lift,
    Ok,
    ResourceId,
    compile_cases,
)


def _text(vector: Any) -> str:
    return ctypes.string_at(vector.data, vector.size).decode() if vector.size else ""


def compile_lift(kind: Any, resource_id: ResourceId) -> Lift:
    """Make the function that turns a C value of the WIT type `kind` into Python.

    Errors: TypeError for futures, streams and maps, which Preview 2 does not have.
    """
    scalar = SCALARS.get(type(kind))
    if scalar is not None:
        field = scalar[0]
        return lambda _, value: getattr(value.of, field)
    maker = LIFTS.get(type(kind))
    if maker is None:
        raise TypeError(f"no conversion from {type(kind).__name__}")
    return maker(kind, resource_id)


def _lift_string(_kind: Any, _ids: ResourceId) -> Lift:
    return lambda _, value: _text(value.of.string)


def _lift_list(kind: Any, ids: ResourceId) -> Lift:
    if isinstance(kind.element, wit.U8):
        return _lift_bytes
    element = compile_lift(kind.element, ids)

    def lift(context: Context, value: CValue) -> list[Any]:
        items = value.of.list
        data = items.data
        return [element(context, data[i]) for i in range(items.size)]

    return lift


def _lift_bytes(_: Context, value: CValue) -> bytes:
    items = value.of.list
    if not items.size:
        return b""
    return ctypes.string_at(items.data, items.size * VALUE_BYTES)[PAYLOAD_OFFSET_BYTES::VALUE_BYTES]


def _lift_record(kind: Any, ids: ResourceId) -> Lift:
    fields = [(name, compile_lift(field, ids)) for name, field in kind.fields]

    def lift(context: Context, value: CValue) -> dict[str, Any]:
        data = value.of.record.data
        return {name: field(context, data[i].val) for i, (name, field) in enumerate(fields)}

    return lift


def _lift_tuple(kind: Any, ids: ResourceId) -> Lift:
    elements = [compile_lift(element, ids) for element in kind.elements]

    def lift(context: Context, value: CValue) -> tuple[Any, ...]:
        data = value.of.tuple.data
        return tuple(element(context, data[i]) for i, element in enumerate(elements))

    return lift


def _lift_variant(kind: Any, ids: ResourceId) -> Lift:
    cases = compile_cases(kind, ids, compile_lift)

    def lift(context: Context, value: CValue) -> Case:
        name = _text(value.of.variant.discriminant)
        case = cases[name]
        return Case(name, None if case is None else case(context, value.of.variant.val.contents))

    return lift


def _lift_result(kind: Any, ids: ResourceId) -> Lift:
    cases = compile_cases(kind, ids, compile_lift)

    def lift(context: Context, value: CValue) -> Ok | Err:
        result = value.of.result
        case = cases["ok" if result.is_ok else "err"]
        payload = None if case is None else case(context, result.val.contents)
        return Ok(payload) if result.is_ok else Err(payload)

    return lift


def _lift_option(kind: Any, ids: ResourceId) -> Lift:
    payload = compile_lift(kind.payload, ids)
    return lambda context, value: (
        payload(context, value.of.option.contents) if value.of.option else None
    )


def _lift_enum(_kind: Any, _ids: ResourceId) -> Lift:
    return lambda _, value: _text(value.of.enumeration)


def _lift_flags(_kind: Any, _ids: ResourceId) -> Lift:
    return lambda _, value: frozenset(
        _text(value.of.flags.data[i]) for i in range(value.of.flags.size)
    )


def _lift_resource(_kind: Any, _ids: ResourceId) -> Lift:
    def lift(context: Context, value: CValue) -> int:
        # Exactly once: a borrow that is never converted makes the call fail at its end.
        host = ctypes.POINTER(ffi.wasmtime_component_resource_host_t)()
        error = ffi.wasmtime_component_resource_any_to_host(context, value.of.resource, byref(host))
        if error:
            ffi.wasmtime_error_delete(error)
            raise TypeError("a resource of the guest was passed where one of the host is due")
        rep = ffi.wasmtime_component_resource_host_rep(host)
        ffi.wasmtime_component_resource_host_delete(host)
        return int(rep)

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
