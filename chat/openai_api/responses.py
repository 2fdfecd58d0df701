"""Renders responses: a response is a turn that ends with a model's reply.

Source: OpenAI's API reference, "The Response object".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chat.core.messages import Message, Place, Placed, Turn
from chat.core.receipts import parse_receipt
from chat.core.usage import Usage
from chat.openai_api.ids import conversation_name, response_name
from chat.openai_api.items import Status, own_of, render_item
from chat.openai_api.response_bodies import KEPT
from chat.settings import Settings

NOTHING: Mapping[str, Any] = {
    "background": False,
    "error": None,
    "max_tool_calls": None,
    "service_tier": "default",
    "top_logprobs": 0,
}
"""Fields that are the same in every response."""
UNKNOWN: Mapping[str, Any] = {
    "instructions": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    **KEPT,
}
"""Fields of a request, where it is not known what was asked for."""


@dataclass(frozen=True)
class Named:
    """The names of a response and of its items.

    `word` is a word that no other request has, for what is not kept; '' where it is. Then
    `conversation_id` and `number` say where its turn is.
    """

    conversation_id: int
    number: int
    word: str = ""

    @property
    def id(self) -> str:
        """The response's id."""
        if self.word:
            return f"resp_{self.word}"
        return response_name(self.conversation_id, self.number)

    @property
    def conversation(self) -> Mapping[str, str] | None:
        """The conversation that it is in, if that is kept."""
        is_there = self.conversation_id and not self.word
        return {"id": conversation_name(self.conversation_id)} if is_there else None

    def item(self, message: Message, index: int, status: Status = "completed") -> dict[str, Any]:
        """Render a message of the turn as an item."""
        placed = Placed(Place(self.number, index), message, 0.0)
        item = render_item(self.conversation_id, placed, status)
        kind = str(item["id"]).partition("_")[0]
        return {**item, "id": f"{kind}_{self.word}_{index}"} if self.word else item


@dataclass(frozen=True)
class Frame:
    """What is known of a response before there is a reply.

    Units: `created_at` is seconds since 1970.
    """

    named: Named
    created_at: float
    model: str
    sampling: Mapping[str, float]
    echoed: Mapping[str, Any] = field(default_factory=dict)

    def begun(self) -> dict[str, Any]:
        """Render the response while it is made."""
        return self._fields("in_progress", []) | {"usage": None, "incomplete_details": None}

    def done(self, turn: Turn, usage: Usage) -> dict[str, Any]:
        """Render the whole response."""
        is_cut = usage.finish_reason == "length"
        status: Status = "incomplete" if is_cut else "completed"
        output = [
            self.named.item(message, index, status)
            for index, message in enumerate(turn.messages)
            if message is not None and index >= first_output(turn)
        ]
        return self._fields(status, output) | {
            "completed_at": None if is_cut else int(turn.at),
            "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
            "usage": render_usage(usage),
        }

    def _fields(self, status: str, output: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        asked = {name: value for name, value in self.echoed.items() if value is not None}
        return {
            "id": self.named.id,
            "object": "response",
            "created_at": int(self.created_at),
            "status": status,
            "model": self.model,
            "output": output,
            "conversation": self.named.conversation,
            "store": not self.named.word,
            **NOTHING,
            **UNKNOWN,
            **self.sampling,
            **asked,
        }


def make_frame(
    settings: Settings, named: Named, created_at: float, echoed: Mapping[str, Any]
) -> Frame:
    """Return what is known of a response before there is a reply."""
    sampling = settings.sampling
    usual = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    return Frame(named, created_at, settings.model, usual, echoed)


def render_stored(settings: Settings, conversation_id: int, turn: Turn) -> dict[str, Any]:
    """Render a response of which only the turn is there."""
    last = turn.shown()[-1]
    named = Named(conversation_id, turn.number)
    frame = make_frame(settings, named, turn.at, kept_of(last))
    return frame.done(turn, usage_of(last))


def usage_of(message: Message) -> Usage:
    """Return the usage that a reply has as its receipt."""
    usage = parse_receipt(message.receipt) if message.receipt else None
    return usage or Usage(0, 0, 0, 0, 0)


def kept_of(message: Message) -> Mapping[str, Any]:
    """Return what was kept of a request with its reply; a caller may have written anything there.

    What has not the kind that it has in a request is left out.
    """
    kept = own_of(message).get("response")
    if not isinstance(kept, dict):
        return {}
    return {name: kept[name] for name in KEPT if _is_like(kept.get(name), name)}


KINDS: Mapping[str, type | tuple[type, ...]] = {
    "max_output_tokens": int,
    "metadata": dict,
    "parallel_tool_calls": bool,
    "previous_response_id": str,
    "temperature": (int, float),
    "top_p": (int, float),
    "truncation": str,
}


def _is_like(value: Any, name: str) -> bool:
    return isinstance(value, KINDS[name])


def first_output(turn: Turn) -> int:
    """Return the place in its turn where a reply begins."""
    given = own_of(turn.shown()[-1]).get("response")
    count = given.get("given") if isinstance(given, dict) else None
    if isinstance(count, int):
        return count
    first = len(turn.messages)
    while first > 0 and is_output(turn.messages[first - 1]):
        first -= 1
    return first


def is_output(message: Message | None) -> bool:
    """Whether a message may be a part of a reply; a forgotten one may be."""
    return message is None or message.role == "assistant"


def render_usage(usage: Usage) -> Mapping[str, Any]:
    """Render the tokens that the model counted."""
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": usage.generated_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.generated_tokens,
    }
