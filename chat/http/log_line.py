"""Decides what the log says: one JSON object a line, all of one shape.

A line has a time, a level, an event, and the ids of the request that it is about; then what the
event has to say: a route, a status, times and counts, an error's code. It has nothing of what
anybody said, and does not tell whose request it was.
"""

import datetime as dt
import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from chat.core.json_text import render_json_text
from chat.usecases.stopwatch import MS_PER_S

REQUEST_ID_HEADER = "x-request-id"
REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
"""The request ids that are taken over from a proxy or a client; any other is replaced."""

Level = Literal["info", "warning", "error"]
Fact = str | int | float
"""A count, a time in ms, an error's code, or this code's own words for an operator."""
Said = Fact | Sequence[str] | None
SERVER_ERROR = 500


@dataclass(frozen=True)
class Logged:
    """What is known of a request after its answer was sent.

    Shapes: `route` is the path in the table of operations that the request fits, None if it fits
            none. `is_whole`: whether all of the answer was sent.
    """

    method: str
    route: str | None
    status: int
    taken_s: float
    is_whole: bool
    facts: Mapping[str, Fact]


def parse_request_id(headers: Mapping[str, str], new: str) -> str:
    """Return the id that the request came with, or `new` if it has none that is allowed."""
    given = headers.get(REQUEST_ID_HEADER, "")
    return given if REQUEST_ID.fullmatch(given) else new


def render_line(at: float, level: Level, event: str, said: Mapping[str, Said]) -> str:
    """Render a line of the log; `at` is seconds since 1970."""
    time = dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds")
    head = {"time": time.replace("+00:00", "Z"), "level": level, "event": event}
    return render_json_text({**head, **said})


def level_of(status: int) -> Level:
    """Return the level of a request's line: an error is what this service has to answer for."""
    return "error" if status >= SERVER_ERROR else "info"


def describe_request(logged: Logged) -> Mapping[str, Said]:
    """Return what the line of a request says."""
    fields: dict[str, Said] = {
        "method": logged.method,
        "route": logged.route,
        "status": logged.status,
        "ms": round(logged.taken_s * MS_PER_S, 1),
        **logged.facts,
    }
    return fields if logged.is_whole else {**fields, "is_whole": False}


def describe_fault(fault: BaseException) -> Mapping[str, Said]:
    """Return what the line of an unexpected error says: its type and its traceback.

    The error's message is left out, because it may quote what somebody said.
    """
    lines = [line for each in reversed(list(_chain(fault))) for line in _trace(each)]
    return {"fault": type(fault).__name__, "traceback": lines}


def _chain(fault: BaseException) -> Iterator[BaseException]:
    """Yield an error and then the errors that led to it, the latest first."""
    link: BaseException | None = fault
    while link is not None:
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _trace(fault: BaseException) -> Iterator[str]:
    for frame, line in traceback.walk_tb(fault.__traceback__):
        yield f"{frame.f_code.co_filename}:{line} {frame.f_code.co_name}"
    yield type(fault).__name__
