"""Finds the route of a request path.

Source: spin `crates/routes/src/lib.rs`, and the crate `routefinder` 0.5, which it uses.
"""

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "param", "wildcard", "slash", "dot"]
WEIGHTS = {"text": 3, "param": 2, "wildcard": 1, "slash": 0, "dot": 0}
"""The weight of each kind of part.

Of two routes, the one whose part at their first difference is heavier is tried first.
"""


class InvalidRoute(ValueError):
    """A pattern that is not a route, with the reason."""


@dataclass(frozen=True)
class Part:
    """A piece of a pattern; `text` is the text that it matches, or the name of a segment."""

    kind: Kind
    text: str = ""


@dataclass(frozen=True)
class Route:
    """One HTTP trigger: its pattern, and the component or fixed response that answers it."""

    pattern: str
    component: str

    @property
    def path(self) -> str:
        """The pattern with one slash before it, and none behind."""
        return f"/{self.pattern.removeprefix('/')}".removesuffix("/")

    @property
    def is_wildcard(self) -> bool:
        """Whether the pattern ends in `/...` or `/*`."""
        return self.path.endswith(("/...", "/*"))

    @property
    def base(self) -> str:
        """The pattern without its wildcard, as in `spin-component-route`; "" for `/...`."""
        return self.path.rpartition("/")[0] if self.is_wildcard else self.path

    @functools.cached_property
    def parts(self) -> Sequence[Part]:
        """The pieces of the pattern, in the order in which they are matched."""
        return parse_parts(f"{self.base}/*" if self.is_wildcard else self.path)


@dataclass(frozen=True)
class Match:
    """A route that matches a path, the rest of the path behind it, and the named segments."""

    route: Route
    path_info: str
    named: tuple[tuple[str, str], ...]


def parse_parts(pattern: str) -> Sequence[Part]:
    """Parse a pattern; slashes at its ends and empty segments have no meaning.

    Errors: InvalidRoute.
    """
    parts: list[Part] = []
    for before, section in re.findall(r"(^|[./])([^./]*)", pattern.strip("/")):
        if before == "." and parts and parts[-1].kind == "text":
            parts[-1] = Part("text", parts[-1].text + ".")
        elif before == ".":
            parts.append(Part("dot"))
        if section:
            parts += [Part("slash")] * (before == "/") + [_parse_section(section)]
    return parts


def _parse_section(section: str) -> Part:
    if section == "*":
        return Part("wildcard")
    if section.startswith("*"):
        raise InvalidRoute(
            "since there can only be one wildcard, it doesn't need a name. "
            f"replace `{section}` with `*`"
        )
    if section == ":":
        raise InvalidRoute("params must be named")
    return Part("param", section[1:]) if section.startswith(":") else Part("text", section)


def match_route(route: Route, path: str) -> Match | None:
    """Match a path with one route; slashes at the ends of the path are ignored.

    The rest of the path that `/users/...` leaves is "" for `/users`, "/" for `/users/` and "/a/"
    for `/users/a/`.
    """
    rest, named, path_info = path.strip("/"), [], ""
    for i, part in enumerate(route.parts):
        following = route.parts[i + 1 : i + 2]
        taken = _take(part, rest, following[0].kind if following else None)
        if taken is None:
            return None
        if part.kind == "param":
            named.append((part.text, taken))
        if part.kind == "wildcard":
            path_info = _path_info(taken, path)
        rest = rest[len(taken) :]
    return None if rest else Match(route, path_info, tuple(named))


def _path_info(taken: str, path: str) -> str:
    """Return the rest of a path behind `taken`, with the slashes that matching ignored."""
    behind = "/" if path.endswith("/") else ""
    return f"/{taken}{behind}" if taken else behind


def _take(part: Part, rest: str, following: Kind | None) -> str | None:
    """Return the text that a part matches at the start of `rest`; None if it does not match."""
    if part.kind == "wildcard":
        return rest
    if part.kind == "param":
        taken = re.split(r"[./]" if following == "dot" else "/", rest, maxsplit=1)[0]
        return (
            taken if rest and (following != "dot" or rest[len(taken) :].startswith(".")) else None
        )
    if part.kind == "slash" and not rest and following in (None, "wildcard"):
        return ""
    wanted = {"slash": "/", "dot": "."}.get(part.kind, part.text)
    return wanted if rest.startswith(wanted) else None


def rank_routes(routes: Iterable[Route]) -> Sequence[Route]:
    """Return routes in the order in which they are tried; of equal patterns, only the last one.

    Errors: InvalidRoute.
    """
    by_pattern: dict[str, Route] = {}
    for route in routes:
        by_pattern[route.pattern] = route
    return sorted(by_pattern.values(), key=functools.cmp_to_key(_compare))


def _compare(one: Route, other: Route) -> int:
    """Return a number below 0 if `one` is tried before `other`, above 0 if it is tried later."""
    for mine, others in zip(one.parts, other.parts, strict=False):
        if mine.kind != others.kind and WEIGHTS[mine.kind] != WEIGHTS[others.kind]:
            return WEIGHTS[others.kind] - WEIGHTS[mine.kind]
    dots = [sum(part.kind == "dot" for part in route.parts) for route in (one, other)]
    return dots[1] - dots[0] or len(one.parts) - len(other.parts)


def find_route(ranked: Sequence[Route], path: str) -> Match | None:
    """Return the match of the first route that matches `path`; None if none does."""
    for route in ranked:
        match = match_route(route, path)
        if match is not None:
            return match
    return None
