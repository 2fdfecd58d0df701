"""Parses what a response is to be made of.

Source: OpenAI's API reference, "Create a response".
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chat.context.asked import Asked
from chat.context.rounds import part
from chat.core.json_text import render_json_text
from chat.core.messages import Message, Sampling
from chat.core.refusals import InvalidRequest, Unsupported
from chat.http.fields import parse_content, parse_labels, parse_text
from chat.openai_api.bodies import parse_fields
from chat.openai_api.ids import parse_conversation_name, parse_response_name
from chat.openai_api.items import OWN, parse_items
from chat.openai_api.lists import INCLUDABLE
from chat.openai_api.response_tools import (
    format_wishes,
    parse_format,
    parse_tool_choice,
    parse_tools,
    tool_wishes,
)
from chat.settings import Settings
from chat.usecases.respond import Behind

MAX_INPUT = 10_000
"""How many items one response may be made of."""
MAX_TEMPERATURE = 2
FIELDS = (
    "conversation", "include", "input", "instructions", "max_output_tokens", "metadata", "model",
    "parallel_tool_calls", "previous_response_id", "store", "stream", "temperature", "text",
    "tool_choice", "tools", "top_p", "truncation",
)  # fmt: skip
"""What a response is made of."""
MEANINGLESS = (
    "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier",
    "stream_options", "user",
)  # fmt: skip
"""What is accepted, and means nothing here."""
ONLY: Mapping[str, tuple[Any, ...]] = {
    "background": (None, False),
    "context_management": (None, []),
    "max_tool_calls": (None,),
    "moderation": (None,),
    "prompt": (None,),
    "reasoning": (None, {}),
    "service_tier": (None, "auto", "default"),
    "top_logprobs": (None, 0),
}
"""What is not done here: only these values of it are accepted, which do not ask for it."""


@dataclass(frozen=True)
class Wanted:
    """A response that is wanted.

    Shapes: `echoed` are those fields of the request that its answer has, too; `behind` is None for
            a new conversation.
    """

    asked: Asked
    behind: Behind | None
    is_streamed: bool
    echoed: Mapping[str, Any] = field(default_factory=dict)


def parse_response_request(body: bytes, settings: Settings) -> Wanted:
    """Parse the body of `POST /v1/responses`.

    Errors: InvalidRequest, TooLarge and Unsupported, which name the field; UnknownConversation and
            UnknownResponse for ids that cannot be any.
    """
    fields = parse_fields(body, (*FIELDS, *MEANINGLESS, *ONLY))
    refuse_unsupported(fields)
    echoed = _parse_echoed(fields, settings)
    wishes = {
        **tool_wishes(echoed["tools"], echoed["tool_choice"], fields.get("parallel_tool_calls")),
        **format_wishes(parse_format(fields.get("text"))),
    }
    asked = Asked(
        tuple(parse_input(fields.get("input"), settings)),
        instructions=echoed["instructions"] or "",
        beside=render_json_text(wishes) if wishes else "",
        may_evict=echoed["truncation"] == "auto",
        is_kept=parse_flag(fields, "store", default=True),
        sampling=_make_sampling(settings.sampling, echoed, wishes),
    )
    behind = parse_behind(fields)
    if behind is None and asked.may_evict and not asked.is_kept:
        asked = part(asked, settings.vocabulary)
    asked = dataclasses.replace(asked, note=_make_note(asked, echoed))
    return Wanted(asked, behind, parse_flag(fields, "stream", default=False), echoed)


def refuse_unsupported(fields: Mapping[str, Any]) -> None:
    """Refuse what is not done here.

    Errors: Unsupported, which names the field.
    """
    for name, allowed in ONLY.items():
        value = fields.get(name)
        is_asked = any(value.values()) if name == "reasoning" and isinstance(value, dict) else True
        if value not in allowed and is_asked:
            raise Unsupported(f"`{name}` is not done here", name)
    include = [] if fields.get("include") is None else fields["include"]
    if not isinstance(include, list) or not set(map(str, include)) <= set(INCLUDABLE):
        raise InvalidRequest(f"`include` must be a list of {', '.join(INCLUDABLE)}", "include")
    if "message.output_text.logprobs" in include:
        raise Unsupported("`include` may not have logprobs: the model gives none", "include")


def parse_input(value: Any, settings: Settings) -> list[Message]:
    """Parse a text, or items.

    Errors: InvalidRequest, Unsupported and TooLarge.
    """
    if isinstance(value, str):
        return [Message("user", parse_content(value, "input", settings.max_prompt_bytes))]
    return parse_items(value, "input", settings, MAX_INPUT, least=1)


def parse_behind(fields: Mapping[str, Any]) -> Behind | None:
    """Parse behind what a response comes; None if it begins a conversation.

    Errors: InvalidRequest, UnknownConversation, UnknownResponse.
    """
    conversation, previous = fields.get("conversation"), fields.get("previous_response_id")
    if conversation is not None and previous is not None:
        raise InvalidRequest(
            "`previous_response_id` and `conversation` are not allowed together",
            "previous_response_id",
        )
    if previous is not None:
        if not isinstance(previous, str):
            raise InvalidRequest("`previous_response_id` must be a string", "previous_response_id")
        return Behind(*parse_response_name(previous, "previous_response_id"))
    name = conversation.get("id") if isinstance(conversation, dict) else conversation
    if name is None and conversation is None:
        return None
    if not isinstance(name, str):
        raise InvalidRequest("`conversation` must be an id", "conversation")
    return Behind(parse_conversation_name(name))


def parse_flag(fields: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Parse true or false; null is the default.

    Errors: InvalidRequest.
    """
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidRequest(f"`{name}` must be true or false", name)
    return default if value is None else value


