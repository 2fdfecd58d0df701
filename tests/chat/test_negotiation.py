"""Whether a caller of `POST /` is answered with events, by its `Accept`."""

import pytest

from chat.http.events import wants_events


@pytest.mark.parametrize(
    ("accept", "is_wanted"),
    [
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("text/event-stream", True),
        ("Text/Event-Stream", True),
        ("text/*", False),
        ("text/event-stream;q=0", False),
        ("text/event-stream;q=0.0, */*;q=0", False),
        ("text/event-stream, application/json", True),
        ("application/json, text/event-stream", True),
        ("application/json;q=0.5, text/event-stream", True),
        ("application/json, text/event-stream;q=0.9", False),
        ("text/event-stream;q=0.5, */*;q=0.1", True),
        ("text/event-stream;q=0.5, */*", False),
        ("text/event-stream; q=0.5 , application/json;q=0.2, */*", True),
        ("text/event-stream;charset=utf-8;q=1.000", True),
        ("text/event-stream;q=high", True),
        (";;,,=;q=0.5", False),
    ],
)
def test_events_are_for_who_names_them_and_likes_nothing_else_more(
    accept: str, *, is_wanted: bool
) -> None:
    assert wants_events(accept) is is_wanted
