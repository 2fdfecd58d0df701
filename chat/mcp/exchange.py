"""One request of an agent, and what all answers to such requests have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chat.core.errors import ChatError
from chat.core.json_text import render_json_text
from chat.core.refusals import CallerError, InvalidRequest, TooLarge
from chat.http.call import Call
from chat.http.events import HEADERS, render_event
from chat.http.log_line import Fact
from chat.http.openapi import VERSION
from chat.http.response import Response, error_facts, error_fields, promising, render_json
from chat.mcp.envelope import Message
from chat.mcp.protocol import (
    INTERNAL_ERROR,
    INVALID_MESSAGE,
    INVALID_PARAMS,
    MODERN,
    OLDEST,
    SERVER_FIELD,
    Fields,
    Refused,
    RequestId,
)

SERVER = {"name": "chat-with-memory", "title": "Chat with memory", "version": VERSION}


@dataclass(frozen=True)
class Exchange:
    """A request, the version in which it is sent, and whether JSON or events are taken."""

    call: Call
    message: Message
    version: str
    takes_json: bool
    takes_events: bool

    @property
    def params(self) -> Fields:
        """The request's `params`."""
        return self.message.params

    @property
    def is_modern(self) -> bool:
        """Whether the request stands by itself."""
        return self.version == MODERN

    @property
    def wrong_arguments_are_refused(self) -> bool:
        """Whether wrong arguments of a tool are an error of the protocol, and not of the tool."""
        return self.version == OLDEST

    def result(self, fields: Fields) -> dict[str, Any]:
        """Return a result as the version has it."""
        if not self.is_modern:
            return dict(fields)
        meta = {SERVER_FIELD: SERVER, **fields.get("_meta", {})}
        return {"resultType": "complete", **fields, "_meta": meta}

    def answer(
        self,
        fields: Fields,
        headers: Mapping[str, str] | None = None,
        facts: dict[str, Fact] | None = None,
    ) -> Response:
        """Render the answer that has a result."""
        message = render_message(self.message.id, {"result": self.result(fields)})
        if self.takes_json:
            return render_json(200, message, headers, facts)
        shown = {**(headers or {}), **HEADERS}
        return Response(200, message_event(message), shown, facts=facts or {})

    def refusal(self, refused: Refused) -> Response:
        """Render the error of a request that could be read.

        The clients of the versions with a handshake read it at status 200 only.
        """
        return render_refusal(refused, self.message.id, refused.status if self.is_modern else 200)


def render_message(request_id: RequestId | None, fields: Fields) -> dict[str, Any]:
    """Render an answer; without an id where the request's could not be read."""
    shown = {} if request_id is None else {"id": request_id}
    return {"jsonrpc": "2.0", **shown, **fields}


def message_event(message: Fields) -> bytes:
    """Render a message as a server-sent event."""
    return render_event("message", render_json_text(message).encode())


def render_refusal(refused: Refused, request_id: RequestId | None, status: int) -> Response:
    """Render a JSON-RPC error."""
    message = render_message(request_id, {"error": refused.fields()})
    return render_json(status, message, refused.headers, refused.facts)


def refusal_of(error: ChatError, *, is_stored_whole: bool = False) -> Refused:
    """Return the JSON-RPC error for an error of the API; its `data` has the error's fields."""
    fields = error_fields(error) | promising(error, is_stored_whole=is_stored_whole)
    is_params = isinstance(error, InvalidRequest | TooLarge) and error.param is not None
    of_caller = INVALID_PARAMS if is_params else INVALID_MESSAGE
    code = of_caller if isinstance(error, CallerError) else INTERNAL_ERROR
    refused = Refused(code, str(fields["message"]), status=error.status, data=fields)
    refused.headers, refused.facts = error.headers, error_facts(error)
    return refused
