"""Server-sent events, however the bytes of their stream are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.llm.events import EventStream
from tests.chat.cutting import cut_at


def read(*chunks: bytes) -> list[bytes]:
    stream = EventStream()
    return [data for chunk in chunks for data in stream.take(chunk)] + list(stream.finish())


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\ndata: b\ndata\ndata:  c\n\n", [b"a\nb\n\n c"]),
        (b": ping\n\n:\n\ndata:a\n\n", [b"a"]),
        (b"event: x\nid: 7\nretry: 1\ndata: a\n\nevent: y\n\n", [b"a"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data: a\n\n\n\n\ndata: b", [b"a", b"b"]),
        (b"data: a\n\ndata: b\n", [b"a", b"b"]),
        (b"data: \xc3\xbc\n\n", ["ü".encode()]),
        (b"data:\n\n", []),
        (b"datum: a\n\nxdata: b\n\n", []),
        (b"", []),
    ],
)
def test_a_stream_is_its_events_cut_anywhere(stream: bytes, events: list[bytes]) -> None:
    assert read(stream) == events
    assert read(*(stream[n : n + 1] for n in range(len(stream)))) == events
    for place in range(len(stream)):
        assert read(stream[:place], b"", stream[place:]) == events


PIECES = st.sampled_from([
    b"data: ", b"data:", b"\r", b"\n", b"\r\n", b":", b" ", b"x", "ü".encode(), "😀".encode(),
    b"event", b"\xef\xbb\xbf",
])  # fmt: skip


@given(st.lists(PIECES, max_size=30).map(b"".join), st.lists(st.integers(0, 60), max_size=10))
def test_any_bytes_cut_anywhere_are_the_same_events(stream: bytes, places: list[int]) -> None:
    assert read(*cut_at(stream, places)) == read(stream)
