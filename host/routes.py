"""Finds the route of a request path.

Source: spin `crates/routes/src/lib.rs`.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    """One HTTP trigger: its pattern, and what answers it."""

    pattern: str
    component: str

    @property
    def is_wildcard(self) -> bool:
        """Whether the pattern ends in `/...` or `/*`."""
        return self.pattern.endswith(("/...", "/*"))

    @property
    def base(self) -> str:
        """The pattern without its wildcard, as in `spin-component-route`; "" for `/...`."""
        if self.is_wildcard:
            return self.pattern.rpartition("/")[0]
        return self.pattern

    @property
    def segments(self) -> list[str]:
        """The base's segments; one that starts with `:` matches any."""
        return self.base.split("/")[1:] if self.base else []


@dataclass(frozen=True)
class Match:
    """A route, what is left of the path behind it, and its named segments."""

    route: Route
    path_info: str
    named: tuple[tuple[str, str], ...]


def match_route(route: Route, path: str) -> Match | None:
    """Match one route; `/users/...` leaves "" of `/users`, and "/a/" of `/users/a/`."""
    wanted, given = route.segments, path.split("/")[1:]
    if route.is_wildcard:
        given, rest = given[: len(wanted)], given[len(wanted) :]
        path_info = "".join(f"/{segment}" for segment in rest)
    else:
        path_info = ""
    if len(wanted) != len(given):
        return None
    named = []
    for want, got in zip(wanted, given, strict=True):
        if want.startswith(":") and got:
            named.append((want[1:], got))
        elif want != got:
            return None
    return Match(route, path_info, tuple(named))


def find_route(routes: Sequence[Route], path: str) -> Match | None:
    """Return the best match: exact before wildcard, the longest, of equals the last listed."""
    best: Match | None = None
    for route in routes:
        match = match_route(route, path)
        if match is not None and (best is None or _rank(route) >= _rank(best.route)):
            best = match
    return best


def _rank(route: Route) -> tuple[bool, int, int]:
    literal = sum(not segment.startswith(":") for segment in route.segments)
    return not route.is_wildcard, len(route.segments), literal
