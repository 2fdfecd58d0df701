"""Finds what answers a request, in the table of operations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chat.core.refusals import MethodNotAllowed, UnknownRoute
from chat.http.operation import Operation
from chat.http.operations import OPERATIONS

NAMED = [template for template in OPERATIONS if "{" in template]
"""Paths with parts that have a name; the others are looked up. None of either is among both."""


@dataclass(frozen=True)
class Route:
    """What answers a request, and the parts of its path that have a name in the table.

    Without an operation, what is `allowed` at the path is the answer.
    """

    operation: Operation | None
    parts: Mapping[str, str]
    allowed: str


def find_route(method: str, uri: str, has_admin: Callable[[], bool]) -> Route:
    """Find what answers a method on a path and query.

    What is for operators is there only if there is an operator: `has_admin` says so.
    Errors: UnknownRoute, and MethodNotAllowed with those that are allowed.
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
    """Find the path of the table that a path fits; None for one that is not served."""
    path = _path(uri)
    if path in OPERATIONS:
        return path
    return next((template for template in NAMED if _match(template, path) is not None), None)


def find_operation(method: str, uri: str) -> Operation | None:
    """Find what a request asks for; None for what is not served."""
    operations = OPERATIONS.get(find_template(uri) or "", {})
    return operations.get("GET" if method == "HEAD" else method)


def is_for_operators(template: str) -> bool:
    """Say whether a path of the table is for operators."""
    return any(operation.access == "admin" for operation in OPERATIONS[template].values())


def _path(uri: str) -> str:
    """Return a path as it came: `//x/y` is no other one's, with or without a host in it."""
    return uri.partition("?")[0] or "/"


def _allowed(operations: Mapping[str, Operation]) -> str:
    head = ["HEAD"] if "GET" in operations else []
    return ", ".join(sorted([*operations, *head, "OPTIONS"]))


def _match(template: str, path: str) -> dict[str, str] | None:
    """Match a path segment by segment; a named one takes anything but nothing."""
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
