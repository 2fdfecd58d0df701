"""Renders a response that is there as the typed events with which it was once made.

Source: OpenAI's API reference, "Get a response", `stream` and `starting_after`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from chat.core.refusals import InvalidRequest
from chat.openai_api.items import output_text
from chat.openai_api.lists import parse_list_query
from chat.openai_api.response_events import EventWriter

FLAGS = {"true": True, "false": False}
NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
QUERY = ("include", "include[]", "include_obfuscation", "stream", "starting_after")

Event = tuple[str, Mapping[str, Any]]
"""The type of an event, and its fields."""


@dataclass(frozen=True)
class ReplayQuery:
    """Whether events are asked for, and behind which of them."""

    is_streamed: bool
    after: int = -1


def parse_replay_query(uri: str) -> ReplayQuery:
    """Parse `stream` and `starting_after`.

    Errors: InvalidRequest.
    """
    parse_list_query(uri, QUERY)
    query = dict(parse_qsl(uri.partition("?")[2], keep_blank_values=True))
    for name in ("stream", "include_obfuscation"):
        if query.get(name, "false") not in FLAGS:
            raise InvalidRequest(f"`{name}` must be true or false", name)
    is_streamed, after = FLAGS[query.get("stream", "false")], query.get("starting_after")
    if after is None:
        return ReplayQuery(is_streamed)
    if not is_streamed or not NUMBER.fullmatch(after):
        raise InvalidRequest(
            "`starting_after` must be the number of an event, with `stream` of true",
            "starting_after",
        )
    return ReplayQuery(is_streamed, int(after))


def render_replay(response: Mapping[str, Any], after: int) -> bytes:
    """Render the events of a whole response behind the one with the number `after`."""
    writer = EventWriter()
    written = [writer.write(kind, **fields) for kind, fields in _events(response)]
    return b"".join(written[after + 1 :])


def _events(response: Mapping[str, Any]) -> Iterator[Event]:
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(response["output"]):
        yield from _item_events(item, index)
    yield f"response.{response['status']}", {"response": response}


def _item_events(item: Mapping[str, Any], index: int) -> Iterator[Event]:
    of_item, is_call = {"item_id": item["id"], "output_index": index}, "arguments" in item
    nothing: Mapping[str, Any] = {"arguments": ""} if is_call else {"content": []}
    added = {**item, "status": "in_progress", **nothing}
    yield "response.output_item.added", {"output_index": index, "item": added}
    if is_call:
        kind, arguments = "response.function_call_arguments", item["arguments"]
        if arguments:
            yield f"{kind}.delta", {**of_item, "delta": arguments}
        yield f"{kind}.done", {**of_item, "name": item["name"], "arguments": arguments}
    else:
        yield from _text_events(item["content"][0], {**of_item, "content_index": 0})
    yield "response.output_item.done", {"output_index": index, "item": item}


def _text_events(part: Mapping[str, Any], of_part: Mapping[str, Any]) -> Iterator[Event]:
    """Yield the events of the one part of a message: a text of the model, or else a refusal."""
    is_text = part["type"] == "output_text"
    empty = output_text("") if is_text else {"type": "refusal", "refusal": ""}
    yield "response.content_part.added", {**of_part, "part": empty}
    if is_text:
        told = {**of_part, "logprobs": []}
        yield "response.output_text.delta", {**told, "delta": part["text"]}
        yield "response.output_text.done", {**told, "text": part["text"]}
    else:
        yield "response.refusal.delta", {**of_part, "delta": part["refusal"]}
        yield "response.refusal.done", {**of_part, "refusal": part["refusal"]}
    yield "response.content_part.done", {**of_part, "part": part}
