"""Parses whole answers of an OpenAI-compatible endpoint: a completion, and embeddings.

Source: OpenAI's API reference, `POST /v1/chat/completions` and `POST /v1/embeddings`.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from chat.core.errors import ModelFailed, ModelUnavailable
from chat.core.json_text import parse_json
from chat.core.messages import Completion
from chat.core.tool_calls import ToolCall

TOO_MANY_REQUESTS = 429
REFUSED = (401, 403)
AWAY = range(502, 505)
"""The statuses with which a gateway says that the server behind it does not answer."""
OK = range(200, 300)
MAX_TOKENS = 2**32 - 1
"""The largest count of tokens, as in Spin's interface."""
MAX_REASON_CHARACTERS = 40
NUMBERS = {int, float}
NO_COMPLETION = "the model's endpoint gave no completion"
PARSE_ERRORS = (ValueError, LookupError, TypeError, AttributeError)
"""The errors that reading an answer raises when it does not have the expected shape."""


class Reply(NamedTuple):
    """A whole answer: the reply's text, what its message says of tool calls, usage, and reason.

    All but the text are as the endpoint says.
    """

    text: str
    calls: Any
    usage: Any
    reason: Any


def parse_message(body: bytes) -> Reply:
    """Parse a whole answer.

    Errors: ModelFailed.
    """
    try:
        answer = parse_json(body)
        choice = answer["choices"][0]
        message, reason = choice["message"], choice.get("finish_reason")
        calls = message.get("tool_calls")
        content = message.get("content") if calls else message["content"]
    except PARSE_ERRORS as error:
        raise ModelFailed(NO_COMPLETION) from error
    return Reply(content if isinstance(content, str) else "", calls, answer.get("usage"), reason)


def make_completion(
    text: str, usage: Any, reason: Any, calls: tuple[ToolCall, ...] = (), *, is_whole: bool = True
) -> Completion:
    """Make a completion of what an endpoint says of it; missing counts are 0.

    Errors: ModelFailed for counts that cannot be true.
    """
    reason = _reason(reason)
    return Completion(
        text,
        _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"),
        is_whole,
        "tool_calls" if calls and reason == "stop" else reason,  # some endpoints say so of calls
        calls=calls,
    )


def parse_embeddings(status: int, body: bytes, count: int) -> list[Sequence[float]]:
    """Parse the answer of `POST /v1/embeddings` to a request with `count` texts.

    Errors: those of `check_status`, and ModelFailed.
    """
    check_status(status)
    try:
        rows = parse_json(body)["data"]
        by_index = {row["index"]: _numbers(row["embedding"]) for row in rows}
        embeddings: list[Sequence[float]] = [by_index[index] for index in range(count)]
    except PARSE_ERRORS as error:
        raise ModelFailed("the model's endpoint gave no embeddings") from error
    if len(rows) != count:
        raise ModelFailed("the model's endpoint gave another number of embeddings")
    return embeddings


def _numbers(values: Sequence[Any]) -> list[float]:
    """Return numbers as floats.

    Errors: TypeError for any other value, true and false included.
    """
    if not set(map(type, values)) <= NUMBERS:
        raise TypeError
    return list(map(float, values))


def check_status(status: int) -> None:
    """Check that an endpoint answered with success.

    Errors: ModelUnavailable for 429 and a gateway's errors, ModelFailed for any other status. The
            messages do not repeat the endpoint's answer, because it may quote the key.
    """
    if status == TOO_MANY_REQUESTS or status in AWAY:
        raise ModelUnavailable("the model is busy or away")
    if status in REFUSED:
        raise ModelFailed(f"the model's endpoint refuses the key ({status}): see `model_key`")
    if status not in OK:
        raise ModelFailed(f"the model's endpoint answered {status}")


def _count(usage: Any, name: str) -> int:
    """Return a count; 0 if it is missing or not a number from 0 on.

    Errors: ModelFailed if it is too large to be true.
    """
    value = usage.get(name) if isinstance(usage, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return 0
    if value > MAX_TOKENS:
        raise ModelFailed("the model's endpoint counted more tokens than can be")
    return value


def _reason(value: Any) -> str | None:
    """Return why a reply ends where it does; None if the endpoint gave no short word for it."""
    return value if isinstance(value, str) and len(value) <= MAX_REASON_CHARACTERS else None
