"""Decides what the log says of a request: an id that goes with the request, and one line.

The line has an id, a route, a status, times and counts. It has nothing of what anybody said, and
does not tell whose request it was.
"""

import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chat.core.json_text import render_json_text
from chat.usecases.stopwatch import MS_PER_S

REQUEST_ID_HEADER = "x-request-id"
REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
"""The request ids that are taken over from a proxy or a client; any other is replaced."""

Fact = str | int | float
"""A count, a time in ms, an error's code, or this code's own words for an operator."""


@dataclass(frozen=True)
class Logged:
    """What is known of a request after its answer was sent.

    Shapes: `route` is the path in the table of operations that the request fits, None if it fits
            none. `is_whole`: whether all of the answer was sent.
    """

    request_id: str
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


def render_log_line(logged: Logged) -> str:
    """Render the log line of a request, as JSON."""
    fields = {
        "request_id": logged.request_id,
        "method": logged.method,
        "route": logged.route,
        "status": logged.status,
        "ms": round(logged.taken_s * MS_PER_S, 1),
        **logged.facts,
    }
    return render_json_text(fields if logged.is_whole else {**fields, "is_whole": False})


def render_fault(request_id: str, fault: BaseException) -> str:
    """Render the log line of an unexpected error, as JSON: its type and its traceback.

    The error's message is left out, because it may quote what somebody said.
    """
    return render_json_text(
        {
            "request_id": request_id,
            "fault": type(fault).__name__,
            "traceback": [line for each in reversed(list(_chain(fault))) for line in _trace(each)],
        }
    )


def render_left_undone(request_id: str, code: str) -> str:
    """Render the log line of what was to run behind an answer, as JSON: why it was left undone."""
    return render_json_text({"request_id": request_id, "left_undone": code})


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
