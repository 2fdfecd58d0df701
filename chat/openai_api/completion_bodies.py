"""Parses the body of a chat completion, and decides which of its parameters are taken.

Source: OpenAI's API reference, `POST /v1/chat/completions`, and the official client.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chat.core.messages import Message, Sampling
from chat.core.refusals import InvalidRequest, Unsupported
from chat.http.bodies import parse_object
from chat.http.fields import parse_text, refuse_others
from chat.openai_api.chat_messages import parse_chat_messages
from chat.openai_api.tools import parse_tool_choice, parse_tools
from chat.settings import Settings
from chat.usecases.complete import Asked

MAX_STOPS = 4
MAX_STOP_BYTES = 256
MAX_WORD = 40
MAX_TOKENS = 2**31 - 1

Check = Callable[[Any], bool]


def _is_number(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and _is_number(value, least, most)


def _is_bias(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_number(one, -100, 100) for one in value.values())


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_WORD


PASSED_ON: Mapping[str, Check] = {
    "frequency_penalty": lambda value: _is_number(value, -2, 2),
    "presence_penalty": lambda value: _is_number(value, -2, 2),
    "logit_bias": _is_bias,
    "seed": lambda value: _is_whole(value, -(2**63), 2**63 - 1),
    "reasoning_effort": _is_word,
    "verbosity": _is_word,
}
"""What an endpoint is asked for as it is, beside tools and `response_format`."""
WITHOUT_EFFECT = (
    "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "metadata",
    "prompt_cache_options", "prediction", "service_tier",
)  # fmt: skip
ONLY: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "store": (False,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "modalities": (["text"],),
}
"""What may be said, but only so."""
REFUSED = ("audio", "functions", "function_call", "web_search_options", "moderation")
OWN = (
    "messages", "model", "stream", "stream_options", "max_tokens", "max_completion_tokens",
    "temperature", "top_p", "stop", "tools", "tool_choice", "parallel_tool_calls",
    "response_format",
)  # fmt: skip
PARAMETERS = (*OWN, *PASSED_ON, *WITHOUT_EFFECT, *ONLY, *REFUSED)
REASONS = ("stop", "length", "tool_calls", "content_filter")
"""The reasons that OpenAI has for the end of a reply; any other word of an endpoint is `stop`."""
FORMATS = ("text", "json_object", "json_schema")


@dataclass(frozen=True)
class CompletionRequest:
    """A body of `POST /v1/chat/completions`."""

    asked: Asked
    is_streamed: bool
    has_usage: bool


def parse_completion(body: bytes, settings: Settings) -> CompletionRequest:
    """Parse the body; parameters that are null count as left out.

    Errors: InvalidRequest, Unsupported and TooLarge.
    """
    fields = {name: value for name, value in parse_object(body).items() if value is not None}
    refuse_others(fields, PARAMETERS, "")
    for name in REFUSED:
        if name in fields:
            raise Unsupported(f"`{name}` is not supported", name)
    for name, allowed in ONLY.items():
        if name in fields and fields[name] not in allowed:
            raise Unsupported(f"`{name}` must be {allowed[0]!r} here".replace("'", '"'), name)
    if not isinstance(fields.get("model"), str):
        raise InvalidRequest("`model` must be a string; the answer says which one replied", "model")
    said = parse_chat_messages(fields.get("messages"), settings)
    context, rest = _divided(said)
    sampling = replace(_parse_sampling(fields, settings.sampling), wishes=parse_wishes(fields))
    is_streamed = _flag(fields, "stream")
    options = fields.get("stream_options", {})
    if not isinstance(options, dict):
        raise InvalidRequest("`stream_options` must be an object", "stream_options")
    refuse_others(options, ("include_usage", "include_obfuscation"), "stream_options.")
    has_usage = _flag(options, "include_usage", "stream_options.")
    return CompletionRequest(Asked(context, tuple(rest), sampling), is_streamed, has_usage)


def _divided(said: list[Message]) -> tuple[str, list[Message]]:
    """Return the system context, which is what messages begin with, and the messages behind it."""
    count = next((at for at, one in enumerate(said) if one.role != "system"), len(said))
    return "\n\n".join(message.content for message in said[:count]), said[count:]


def _parse_sampling(fields: Mapping[str, Any], usual: Sampling) -> Sampling:
    """Return how to pick tokens; a reply never has more than the operator lets it have."""
    limits = [fields[name] for name in ("max_completion_tokens", "max_tokens") if name in fields]
    if not all(_is_whole(limit, 1, MAX_TOKENS) for limit in limits):
        raise InvalidRequest("`max_completion_tokens` must be a whole number from 1", "max_tokens")
    for name, most in (("temperature", 2), ("top_p", 1)):
        if name in fields and not _is_number(fields[name], 0, most):
            raise InvalidRequest(f"`{name}` must be a number from 0 to {most}", name)
    return replace(
        usual,
        max_reply_tokens=min([usual.max_reply_tokens, *limits]),
        temperature=float(fields.get("temperature", usual.temperature)),
        top_p=float(fields.get("top_p", usual.top_p)),
        stop=_parse_stop(fields.get("stop", [])),
    )


def _parse_stop(value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or len(texts) > MAX_STOPS or "" in texts:
        raise InvalidRequest(f"`stop` must be up to {MAX_STOPS} texts", "stop")
    return tuple(parse_text(text, "stop", MAX_STOP_BYTES) for text in texts)


def parse_wishes(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Parse what only an endpoint can be asked for.

    Errors: InvalidRequest, Unsupported, TooLarge.
    """
    wishes: dict[str, Any] = {}
    for name, is_allowed in PASSED_ON.items():
        if name in fields:
            if not is_allowed(fields[name]):
                raise InvalidRequest(f"`{name}` has a value that is not allowed", name)
            wishes[name] = fields[name]
    tools = parse_tools(fields.get("tools", []))
    choice = fields.get("tool_choice")
    if choice is not None and (tools or choice not in ("none", "auto")):
        known = [tool["function"]["name"] for tool in tools]
        wishes["tool_choice"] = parse_tool_choice(choice, known)
        if not tools:
            raise InvalidRequest("`tool_choice` needs `tools`", "tool_choice")
    is_parallel = _flag(fields, "parallel_tool_calls", default=True)
    if tools:
        wishes["tools"] = tools
        if not is_parallel:
            wishes["parallel_tool_calls"] = False
    return wishes | _parse_format(fields.get("response_format", {"type": "text"}))


def _parse_format(value: Any) -> dict[str, Any]:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in FORMATS:
        allowed = f"of the type {', '.join(FORMATS)}"
        raise InvalidRequest(f"`response_format` must be {allowed}", "response_format")
    if kind == "json_schema" and not isinstance(value.get("json_schema"), dict):
        name = "response_format.json_schema"
        raise InvalidRequest(f"`{name}` must be an object", name)
    return {} if kind == "text" else {"response_format": value}


def _flag(fields: Mapping[str, Any], name: str, within: str = "", *, default: bool = False) -> bool:
    value = fields.get(name, default)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidRequest(f"`{within}{name}` must be true or false", f"{within}{name}")
    return value
