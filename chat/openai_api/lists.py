"""Parses and renders pages of items.

Source: OpenAI's API reference, "List items", and the official client's `ConversationItemList`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from chat.core.messages import Placed
from chat.core.refusals import InvalidRequest
from chat.http.queries import DEFAULT, MOST, WHOLE
from chat.http.response import Response, render_json
from chat.openai_api.items import render_item

INCLUDABLE = (
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
)
"""What a caller may want to have included; nothing here has any of it."""
ALL = ("after", "limit", "order", "include", "include[]")


@dataclass(frozen=True)
class ListQuery:
    """Which page of items is asked for; `after` is the id of the last item of the page before."""

    after: str | None
    limit: int
    is_ascending: bool


def parse_list_query(uri: str, allowed: Sequence[str] = ALL) -> ListQuery:
    """Parse `after`, `limit`, `order` and `include`.

    Errors: InvalidRequest.
    """
    pairs = parse_qsl(uri.partition("?")[2], keep_blank_values=True)
    for name, value in pairs:
        if name not in allowed:
            raise InvalidRequest(f"`{name[:40]}` is not a parameter here", name[:40])
        if name in {"include", "include[]"} and value not in INCLUDABLE:
            raise InvalidRequest(f"`include` must be of {', '.join(INCLUDABLE)}", "include")
    query = dict(pairs)
    limit, order = query.get("limit", str(DEFAULT)), query.get("order", "desc")
    if not WHOLE.fullmatch(limit) or not 1 <= int(limit) <= MOST:
        raise InvalidRequest(f"`limit` must be a whole number from 1 to {MOST}", "limit")
    if order not in {"asc", "desc"}:
        raise InvalidRequest("`order` must be asc or desc", "order")
    return ListQuery(query.get("after"), int(limit), order == "asc")


def render_items(conversation_id: int, page: Sequence[Placed], *, has_more: bool) -> Response:
    """Render a page of items; an empty one has empty ids, as the client wants texts there."""
    items = [render_item(conversation_id, placed) for placed in page]
    fields = {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else "",
        "last_id": items[-1]["id"] if items else "",
        "has_more": has_more,
    }
    return render_json(200, fields)
