"""Reads the answer of an OpenAI-compatible chat endpoint while it comes.

An endpoint that does not stream answers with one JSON object: that is an answer as well.

Source: OpenAI's API reference, the chunks of `POST /v1/chat/completions`.
"""

from collections.abc import Callable
from typing import Any

from chat.core.errors import ModelFailed
from chat.core.json_text import parse_json
from chat.core.messages import Completion
from chat.llm.answers import (
    NO_COMPLETION,
    PARSE_ERRORS,
    check_status,
    make_completion,
    parse_message,
)
from chat.llm.calls import Calls
from chat.llm.events import EventStream

DONE = b"[DONE]"


class Answer:
    """An answer whose bytes come in chunks.

    `calls` are the tool calls in it. `is_done`: whether the endpoint said that nothing more comes.
    `is_ended`: whether it said that, or why the reply ends: without either, the end of the bytes is
    a failure.
    """

    def __init__(self, make_word: Callable[[], str]) -> None:
        """Take `make_word`, which makes a word that no other call's id has."""
        self.calls = Calls(make_word)
        self._events = EventStream()
        self._whole: bytearray | None = None
        """All that has come, if it is one JSON object."""
        self._is_begun = self.is_done = False
        self._usage: Any = None
        self._reason: Any = None

    @property
    def is_ended(self) -> bool:
        """Whether what has come may be all."""
        return self.is_done or self._reason is not None

    def take(self, chunk: bytes) -> str:
        """Take the next bytes, and return the text that they bring.

        Errors: ModelFailed, ModelUnavailable.
        """
        if not self._is_begun:
            chunk = chunk.lstrip()
            self._is_begun = bool(chunk)
            self._whole = bytearray() if chunk.startswith(b"{") else None
        if self._whole is not None:
            self._whole += chunk
            return ""
        return "".join(map(self._take_event, self._events.take(chunk)))

    def finish(self) -> str:
        """Return the rest of the text, as no more bytes come.

        Errors: ModelFailed if they ended too early, or were no completion.
        """
        if self._whole is not None:
            text, calls, self._usage, self._reason = parse_message(bytes(self._whole))
            self._take_calls(calls)
        else:
            text = "".join(map(self._take_event, self._events.finish()))
            if not self.is_ended:
                raise ModelFailed("the model's endpoint broke its answer off")
        self.calls.finish()
        return text

    def completion(self, text: str, *, is_cut: bool) -> Completion:
        """Return the completion with this text of it; `is_cut`: whether the answer has more.

        Errors: ModelFailed for counts that cannot be true.
        """
        return make_completion(
            text, self._usage, self._reason, self.calls.made(), is_whole=not is_cut
        )

    def _take_event(self, data: bytes) -> str:
        if self.is_done or data.strip() == DONE:
            self.is_done = True
            return ""
        try:
            return self._take_chunk(parse_json(data))
        except PARSE_ERRORS as error:
            raise ModelFailed(NO_COMPLETION) from error

    def _take_chunk(self, chunk: Any) -> str:
        """Return the text of a chunk; the last one has no choice, and counts the tokens."""
        if chunk.get("error"):
            _refuse(chunk["error"])
        self._usage = chunk.get("usage") or self._usage
        if not chunk.get("choices"):
            return ""
        choice = chunk["choices"][0]
        self._reason = choice.get("finish_reason") or self._reason
        delta = choice.get("delta") or {}
        if delta.get("tool_calls"):
            self._take_calls(delta["tool_calls"])
        content = delta.get("content")
        return content if isinstance(content, str) else ""

    def _take_calls(self, pieces: Any) -> None:
        """Take the pieces of tool calls, if there are any.

        Errors: ModelFailed.
        """
        try:
            self.calls.take(pieces or ())
        except PARSE_ERRORS as error:
            raise ModelFailed(NO_COMPLETION) from error


def _refuse(error: Any) -> None:
    """Refuse an answer that has an error in it, where a status could no longer say so.

    Errors: those of `check_status` if the error has a status as its code, ModelFailed otherwise.
    """
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int):
        check_status(code)
    raise ModelFailed("the model's endpoint broke its answer off with an error")
