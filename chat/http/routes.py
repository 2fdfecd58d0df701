"""Finds the operation that a request asks for, in the table of operations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chat.core.refusals import MethodNotAllowed, UnknownRoute
from chat.http.operation import Operation
from chat.http.operations import OPERATIONS

NAMED = [template for template in OPERATIONS if "{" in template]
"""The paths with named parts. They are tried one by one; all other paths are found by look-up."""


@dataclass(frozen=True)
class Route:
    """The operation that a request asks for, and the named parts of its path.

    If `operation` is None, the request is OPTIONS, and `allowed` is the answer: the methods that
    the path allows.
    """

    operation: Operation | None
    parts: Mapping[str, str]
    allowed: str


def find_route(method: str, uri: str, has_admin: Callable[[], bool]) -> Route:
    """Find the operation for a method and a URI.

    Operators' paths exist only if there is an operator, which `has_admin` tells.
    Errors: UnknownRoute; MethodNotAllowed, which names the allowed methods.
    """
    template = find_template(uri)
    if template is None or (is_for_operators(template) and not has_admin()):
        raise UnknownRoute
    operations = OPERATIONS[template]
    parts = _match(template, _path(uri)) or {}
    allowed = _allowed(operations)
    if method == "OPTIONS":
        return Route(None, parts, allowed)
    operation = operations.get("GET" if method == "HEAD" else method)
    if operation is None:
        raise MethodNotAllowed(allowed)
    return Route(operation, parts, allowed)


def find_template(uri: str) -> str | None:
    """Return the path in the table that a URI fits; None if it fits none."""
    path = _path(uri)
    if path in OPERATIONS:
        return path
    return next((template for template in NAMED if _match(template, path) is not None), None)


def find_operation(method: str, uri: str) -> Operation | None:
    """Return the operation that a request asks for; None if there is none."""
    operations = OPERATIONS.get(find_template(uri) or "", {})
    return operations.get("GET" if method == "HEAD" else method)


def is_for_operators(template: str) -> bool:
    """Whether a path of the table is for operators."""
    return any(operation.access == "admin" for operation in OPERATIONS[template].values())


def _path(uri: str) -> str:
    """Return the path of a URI as it was sent: in `//x/y`, `x` is not taken for a host."""
    return uri.partition("?")[0] or "/"


def _allowed(operations: Mapping[str, Operation]) -> str:
    head = ["HEAD"] if "GET" in operations else []
    return ", ".join(sorted([*operations, *head, "OPTIONS"]))


def _match(template: str, path: str) -> dict[str, str] | None:
    """Return the named parts of a path that fits `template`; None if it does not fit.

    A named part stands for any segment that is not empty.
    """
    wanted, given = template.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    parts = {}
    for name, segment in zip(wanted, given, strict=True):
        if name.startswith("{") and segment:
            parts[name[1:-1]] = segment
        elif name != segment:
            return None
    return parts
