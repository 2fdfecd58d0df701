"""Renders a turn as server-sent events while it is taken, for callers who ask for that.

Source: the HTML Standard, "Server-sent events"; RFC 9110, section 12.5.1, for `Accept`.
"""

import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from chat.core.errors import ChatError
from chat.core.json_text import render_json_text
from chat.core.usage import TurnResult
from chat.http.log_line import Fact
from chat.http.response import Response
from chat.usecases.take_turn import TurnEvents

EVENTS = "text/event-stream"
HEADERS = {"content-type": EVENTS, "x-accel-buffering": "no"}
"""The second header tells nginx and its like to hold nothing back."""
COMMENT = b":\n\n"
"""What is written where nothing else is: it keeps the line open, and finds out who has gone."""
WEIGHT = re.compile(r"\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*", re.ASCII | re.IGNORECASE)


def wants_events(accept: str) -> bool:
    """Whether a caller prefers events to JSON: it names them, and wants JSON no more than them.

    Errors: none; what cannot be understood counts as not said.
    """
    weights = _parse_accept(accept)
    json = next((weights[kind] for kind in _RANGES if kind in weights), 0.0)
    return weights.get(EVENTS, 0.0) > 0 and weights[EVENTS] >= json


def accepted(accept: str) -> tuple[bool, bool]:
    """Return whether a caller takes JSON, and whether it takes events; without a word, JSON."""
    weights = _parse_accept(accept) if accept.strip() else {"*/*": 1.0}
    json = next((weights[kind] for kind in _RANGES if kind in weights), 0.0)
    return json > 0, weights.get(EVENTS, 0.0) > 0


_RANGES = ("application/json", "application/*", "*/*")
"""The ranges that JSON is in, the one that counts most first."""


def _parse_accept(accept: str) -> Mapping[str, float]:
    """Return how much each range of media types is wanted, from 0 to 1."""
    weights = {}
    for part in accept.lower().split(","):
        kind, *parameters = part.split(";")
        found = [match[1] for one in parameters if (match := WEIGHT.fullmatch(one))]
        weights[kind.strip()] = min(1.0, float(found[0])) if found else 1.0
    return weights


def render_event(name: str, data: bytes) -> bytes:
    """Render one event; `data` is one line of JSON."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)


async def render_turn_events(
    events: TurnEvents,
    make_headers: Callable[[], Mapping[str, str]],
    finish: Callable[[TurnResult], Response],
) -> Response:
    """Render a turn while it is taken; its last event is the body of what `finish` makes of it.

    `make_headers` is called once the turn has begun.
    Errors: those of a turn that does not begin.
    """
    first = await anext(events)
    facts: dict[str, Fact] = {}
    chunks = _chunks(first, events, finish, facts)
    headers = {**make_headers(), **HEADERS}
    return Response(200, headers=headers, chunks=chunks, facts=facts, error_event=_error_event)


def _error_event(_: ChatError, body: bytes) -> bytes:
    return render_event("error", body)


async def _chunks(
    first: str | TurnResult,
    events: TurnEvents,
    finish: Callable[[TurnResult], Response],
    facts: dict[str, Fact],
) -> AsyncGenerator[bytes, None]:
    def render(event: str | TurnResult) -> bytes:
        if isinstance(event, str):
            delta = render_json_text({"text": event}).encode()
            return render_event("delta", delta) if event else COMMENT
        finished = finish(event)
        facts.update(finished.facts)
        return render_event("result", finished.body)

    async with aclosing(events):
        yield render(first)
        async for event in events:
            yield render(event)
