"""Decides how errors look in OpenAI's API: which status, type and code each has there.

The official client raises an exception for each status, and sends a request again by itself after
408, 409, 429 and 5xx, unless `x-should-retry` says otherwise; it waits as long as `Retry-After`
says, up to a minute.

Source: OpenAI's API reference, and the official Python client, `openai._base_client`.
"""

from collections.abc import Mapping

from chat.core.errors import (
    MAYBE_STORED,
    STORED,
    ChatError,
    CorruptConversation,
    InternalError,
    InvalidSetting,
)
from chat.core.refusals import (
    ConversationBusy,
    CredentialNeeded,
    InvalidCredential,
    InvalidRequest,
    LimitExceeded,
    MethodNotAllowed,
    PromptTooLong,
    UnknownRoute,
    Unsupported,
)
from chat.http.response import Response, error_facts, promising, render_json

SERVER_ERRORS = 500
"""From this status on the caller is not at fault."""
STATUSES: Mapping[type[ChatError], int] = {PromptTooLong: 400}
"""Where OpenAI has another status for the same."""
CODES: Mapping[type[ChatError], str] = {
    ConversationBusy: "conversation_locked",
    CredentialNeeded: "invalid_api_key",
    InvalidCredential: "invalid_api_key",
    InvalidRequest: "invalid_value",
    LimitExceeded: "rate_limit_exceeded",
    MethodNotAllowed: "method_not_supported",
    Unsupported: "unsupported_value",
    PromptTooLong: "context_length_exceeded",
    UnknownRoute: "unknown_url",
}
"""Where OpenAI has a code of its own for the same."""
LASTING = (CorruptConversation, InvalidSetting, InternalError)
"""Server errors that the same request would meet again."""


def status_of(error: type[ChatError]) -> int:
    """Return the status of an error's answer."""
    return STATUSES.get(error, error.status)


def code_of(error: type[ChatError]) -> str:
    """Return the code of an error's answer."""
    return CODES.get(error, error.code)


def type_of(error: type[ChatError]) -> str:
    """Return the type of an error's answer: the widest word that OpenAI has for it."""
    if error.status >= SERVER_ERRORS:
        return "server_error"
    return "requests" if issubclass(error, LimitExceeded) else "invalid_request_error"


def error_fields(error: ChatError) -> dict[str, str | None]:
    """Return the fields of an error."""
    kind = type(error)
    return {
        "message": str(error),
        "type": type_of(kind),
        "param": error.param,
        "code": code_of(kind),
    }


def answer_error(error: ChatError, *, is_stored_whole: bool) -> Response:
    """Answer an error in OpenAI's shape; the log has the same of it as anywhere."""
    fields = error_fields(error) | promising(error, is_stored_whole=is_stored_whole)
    headers = dict(error.headers)
    if isinstance(error, LASTING) or error.promise in {MAYBE_STORED, STORED}:
        headers["x-should-retry"] = "false"
    return render_json(status_of(type(error)), {"error": fields}, headers, error_facts(error))