def _parse_echoed(fields: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Parse the fields that an answer has, too."""
    if not isinstance(fields.get("model", ""), str | None):
        raise InvalidRequest("`model` must be a string; the answer says which one replied", "model")
    if fields.get("truncation") not in (None, "auto", "disabled"):
        raise InvalidRequest("`truncation` must be auto or disabled", "truncation")
    instructions = fields.get("instructions")
    if instructions is not None:
        instructions = parse_text(instructions, "instructions", settings.max_prompt_bytes)
    most = fields.get("max_output_tokens")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise InvalidRequest(
            "`max_output_tokens` must be a whole number from 1 on", "max_output_tokens"
        )
    return {
        "instructions": instructions,
        "max_output_tokens": most,
        "metadata": parse_labels(fields.get("metadata"), "metadata"),
        "parallel_tool_calls": parse_flag(fields, "parallel_tool_calls", default=True),
        "previous_response_id": fields.get("previous_response_id"),
        "temperature": _parse_number(fields, "temperature", MAX_TEMPERATURE),
        "text": {"format": parse_format(fields.get("text")) or {"type": "text"}},
        "tool_choice": parse_tool_choice(fields.get("tool_choice")) or "auto",
        "tools": parse_tools(fields.get("tools")),
        "top_p": _parse_number(fields, "top_p", 1),
        "truncation": fields.get("truncation") or "auto",
    }


def _parse_number(fields: Mapping[str, Any], name: str, most: float) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise InvalidRequest(f"`{name}` must be a number from 0 to {most}", name)
    return float(value)


def _make_sampling(
    sampling: Sampling, echoed: Mapping[str, Any], wishes: Mapping[str, Any]
) -> Sampling:
    """Return how the model is to pick tokens; never more of them than the settings allow."""
    most = echoed["max_output_tokens"] or sampling.max_reply_tokens
    temperature, top_p = echoed["temperature"], echoed["top_p"]
    return dataclasses.replace(
        sampling,
        max_reply_tokens=min(most, sampling.max_reply_tokens),
        temperature=sampling.temperature if temperature is None else temperature,
        top_p=sampling.top_p if top_p is None else top_p,
        wishes=wishes,
    )


KEPT: Mapping[str, Any] = {
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "temperature": None,
    "top_p": None,
    "truncation": "auto",
}
"""What is kept of a request with its response, and the values that are not worth keeping."""


def _make_note(asked: Asked, echoed: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what is kept of a request, as the metadata of its reply; None if that is nothing."""
    kept = {name: echoed[name] for name, usual in KEPT.items() if echoed[name] != usual}
    if asked.messages[-1].role == "assistant":
        kept["given"] = len(asked.messages)
    return {OWN: {"response": kept}} if kept else None
