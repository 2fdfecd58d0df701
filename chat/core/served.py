"""Decides what a request counts as on its route: by its status and its time, and only once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chat.core.counters import BOUNDS_MS, OVER, SUM, TURNS, Counters, Times, bound_of

SERVED = "served"
MS_PER_S = 1000


class Tally:
    """How one request is counted.

    A turn takes the counters along as it is stored, so that they take no round trip of their own;
    any other request is counted behind its answer. A turn's time ends as it is stored.
    """

    def __init__(self, method: str, route: str, status: int, timer: Callable[[], float]) -> None:
        """Begin to time; `route` is a path of the table, `status` that of a turn that is stored."""
        self._name = f"{SERVED} {method} {route}"
        self._status = status
        self._timer = timer
        self._begun = timer()
        self.is_counted = False

    def taken_along(self, counters: Counters) -> Counters:
        """Return the counters that a turn takes along; none with what is stored but no turn."""
        if self.is_counted or TURNS not in counters:
            return {}
        return self.of_status(self._status)

    def note_stored(self, counters: Counters) -> None:
        """Note that a turn was stored with what it took along."""
        self.is_counted = self.is_counted or TURNS in counters

    def of_status(self, status: int) -> Counters:
        """Return by how much the request raises the counters of its route if it ends now."""
        taken_ms, name = (self._timer() - self._begun) * MS_PER_S, self._name
        return {f"{name} {status} {bound_of(taken_ms)}": 1, f"{name} {SUM}": round(taken_ms)}


def uncounted() -> Tally:
    """Return what counts a request on no route."""
    tally = Tally("", "", 0, float)
    tally.is_counted = True
    return tally


@dataclass(frozen=True)
class Served:
    """The requests of one route.

    Shapes: `statuses` has how many had each status.
    """

    method: str
    route: str
    statuses: Mapping[str, int]
    times: Times


def parse_served(fields: Mapping[str, int]) -> list[Served]:
    """Parse the counters of all routes, in the order of their paths."""
    routes: dict[tuple[str, str], dict[str, int]] = {}
    for name, count in fields.items():
        kind, _, rest = name.partition(" ")
        if kind == SERVED:
            method, route, what = rest.split(" ", 2)
            routes.setdefault((route, method), {})[what] = count
    return [_parse_route(method, route, routes[route, method]) for route, method in sorted(routes)]


def _parse_route(method: str, route: str, counted: Mapping[str, int]) -> Served:
    """Parse the counters of one route: its sum, and a count for each status and bound."""
    statuses: dict[str, int] = {}
    counts = dict.fromkeys([*map(str, BOUNDS_MS), OVER], 0)
    for what in sorted(counted.keys() - {SUM}):
        status, bound = what.split(" ")
        statuses[status] = statuses.get(status, 0) + counted[what]
        counts[bound] += counted[what]
    return Served(method, route, statuses, Times(tuple(counts.values()), counted.get(SUM, 0)))
