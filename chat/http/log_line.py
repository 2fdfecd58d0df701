"""Decides what is said of a request: an id that goes with it, and one line in the log.

Nothing of what was said is in it, nor whose it was: an id, a route, a status, times and counts.
"""

import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chat.core.json_text import render_json_text
from chat.usecases.stopwatch import MS_PER_S

REQUEST_ID_HEADER = "x-request-id"
REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
"""What a proxy or a client may call a request; anything else is not taken over."""

Fact = str | int | float
"""A count, a time in ms, an error's code, or our own words for what an operator can mend."""


@dataclass(frozen=True)
class Logged:
    """What is known of a request when its answer has gone out.

    Shapes: `route` is the path of the table that it fits, None for another. `is_whole` says that
            all of the answer was sent.
    """

    request_id: str
    method: str
    route: str | None
    status: int
    taken_s: float
    is_whole: bool
    facts: Mapping[str, Fact]


def parse_request_id(headers: Mapping[str, str], new: str) -> str:
    """Take over the id that the request has, or give it a new one."""
    given = headers.get(REQUEST_ID_HEADER, "")
    return given if REQUEST_ID.fullmatch(given) else new


def render_log_line(logged: Logged) -> str:
    """Render it as JSON, in one line."""
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
    """Render what nobody thought of as JSON, in one line: where it came from, and its kind.

    Its message is left out: it may quote what was said.
    """
    return render_json_text(
        {
            "request_id": request_id,
            "fault": type(fault).__name__,
            "traceback": [line for each in reversed(list(_chain(fault))) for line in _trace(each)],
        }
    )


def _chain(fault: BaseException) -> Iterator[BaseException]:
    """Give an error, and those that it came of, the last one first."""
    link: BaseException | None = fault
    while link is not None:
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _trace(fault: BaseException) -> Iterator[str]:
    for frame, line in traceback.walk_tb(fault.__traceback__):
        yield f"{frame.f_code.co_filename}:{line} {frame.f_code.co_name}"
    yield type(fault).__name__
