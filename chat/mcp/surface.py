"""The surface that speaks the Model Context Protocol."""

from chat.core.errors import ChatError
from chat.http.response import Response
from chat.http.surface import Surface
from chat.mcp.exchange import refusal_of, render_refusal
from chat.mcp.operations import OPERATIONS
from chat.mcp.schemas import GIVEN, TAKEN


def status_of(error: type[ChatError]) -> int:
    """Return the status of an error's answer."""
    return error.status


def code_of(error: type[ChatError]) -> str:
    """Return the code of an error's answer, which is in its `data`."""
    return error.code


def answer_error(error: ChatError, *, is_stored_whole: bool) -> Response:
    """Answer what goes wrong before a message is read, or unexpectedly: it names no request."""
    refused = refusal_of(error, is_stored_whole=is_stored_whole)
    return render_refusal(refused, None, error.status)


MCP = Surface(
    beginning="/mcp",
    operations=OPERATIONS,
    taken=TAKEN,
    given=GIVEN,
    in_path={},
    may_be_empty=(),
    error_shape="McpError",
    status_of=status_of,
    code_of=code_of,
    answer_error=answer_error,
)
