"""Takes server-sent events apart, however the bytes of a stream are divided.

Source: the HTML Standard, "Server-sent events". Other than there, an event counts at the end of the
stream even if no empty line follows it: some endpoints end so.
"""

import re
from collections.abc import Iterator

LINE_END = re.compile(rb"\r\n|\n|\r")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventStream:
    """Takes the bytes of a stream in chunks, and yields the data of its events.

    Shapes: data is bytes, since a chunk may end within a character; lines of one event are joined
            by a line feed. Comments, and fields other than `data`, are dropped.
    Units:  the time is linear in the length of the stream; an event is kept until it is whole.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[bytes] = []
        self._is_first = True
        self._is_behind_return = False

    def take(self, chunk: bytes) -> Iterator[bytes]:
        """Take the next bytes, and yield the data of each event that ends with them."""
        if not chunk:
            return
        if self._is_behind_return:
            chunk = chunk.removeprefix(b"\n")
        self._is_behind_return = chunk.endswith(b"\r")
        *ends, begun = LINE_END.split(chunk)
        for end in ends:
            line = bytes(self._line + end)
            self._line.clear()
            yield from self._take_line(line)
        self._line += begun

    def finish(self) -> Iterator[bytes]:
        """Yield the data of the event that the stream ended with, if no empty line followed it."""
        yield from self._take_line(bytes(self._line))
        yield from self._take_line(b"")

    def _take_line(self, line: bytes) -> Iterator[bytes]:
        if self._is_first:
            line, self._is_first = line.removeprefix(BYTE_ORDER_MARK), False
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":
                self._data.append(value.removeprefix(b" "))
        elif self._data:
            data, self._data = b"\n".join(self._data), []
            if data:
                yield data
