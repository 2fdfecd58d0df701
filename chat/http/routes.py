"""Finds the operation that a request asks for, in the table of operations."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from chat.core.refusals import MethodNotAllowed, UnknownRoute
from chat.http.operation import Operation, Operations


@dataclass(frozen=True)
class Route:
    """The operation that a request asks for, and the named parts of its path.

    If `operation` is None, the request is OPTIONS, and `allowed` is the answer: the methods that
    the path allows.
    """

    operation: Operation | None
    parts: Mapping[str, str]
    allowed: str


@dataclass(frozen=True)
class Routes:
    """The paths of a table of operations."""

    operations: Operations

    @cached_property
    def _named(self) -> Sequence[str]:
        """The paths with named parts; these are tried one by one, all others are looked up."""
        return [template for template in self.operations if "{" in template]

    def find_route(self, method: str, uri: str, has_admin: Callable[[], bool]) -> Route:
        """Find the operation for a method and a URI.

        Operators' paths exist only if there is an operator, which `has_admin` tells.
        Errors: UnknownRoute; MethodNotAllowed, which names the allowed methods.
        """
        template = self.find_template(uri)
        if template is None or (self.is_for_operators(template) and not has_admin()):
            raise UnknownRoute
        operations = self.operations[template]
        parts = _match(template, _path(uri)) or {}
        allowed = _allowed(operations)
        if method == "OPTIONS":
            return Route(None, parts, allowed)
        operation = operations.get("GET" if method == "HEAD" else method)
        if operation is None:
            raise MethodNotAllowed(allowed)
        return Route(operation, parts, allowed)

    def find_template(self, uri: str) -> str | None:
        """Return the path in the table that a URI fits; None if it fits none."""
        path = _path(uri)
        if path in self.operations:
            return path
        return next((one for one in self._named if _match(one, path) is not None), None)

    def find_operation(self, method: str, uri: str) -> Operation | None:
        """Return the operation that a request asks for; None if there is none."""
        operations = self.operations.get(self.find_template(uri) or "", {})
        return operations.get("GET" if method == "HEAD" else method)

    def is_for_operators(self, template: str) -> bool:
        """Whether a path of the table is for operators."""
        return any(one.access == "admin" for one in self.operations[template].values())


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
