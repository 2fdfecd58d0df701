"""Calls a tool: the operation behind it answers, and its errors become results for the model."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from chat.context.quotes import age_s
from chat.core.errors import ChatError
from chat.core.refusals import InvalidRequest
from chat.core.usage import TurnResult
from chat.http.conversation_handlers import BegunTurn, begin_turn
from chat.http.events import COMMENT, HEADERS
from chat.http.log_line import Fact
from chat.http.response import Response, error_facts, error_fields, promising
from chat.mcp.arguments import check_arguments
from chat.mcp.asking import Step, fields_of, make_step
from chat.mcp.exchange import Exchange, message_event, refusal_of, render_message
from chat.mcp.protocol import INVALID_PARAMS, Fields, Refused, RequestId
from chat.mcp.texts import as_data
from chat.mcp.tools import TOOLS, Tool
from chat.usecases.take_turn import TurnEvents

SHOWN_CHARACTERS = 60
"""How much of a name that nothing has is repeated."""


async def call_tool(exchange: Exchange) -> Response:
    """Answer `tools/call`.

    Errors: Refused if there is no such tool, or the message is no call of one.
    """
    tool, arguments = _tool_of(exchange.params)
    token = _progress_token(exchange.message.meta)
    step = None
    try:
        checked = check_arguments(tool.takes, arguments)
        step = make_step(exchange.call, tool.method, tool.path, checked)
        if tool.is_turn and exchange.takes_events:
            turn = await begin_turn(step.call)
            return await Telling(exchange, tool, step, turn, token).answer()
        return _answer(exchange, tool, await step.ask())
    except ChatError as error:
        if isinstance(error, InvalidRequest) and exchange.wrong_arguments_are_refused:
            raise refusal_of(error) from error
        return exchange.answer(render_failure(error, step), error.headers, error_facts(error))


def _tool_of(params: Fields) -> tuple[Tool, dict[str, Any]]:
    name, arguments = params.get("name"), params.get("arguments", {})
    if not isinstance(name, str):
        raise Refused(INVALID_PARAMS, "`params.name` must be the name of a tool")
    if name not in TOOLS:
        shown = name[:SHOWN_CHARACTERS]
        raise Refused(INVALID_PARAMS, f"there is no tool `{shown}`; {', '.join(TOOLS)} are tools")
    if not isinstance(arguments, dict):
        raise Refused(INVALID_PARAMS, "`params.arguments` must be an object")
    return TOOLS[name], arguments


def _progress_token(meta: Fields) -> RequestId | None:
    token: RequestId | None = meta.get("progressToken")
    if isinstance(token, bool) or not isinstance(token, str | int | None):
        raise Refused(INVALID_PARAMS, "`progressToken` must be a string or a whole number")
    return token


def _answer(exchange: Exchange, tool: Tool, response: Response) -> Response:
    """Render the operation's answer as the result of a tool; its headers and facts stay."""
    result = render_result(tool, fields_of(response), exchange.call.now())
    headers = {name: of for name, of in response.headers.items() if name != "content-type"}
    return exchange.answer(result, headers, {"tool": tool.name, **response.facts})


def render_result(tool: Tool, fields: dict[str, Any], now: float) -> Fields:
    """Render what an operation answered, as texts and as structured content."""
    if tool.name == "recall":
        for memory in fields["memories"]:
            memory["age_s"] = age_s(memory["created_at"], now)
    told = tool.tell(fields, now)
    return {
        "content": _texts([as_data(text) for text in told] if tool.is_read_only else told),
        "structuredContent": fields,
        "isError": False,
    }


def render_failure(error: ChatError, step: Step | None) -> Fields:
    """Render an error as a result that the model can read; `_meta` has its fields."""
    is_stored_whole = step is not None and step.operation.is_stored_whole
    fields = error_fields(error) | promising(error, is_stored_whole=is_stored_whole)
    text = f"{fields['code']}: {fields['message']}"
    if "retry-after" in error.headers:
        text += f"; try again in {error.headers['retry-after']} s"
    return {
        "content": _texts([text]),
        "isError": True,
        "_meta": {"error": fields},
    }


def _texts(texts: Sequence[str]) -> list[Fields]:
    return [{"type": "text", "text": text} for text in texts]


class Telling:
    """Tells a turn while it is taken: as progress, if the client has a token for that."""

    def __init__(
        self,
        exchange: Exchange,
        tool: Tool,
        step: Step,
        turn: BegunTurn,
        token: RequestId | None,
    ) -> None:
        self._exchange = exchange
        self._tool = tool
        self._step = step
        self._turn = turn
        self._token = token
        self._told_characters = 0
        self._facts: dict[str, Fact] = {"tool": tool.name}

    async def answer(self) -> Response:
        """Begin the turn, and return the answer that tells it.

        Errors: those of a turn that does not begin.
        """
        first = await anext(self._turn.events)
        headers = {**self._turn.headers(), **HEADERS}
        chunks = self._chunks(first, self._turn.events)
        return Response(200, b"", headers, chunks, self._facts, self._failure)

    async def _chunks(
        self, first: str | TurnResult, events: TurnEvents
    ) -> AsyncGenerator[bytes, None]:
        async with aclosing(events):
            yield self._render(first)
            async for event in events:
                yield self._render(event)

    def _failure(self, error: ChatError, _: bytes) -> bytes:
        return self._result(render_failure(error, self._step))

    def _render(self, event: str | TurnResult) -> bytes:
        if isinstance(event, str):
            return self._progress(event)
        finished = self._turn.finish(event)
        self._facts.update(finished.facts)
        now = self._exchange.call.now()
        return self._result(render_result(self._tool, fields_of(finished), now))

    def _progress(self, text: str) -> bytes:
        """Render a part of the reply; `progress` counts the characters that were told."""
        if not text or self._token is None:
            return COMMENT
        self._told_characters += len(text)
        params = {
            "progressToken": self._token,
            "progress": self._told_characters,
            "message": text,
        }
        return message_event(
            {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}
        )

    def _result(self, fields: Fields) -> bytes:
        result = {"result": self._exchange.result(fields)}
        return message_event(render_message(self._exchange.message.id, result))
