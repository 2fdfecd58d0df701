"""What is done with conversations by OpenAI's API: parse, act, render."""

from collections.abc import Mapping
from typing import Any

from chat.core.heads import Change, Summary
from chat.core.messages import ROLES
from chat.core.refusals import UnknownMessage
from chat.http.call import Call
from chat.http.fields import parse_labels
from chat.http.response import Response, render_json
from chat.openai_api.bodies import parse_fields
from chat.openai_api.ids import conversation_name, parse_conversation_name, parse_item_name
from chat.openai_api.items import parse_items, render_item
from chat.openai_api.lists import parse_list_query, render_items
from chat.usecases.add_messages import add_messages
from chat.usecases.change import change_conversation, forget_message
from chat.usecases.ports import ConversationStore
from chat.usecases.read_messages import read_messages, read_messages_after, read_turn

MAX_ITEMS = 20
"""How many items may be added at a time."""


async def openai_begin_conversation(call: Call) -> Response:
    """Answer `POST /v1/conversations`."""
    fields = parse_fields(call.body or b"{}", ("items", "metadata"))
    given = fields.get("items")
    items = parse_items([] if given is None else given, "items", call.settings, MAX_ITEMS)
    metadata = parse_labels(fields.get("metadata"), "metadata")
    stores = await call.connect()
    return render_conversation(await stores.beginner.begin(items, metadata))


async def openai_show_conversation(call: Call) -> Response:
    """Answer `GET /v1/conversations/{conversation_id}`."""
    conversation_id = _parse_id(call)
    return render_conversation(
        await (await call.connect()).conversations.summarise(conversation_id)
    )


async def openai_change_conversation(call: Call) -> Response:
    """Answer `POST /v1/conversations/{conversation_id}`."""
    conversation_id = _parse_id(call)
    fields = parse_fields(call.body, ("metadata",), needed=("metadata",))
    change = Change(metadata=parse_labels(fields["metadata"], "metadata"))
    store = (await call.connect()).conversations
    return render_conversation(
        await change_conversation(store, call.settings, conversation_id, change)
    )


async def openai_forget_conversation(call: Call) -> Response:
    """Answer `DELETE /v1/conversations/{conversation_id}`."""
    conversation_id = _parse_id(call)
    await (await call.connect()).conversations.forget(conversation_id)
    fields = {
        "id": conversation_name(conversation_id),
        "object": "conversation.deleted",
        "deleted": True,
    }
    return render_json(200, fields)


async def openai_add_items(call: Call) -> Response:
    """Answer `POST /v1/conversations/{conversation_id}/items`."""
    conversation_id, settings = _parse_id(call), call.settings
    fields = parse_fields(call.body, ("items",), needed=("items",))
    items = parse_items(fields["items"], "items", settings, MAX_ITEMS, least=1)
    stores, clock = await call.connect(), call.outside.clock
    added = await add_messages(
        stores.turns, stores.recaller, clock, settings, conversation_id, items
    )
    return render_items(conversation_id, added.placed, has_more=False)


async def openai_list_items(call: Call) -> Response:
    """Answer `GET /v1/conversations/{conversation_id}/items`."""
    conversation_id, query = _parse_id(call), parse_list_query(call.uri)
    after = parse_item_name(query.after, conversation_id) if query.after else None
    store = (await call.connect()).conversations
    if query.is_ascending:
        found = await read_messages_after(store, conversation_id, after, query.limit + 1)
    else:
        older, _ = await read_messages(
            store, conversation_id, last=query.limit + 1, before=after, roles=ROLES
        )
        found = older[::-1]
    page = found[: query.limit]
    return render_items(conversation_id, page, has_more=len(found) > query.limit)


async def openai_show_item(call: Call) -> Response:
    """Answer `GET /v1/conversations/{conversation_id}/items/{item_id}`."""
    parse_list_query(call.uri, ("include", "include[]"))
    return render_json(200, await _read_item(call, (await call.connect()).conversations))


async def openai_forget_item(call: Call) -> Response:
    """Answer `DELETE /v1/conversations/{conversation_id}/items/{item_id}`."""
    conversation_id = _parse_id(call)
    store = (await call.connect()).conversations
    await _read_item(call, store)
    place = parse_item_name(call.path["item_id"], conversation_id)
    await forget_message(store, conversation_id, place)
    return render_conversation(await store.summarise(conversation_id))


async def _read_item(call: Call, store: ConversationStore) -> Mapping[str, Any]:
    """Return the item that a path names.

    Errors: UnknownConversation, UnknownMessage.
    """
    conversation_id, name = _parse_id(call), call.path["item_id"]
    place = parse_item_name(name, conversation_id)
    turn = await read_turn(store, conversation_id, place.turn_number)
    placed = turn.placed() if turn else []
    items = [render_item(conversation_id, one) for one in placed if one.place == place]
    if not items or items[0]["id"] != name:
        raise UnknownMessage
    return items[0]


def render_conversation(summary: Summary) -> Response:
    """Render a conversation without its items."""
    fields = {
        "id": conversation_name(summary.id),
        "object": "conversation",
        "created_at": int(summary.created_at),
        "metadata": summary.metadata,
    }
    return render_json(200, fields)


def _parse_id(call: Call) -> int:
    conversation_id = parse_conversation_name(call.path["conversation_id"])
    call.note_conversation(conversation_id)
    return conversation_id
