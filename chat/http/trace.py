"""Takes over a trace from a request, and says how it goes on in the requests that follow from it.

Source: W3C Trace Context, level 1.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

TRACE_PARENT, TRACE_STATE = "traceparent", "tracestate"
PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[ -~]*)?")
FIRST, INVALID = "00", "ff"
"""The version that this code writes, and the one that no trace may have."""
STATE = re.compile(r"[ -~\t]{1,512}")
"""What a trace's state is passed on as it came: printable, and no longer than all have to pass."""


@dataclass(frozen=True)
class Trace:
    """A trace that a request belongs to, and this request's place in it.

    Shapes: `id` has 32 hexadecimal digits, `span_id` 16, `flags` 2; `state` is what other systems
            noted of the trace, empty if nothing.
    """

    id: str
    span_id: str
    flags: str
    state: str = ""

    def headers(self) -> Mapping[str, str]:
        """Return the headers of a request that follows from this one."""
        named = {TRACE_PARENT: f"{FIRST}-{self.id}-{self.span_id}-{self.flags}"}
        return {**named, TRACE_STATE: self.state} if self.state else named


def parse_trace(headers: Mapping[str, str], span_id: str) -> Trace | None:
    """Return the trace that a request names; None if it names none that is valid.

    `span_id` is this request's own; one of a later version is understood as the first.
    """
    found = PARENT.fullmatch(headers.get(TRACE_PARENT, "").strip())
    if found is None:
        return None
    version, trace_id, parent_id, flags, more = found.groups()
    is_known = version != INVALID and (more is None or version != FIRST)
    if not is_known or not trace_id.strip("0") or not parent_id.strip("0"):
        return None
    state = headers.get(TRACE_STATE, "")
    return Trace(trace_id, span_id, flags, state if STATE.fullmatch(state) else "")
