"""Parses the requests of OpenAI's clients: chat completions and embeddings.

A field that would change the answer and that is not served here is refused, not ignored.

Source: OpenAI's API reference; llama.cpp `tools/server/README.md` for `top_k` and `min_p`.
"""

from dataclasses import dataclass
from typing import Any

from host.engines.minilm import WIDTH
from host.model.fields import Fields, invalid, parse_json
from host.model.spin_api import EmbedRequest

MAX_TOKENS = 2**31 - 1
MAX_INPUTS = 2048
MAX_STOPS = 4
SEEDS = 2**32 - 1
"""How many seeds llama.cpp has, beside one that asks for a random seed.

A seed of OpenAI's clients may be any 64-bit number.
"""
NUMBERS = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
}
"""The fields that are passed to llama.cpp as they are, and their ranges."""
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "modalities": (["text"],),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "parallel_tool_calls": (True, False),
}
"""The fields that are not served, and the values with which they have no effect."""
WITHOUT_EFFECT = {
    "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key",
}  # fmt: skip
"""The fields that do not change the answer."""
CHAT_FIELDS = {
    "model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens",
    "top_k", "seed", "stop", "response_format",
    *NUMBERS, *NEUTRAL, *WITHOUT_EFFECT,
}  # fmt: skip
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
MESSAGE_FIELDS = {"role", "content", "name", "annotations", "reasoning_content"}
"""The fields that a message may have.

`name` has no effect, and neither have the last two, which come from answers that are sent back.
"""


@dataclass(frozen=True)
class ChatRequest:
    """Messages for a model; `sampling` has llama.cpp's names."""

    model: str
    messages: list[dict[str, str]]
    sampling: dict[str, Any]
    is_streamed: bool
    has_usage: bool
    """Whether a streamed answer ends with its usage."""


def parse_chat(body: bytes) -> ChatRequest:
    """Parse the body of `POST /v1/chat/completions`.

    Errors: Refused.
    """
    fields = Fields(parse_json(body))
    fields.only(CHAT_FIELDS)
    _refuse_what_is_not_served(fields)
    return ChatRequest(
        fields.text("model"),
        _parse_messages(fields),
        _parse_sampling(fields),
        is_streamed=fields.flag("stream"),
        has_usage=_parse_has_usage(fields),
    )


def _parse_has_usage(fields: Fields) -> bool:
    if fields.get("stream_options") is None:
        return False
    options = Fields(fields.get("stream_options"), "stream_options")
    options.only({"include_usage", "include_obfuscation"})
    return options.flag("include_usage")


def _refuse_what_is_not_served(fields: Fields) -> None:
    for name, values in NEUTRAL.items():
        value = fields.get(name)
        if value is not None and value not in values:
            raise invalid(name, "is not supported here", "unsupported_parameter")


def _parse_sampling(fields: Fields) -> dict[str, Any]:
    seed = fields.whole("seed", -(2**63), 2**63 - 1)
    # Both are checked, also the one that is not used then
    older, newer = (
        fields.whole(name, 1, MAX_TOKENS) for name in ("max_tokens", "max_completion_tokens")
    )
    values = {
        **{name: fields.number(name, low, high) for name, (low, high) in NUMBERS.items()},
        "top_k": fields.whole("top_k", 0, MAX_TOKENS),
        "max_tokens": older if newer is None else newer,
        "seed": None if seed is None else seed % SEEDS,
        "stop": _parse_stop(fields),
        "response_format": _parse_format(fields),
    }
    return {name: value for name, value in values.items() if value is not None}


def _parse_stop(fields: Fields) -> list[str] | None:
    if fields.get("stop") is None:
        return None
    stops = fields.texts("stop", MAX_STOPS)
    if "" in stops:
        raise invalid("stop", "must have no empty string")
    return stops


def _parse_format(fields: Fields) -> dict[str, Any] | None:
    """Parse the format of the answer; llama.cpp itself checks a schema in it."""
    if fields.get("response_format") is None:
        return None
    form = Fields(fields.get("response_format"), "response_format")
    kind = form.text("type")
    if kind not in {"text", "json_object", "json_schema"}:
        raise invalid("response_format.type", "must be text, json_object or json_schema")
    return None if kind == "text" else dict(fields.get("response_format"))


def _parse_messages(fields: Fields) -> list[dict[str, str]]:
    messages = fields.get("messages")
    if messages is None:
        raise invalid("messages", "is missing", "missing_required_parameter")
    if not isinstance(messages, list):
        raise invalid("messages", "must be a list", "invalid_type")
    if not messages:
        raise invalid("messages", "must have one message or more")
    return [_parse_message(Fields(m, f"messages[{n}]")) for n, m in enumerate(messages)]


def _parse_message(message: Fields) -> dict[str, str]:
    message.only(MESSAGE_FIELDS)
    role = message.text("role")
    if role not in ROLES:
        raise invalid(message.path("role"), f"must be one of {', '.join(ROLES)}")
    return {"role": ROLES[role], "content": _parse_content(message)}


def _parse_content(message: Fields) -> str:
    content = message.get("content")
    if not isinstance(content, list):
        return message.text("content")
    path = message.path("content")
    return "".join(_parse_piece(Fields(piece, f"{path}[{n}]")) for n, piece in enumerate(content))


def _parse_piece(piece: Fields) -> str:
    if piece.text("type") != "text":
        raise invalid(piece.path("type"), "must be text: models here read nothing else")
    piece.only({"type", "text"})
    return piece.text("text")


def parse_embeddings(body: bytes) -> tuple[EmbedRequest, bool]:
    """Parse the body of `POST /v1/embeddings`, and whether the answer is to be base64.

    Errors: Refused.
    """
    fields = Fields(parse_json(body))
    fields.only({"model", "input", "encoding_format", "dimensions", "user"})
    texts = fields.texts("input", MAX_INPUTS)
    if not texts:
        raise invalid("input", "must have one text or more")
    form = fields.get("encoding_format")
    if form not in (None, "float", "base64"):
        raise invalid("encoding_format", "must be float or base64")
    if fields.get("dimensions") not in (None, WIDTH):
        raise invalid("dimensions", f"must be {WIDTH}, which the model's embeddings have")
    return EmbedRequest(fields.text("model"), texts), form == "base64"
