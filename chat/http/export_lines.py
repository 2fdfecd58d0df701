"""Parses the lines of an export; all of them are parsed before any is stored."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from chat.context.budget import bounded_turn
from chat.core.heads import Head
from chat.core.json_text import MAX_DEPTH, NotJson, first_deep_line, parse_next
from chat.core.memories import MEMORY_ID, NOTE
from chat.core.messages import SIDES, Memory, Message
from chat.core.receipts import render_receipt
from chat.core.refusals import InvalidRequest, TooLarge
from chat.http.fields import (
    MAX_ID,
    MAX_STORED_METADATA_BYTES,
    SPEAKING,
    parse_content,
    parse_labels,
    parse_message,
    parse_namespace,
    parse_pinned,
    parse_role,
    parse_text,
    parse_time,
    parse_title,
)
from chat.http.image_fields import parse_images
from chat.http.tool_fields import parse_call_id, parse_calls
from chat.http.usage_fields import parse_usage
from chat.usecases.export import FORMAT_VERSION
from chat.usecases.take_back import Exported

MAX_TURN_MESSAGES = 10_000
"""How many messages one turn may have."""
MAX_NUMBER = 10**9
"""How many turns one conversation may have."""
SPACE = re.compile(r"[ \t\r\n]*")


class LineParser:
    """Parses lines one after the other, and keeps what they say in `exported`.

    Units: `now` is seconds since 1970; a text may have `max_prompt_bytes` in UTF-8, and an image
           takes up to `image_tokens`.
    """

    def __init__(self, max_prompt_bytes: int, now: float, image_tokens: int = 0) -> None:
        self._max_bytes = max_prompt_bytes
        self._now = now
        self._image_tokens = image_tokens
        self._is_begun = self._is_ended = False
        self._ids: set[int] = set()
        self.exported = Exported()

    def take(self, line: Mapping[str, Any]) -> None:
        """Parse one line.

        Errors: InvalidRequest and TooLarge.
        """
        kind = line.get("type")
        if not self._is_begun and kind != "export":
            raise InvalidRequest("the first line must be of the type `export`", "type")
        if self._is_ended:
            raise InvalidRequest("nothing may follow the line of the type `end`", "type")
        match kind:
            case "export":
                self._begin(line)
            case "conversation":
                self._take_conversation(line)
            case "turn":
                self._take_turn(line)
            case "memory":
                self._take_memory(line)
            case "end":
                self._end(line)
            case "error":
                raise InvalidRequest("the file is not whole: its export ended in an error", "type")
            case _:
                raise InvalidRequest("`type` is none that an export has", "type")

    def _begin(self, line: Mapping[str, Any]) -> None:
        version = line.get("version")
        if self._is_begun or version != FORMAT_VERSION or isinstance(version, bool):
            raise InvalidRequest(
                f"`version` must be {FORMAT_VERSION}, in the first line", "version"
            )
        self._is_begun = True

    def _take_conversation(self, line: Mapping[str, Any]) -> None:
        taken = _integer(line, "id", MAX_ID)
        if taken in self._ids:
            raise InvalidRequest("`id` stands in the file twice", "id")
        self._ids.add(taken)
        head = Head(
            id=taken,
            context=parse_text(line.get("context"), "context", self._max_bytes),
            created_at=self._time(line, "created_at"),
            active_at=self._time(line, "active_at"),
            turn_count=_integer(line, "turns", MAX_NUMBER, least=0),
            title=parse_title(line.get("title")) or None,
            is_pinned=bool(parse_pinned(line)),
            metadata=parse_labels(line.get("metadata"), "metadata") or None,
            namespace=parse_namespace(line.get("namespace")),
        )
        self.exported.conversations.append((head, []))

    def _take_turn(self, line: Mapping[str, Any]) -> None:
        if not self.exported.conversations:
            raise InvalidRequest("a turn must stand behind its conversation", "conversation_id")
        head, turns = self.exported.conversations[-1]
        if line.get("conversation_id") != head.id:
            raise InvalidRequest("a turn must stand behind its conversation", "conversation_id")
        number = _integer(line, "number", head.turn_count)
        if turns and number <= turns[-1].number:
            raise InvalidRequest("`number` must be above that of the turn before", "number")
        turns.append(bounded_turn(number, self._messages(line), self._time(line, "at")))

    def _messages(self, line: Mapping[str, Any]) -> list[Message | None]:
        given = line.get("messages")
        if (
            not isinstance(given, list)
            or not 1 <= len(given) <= MAX_TURN_MESSAGES
            or not any(given)
        ):
            raise InvalidRequest("`messages` must be a list of messages, and of nulls", "messages")
        return [
            None if message is None else self._message(message, f"messages[{place}]")
            for place, message in enumerate(given)
        ]

    def _message(self, fields: Any, name: str) -> Message:
        """Parse a message, and the usage of a reply, which is stored as its receipt."""
        message = parse_message(
            fields,
            name,
            self._max_bytes,
            self._now,
            ("usage", *SPEAKING),
            max_metadata_bytes=MAX_STORED_METADATA_BYTES,
        )
        message = message._replace(
            calls=parse_calls(fields.get("calls"), f"{name}.calls", self._max_bytes),
            call_id=parse_call_id(fields.get("call_id"), f"{name}.call_id"),
            images=parse_images(fields.get("images"), f"{name}.images", self._image_tokens),
        )
        usage = fields.get("usage")
        if usage is None:
            return message
        if message.role != "assistant":
            raise InvalidRequest("only an assistant's message has `usage`", f"{name}.usage")
        return message._replace(receipt=render_receipt(parse_usage(usage, f"{name}.usage")))

    def _take_memory(self, line: Mapping[str, Any]) -> None:
        name = line.get("id")
        conversation = line.get("conversation_id")
        if not is_memory_id(name, conversation):
            raise InvalidRequest("`id` must be a memory's id, of its conversation", "id")
        role = parse_role(line.get("role"), "role", SIDES)
        content = parse_content(line.get("content"), "content", self._max_bytes)
        at = self._time(line, "created_at")
        pinned, namespace = bool(parse_pinned(line)), parse_namespace(line.get("namespace"))
        self.exported.memories.append(
            Memory(str(name), role, content, at, conversation, pinned, namespace)
        )

    def _time(self, line: Mapping[str, Any], name: str) -> float:
        at = parse_time(line.get(name), name, self._now)
        if at is None:
            raise InvalidRequest(f"`{name}` must be seconds since 1970", name)
        return at

    def _end(self, line: Mapping[str, Any]) -> None:
        counts = {
            "conversations": len(self.exported.conversations),
            "turns": sum(len(turns) for _, turns in self.exported.conversations),
            "memories": len(self.exported.memories),
        }
        for name, count in counts.items():
            if line.get(name) != count or isinstance(line[name], bool):
                raise InvalidRequest(f"the file is not whole: it has {count} {name}", name)
        self._is_ended = True

    def finish(self) -> Exported:
        """Return what all lines say.

        Errors: InvalidRequest if the end is missing.
        """
        if not self._is_ended:
            raise InvalidRequest("the file is not whole: its last line must be of the type `end`")
        return self.exported


def is_memory_id(name: Any, conversation: Any) -> bool:
    """Whether a memory of `conversation` may have the id `name`."""
    if not isinstance(name, str) or not MEMORY_ID.fullmatch(name):
        return False
    if name.startswith(NOTE):
        return conversation is None
    return isinstance(conversation, int) and name.startswith(f"{conversation}.")


def _integer(line: Mapping[str, Any], name: str, most: int, *, least: int = 1) -> int:
    value = line.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidRequest(f"`{name}` must be a whole number from {least} to {most}", name)
    return value


def parse_export(body: bytes, max_prompt_bytes: int, now: float, image_tokens: int = 0) -> Exported:
    """Parse an export.

    Errors: InvalidRequest and TooLarge; `param` names line and field.
    """
    parser = LineParser(max_prompt_bytes, now, image_tokens)
    for number, fields in enumerate(_objects(body), 1):
        if not isinstance(fields, dict):
            raise InvalidRequest(f"line {number} must be a JSON object", f"line {number}")
        try:
            parser.take(fields)
        except (InvalidRequest, TooLarge) as error:
            where = f"line {number}: {error.param}"
            raise type(error)(f"line {number}: {error}", where) from error
    return parser.finish()


def _objects(body: bytes) -> Iterator[Any]:
    """Yield the JSON values of a file, even if its line breaks are gone: `curl -d` drops them.

    Errors: InvalidRequest.
    """
    text = _decoded(body)
    deep = first_deep_line(body, MAX_DEPTH)
    if deep:
        raise _not_json(deep, f"more than {MAX_DEPTH} lists and objects stand in each other")
    number, place = 1, 0
    while place < len(text):
        begin = SPACE.match(text, place)
        place = begin.end() if begin else place
        if place < len(text):
            try:
                value, place = parse_next(text, place)
            except NotJson as error:
                is_last = "\n" not in text[place:]
                raise _not_json(number, str(error), is_cut=is_last) from error
            yield value
            number += 1


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        number = body.count(b"\n", 0, error.start) + 1
        problem = f"byte {error.start} is none"
        raise _not_json(number, problem, is_cut=error.end == len(body)) from error


def _not_json(number: int, reason: str, *, is_cut: bool = False) -> InvalidRequest:
    """Make the error; `is_cut`: whether a broken connection may have cut the last line."""
    problem = f"line {number} must be JSON in UTF-8: {reason}"
    if is_cut:
        problem = f"the file is not whole, or its last line is wrong: {problem}"
    return InvalidRequest(problem, f"line {number}")
