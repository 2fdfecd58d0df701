"""Puts tool calls together, however an endpoint divides them.

OpenAI sends a call in pieces that have its index, and its id and name once. Others send a call as
one piece, without an index or an id, with index 0 for each call, or with arguments that are an
object; some repeat id and name in each piece.

Source: OpenAI's API reference, `choices[].delta.tool_calls` of `POST /v1/chat/completions`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from chat.core.errors import ModelFailed
from chat.core.json_text import NotJson, parse_json, render_json_text
from chat.core.tool_calls import CallPart, ToolCall

MAX_CALLS = 128
"""The most calls of one reply: as many tools as OpenAI lets a request have."""
NO_ARGUMENTS = "{}"
MAX_WORD_CHARACTERS = 200
"""The longest id, and the longest name."""


@dataclass
class _Call:
    """A call while it comes; `given_id` is the endpoint's id for it, empty for none."""

    id: str
    given_id: str
    name: str
    arguments: list[str] = field(default_factory=list)

    def is_whole(self) -> bool:
        """Whether the arguments that have come are all of a JSON object."""
        try:
            return isinstance(parse_json("".join(self.arguments)), dict)
        except NotJson:
            return False


class Calls:
    """Takes the pieces of tool calls; `parts` are what came and was not drained yet."""

    def __init__(self, make_word: Callable[[], str]) -> None:
        """Take `make_word`, which makes the ids of calls that come without one."""
        self._make_word = make_word
        self._made: list[_Call] = []
        self._at: dict[int, int] = {}
        """The place of the newest call with an index of the endpoint's."""
        self.parts: list[CallPart] = []

    def take(self, pieces: Iterable[Any]) -> None:
        """Take the pieces of one event.

        Errors: ModelFailed; those of `chat.llm.answers.PARSE_ERRORS` for what is no piece.
        """
        for piece in pieces:
            called = piece.get("function") or {}
            given_id, name = _as_word(piece.get("id")), _as_word(called.get("name"))
            self._take(piece.get("index"), given_id, name, _as_text(called.get("arguments")))

    def drain(self) -> list[CallPart]:
        """Return the parts that have come since they were drained last."""
        parts, self.parts = self.parts, []
        return parts

    def finish(self) -> None:
        """Give a call without arguments an empty object, as nothing more comes."""
        for place, call in enumerate(self._made):
            if not "".join(call.arguments):
                self._add(place, NO_ARGUMENTS)

    def made(self) -> tuple[ToolCall, ...]:
        """Return the calls."""
        return tuple(
            ToolCall(one.id, one.name, "".join(one.arguments) or NO_ARGUMENTS) for one in self._made
        )

    def _take(self, index: int | None, given_id: str, name: str, arguments: str) -> None:
        place = self._find(index, given_id, name)
        if place is None:
            place = self._begin(given_id, name)
        if index is not None:
            self._at[index] = place
        if arguments:
            self._add(place, arguments)

    def _find(self, index: int | None, given_id: str, name: str) -> int | None:
        """Return the place of the call that a piece belongs to; None if the piece begins one."""
        newest = len(self._made) - 1 if self._made else None
        place = newest if index is None else self._at.get(index)
        if place is None or not name:
            return place
        call = self._made[place]
        if given_id and call.given_id:
            return place if given_id == call.given_id else None
        return None if call.is_whole() else place

    def _begin(self, given_id: str, name: str) -> int:
        if not name or len(self._made) == MAX_CALLS:
            raise ModelFailed("the model's endpoint called a tool in a way that cannot be read")
        call = _Call(given_id or f"call_{self._make_word()}", given_id, name)
        self._made.append(call)
        self.parts.append(CallPart(len(self._made) - 1, call.id, name, ""))
        return len(self._made) - 1

    def _add(self, place: int, arguments: str) -> None:
        self._made[place].arguments.append(arguments)
        self.parts.append(CallPart(place, "", "", arguments))


def _as_word(word: Any) -> str:
    """Return an id or a name; empty for none.

    Errors: TypeError for anything else.
    """
    if not isinstance(word, str | None) or len(word or "") > MAX_WORD_CHARACTERS:
        raise TypeError
    return word or ""


def _as_text(arguments: Any) -> str:
    """Return arguments as JSON; some endpoints give an object.

    Errors: TypeError for anything else.
    """
    if isinstance(arguments, dict):
        return render_json_text(arguments)
    if not isinstance(arguments, str | None):
        raise TypeError
    return arguments or ""
