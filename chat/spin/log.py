"""Writes to the component's log."""

import sys
import time

from chat.http.log_line import Level, Said, render_line
from chat.spin.current import current


def log(level: Level, event: str, **said: Said) -> None:
    """Write a line about the request that runs here."""
    about = current()
    ids: dict[str, Said] = {}
    if about is not None:
        ids["request_id"] = about.request_id
        if about.trace is not None:
            ids |= {"trace_id": about.trace.id, "span_id": about.trace.span_id}
    sys.stderr.write(render_line(time.time(), level, event, {**ids, **said}) + "\n")
