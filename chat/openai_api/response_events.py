"""Renders a response as typed events while it is made.

Source: OpenAI's API reference, "Streaming events", and `openai.lib.streaming.responses`, which
wants items and parts of them to be added before anything of them comes.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import Any

from chat.core.errors import ChatError
from chat.core.json_text import render_json_text
from chat.core.messages import Message
from chat.core.tool_calls import CallPart, ToolCall
from chat.http.events import COMMENT, HEADERS, render_event
from chat.http.log_line import Fact
from chat.http.response import Response
from chat.openai_api.errors import error_fields
from chat.openai_api.items import output_text
from chat.openai_api.responses import Frame
from chat.usecases.take_turn import Begun, Events, Taken


class EventWriter:
    """Writes the events of one response, and counts them."""

    def __init__(self) -> None:
        self._count = 0

    def write(self, kind: str, **fields: Any) -> bytes:
        """Write the next event."""
        numbered = {"type": kind, **fields, "sequence_number": self._count}
        self._count += 1
        return render_event(kind, render_json_text(numbered).encode())

    def write_error(self, error: ChatError, _: bytes) -> bytes:
        """Write an error as the last event."""
        fields = error_fields(error)
        del fields["type"]
        return self.write("error", **fields)


class ItemWriter:
    """Writes the events of the items of a reply: its text, and then its tool calls."""

    def __init__(self, writer: EventWriter, frame: Frame, first_index: int) -> None:
        """Take the place in its turn that the first item will have."""
        self._write = writer.write
        self._frame = frame
        self._first = first_index
        self._index = -1
        """The place of the last item in the output."""
        self._text: list[str] | None = None
        self._call: ToolCall | None = None
        self._calls = -1

    def text(self, text: str) -> Iterator[bytes]:
        """Write a part of the text; behind a call there is none."""
        if self._call is not None:
            return
        if self._text is None:
            self._text = []
            self._index += 1
            yield self._item("added", Message("assistant", ""), content=[])
            yield self._of_part("response.content_part.added", part=output_text(""))
        self._text.append(text)
        yield self._of_part("response.output_text.delta", delta=text, logprobs=[])

    def call(self, part: CallPart) -> Iterator[bytes]:
        """Write a part of a tool call."""
        if part.place != self._calls:
            yield from self.close()
            self._calls, self._call = part.place, ToolCall(part.id, part.name, "")
            self._index += 1
            yield self._item("added", Message("assistant", "", calls=(self._call,)))
        call = self._call or ToolCall("", "", "")
        self._call = call._replace(arguments=call.arguments + part.arguments)
        if part.arguments:
            yield self._of_call("delta", delta=part.arguments)

    def close(self) -> Iterator[bytes]:
        """Write the end of the item that is open, if one is."""
        if self._call is not None:
            yield self._of_call("done", name=self._call.name, arguments=self._call.arguments)
            yield self._item("done", Message("assistant", "", calls=(self._call,)))
            return
        if self._text is None:
            return
        text, self._text = "".join(self._text), None
        yield self._of_part("response.output_text.done", text=text, logprobs=[])
        yield self._of_part("response.content_part.done", part=output_text(text))
        yield self._item("done", Message("assistant", text))

    def _item(self, what: str, message: Message, **instead: Any) -> bytes:
        status = "completed" if what == "done" else "in_progress"
        item = self._frame.named.item(message, self._first + self._index, status)  # type: ignore[arg-type]
        kind = f"response.output_item.{what}"
        return self._write(kind, output_index=self._index, item={**item, **instead})

    def _of_part(self, kind: str, **fields: Any) -> bytes:
        return self._write(
            kind, item_id=self._id("msg"), output_index=self._index, content_index=0, **fields
        )

    def _of_call(self, what: str, **fields: Any) -> bytes:
        kind = f"response.function_call_arguments.{what}"
        return self._write(kind, item_id=self._id("fc"), output_index=self._index, **fields)

    def _id(self, kind: str) -> str:
        calls = (ToolCall("", "", ""),) if kind == "fc" else ()
        message = Message("assistant", "", calls=calls)
        return str(self._frame.named.item(message, self._first + self._index)["id"])


async def render_response_events(
    events: Events,
    make_frame: Callable[[Begun], Frame],
    finish: Callable[[Taken], Awaitable[tuple[Mapping[str, Any], dict[str, Fact]]]],
    first_index: int,
    make_headers: Callable[[], Mapping[str, str]],
) -> Response:
    """Render a response while it is made; `finish` makes the whole of it, and facts for the log.

    Errors: those of a turn that does not begin.
    """
    first = await anext(events)
    writer, facts = EventWriter(), dict[str, Fact]()

    async def chunks() -> AsyncGenerator[bytes, None]:
        items: ItemWriter | None = None
        async with aclosing(events):
            event: Begun | str | CallPart | Taken | None = first
            while event is not None:
                match event:
                    case Begun():
                        frame = make_frame(event)
                        items = ItemWriter(writer, frame, first_index)
                        yield _begun(writer, frame.begun())
                    case Taken():
                        whole, found = await finish(event)
                        facts.update(found)
                        yield _done(writer, items, whole)
                    case _:
                        yield _part(items, event)
                event = await anext(events, None)

    return Response(
        200,
        headers={**make_headers(), **HEADERS},
        chunks=chunks(),
        facts=facts,
        error_event=writer.write_error,
    )


def _begun(writer: EventWriter, response: Mapping[str, Any]) -> bytes:
    created = writer.write("response.created", response=response)
    return created + writer.write("response.in_progress", response=response)


def _part(items: ItemWriter | None, part: str | CallPart) -> bytes:
    if not part or items is None:
        return COMMENT
    return b"".join(items.text(part) if isinstance(part, str) else items.call(part)) or COMMENT


def _done(writer: EventWriter, items: ItemWriter | None, whole: Mapping[str, Any]) -> bytes:
    """Write the end; a response that was made before has none of its parts."""
    if items is None:
        behind = _begun(writer, {**whole, "status": "in_progress", "output": []})
    else:
        behind = b"".join(items.close())
    return behind + writer.write(f"response.{whole['status']}", response=whole)
