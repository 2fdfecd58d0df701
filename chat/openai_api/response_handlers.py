"""What is done with responses of OpenAI's API: parse, act, render."""

from collections.abc import Mapping
from typing import Any

from chat.core.messages import Placed, Turn
from chat.core.owners import digest
from chat.core.refusals import UnknownConversation, UnknownResponse, Unsupported
from chat.http.call import Call
from chat.http.events import HEADERS
from chat.http.log_line import Fact
from chat.http.queries import parse_idempotency_key
from chat.http.response import Response, render_json
from chat.http.stores import Stores
from chat.http.usage_fields import usage_facts
from chat.openai_api.ids import parse_item_name, parse_response_name
from chat.openai_api.lists import parse_list_query, render_items
from chat.openai_api.response_bodies import Wanted, parse_response_request
from chat.openai_api.response_events import render_response_events
from chat.openai_api.response_replay import parse_replay_query, render_replay
from chat.openai_api.responses import Frame, Named, first_output, make_frame, render_stored
from chat.usecases.change import forget_turn
from chat.usecases.estimate import estimate_input
from chat.usecases.ports import Repetition
from chat.usecases.respond import find_response
from chat.usecases.take_turn import Begun, Taken


async def openai_respond(call: Call) -> Response:
    """Answer `POST /v1/responses`, with events if the request says so."""
    wanted = parse_response_request(call.body, call.settings)
    key = parse_idempotency_key(call.headers)
    repetition = Repetition(digest("key", key), digest("response", call.body)) if key else None
    stores, now = await call.connect(), call.now()
    events = stores.responder.respond(wanted.asked, wanted.behind, repetition)
    word = "" if wanted.asked.is_kept else call.fencing

    def frame_of(begun: Begun) -> Frame:
        named = Named(begun.conversation_id, begun.number, word)
        return make_frame(call.settings, named, now, wanted.echoed)

    async def finish(taken: Taken) -> tuple[Mapping[str, Any], dict[str, Fact]]:
        return await _finish(call, stores, wanted, taken, word)

    def headers() -> Mapping[str, str]:
        quota = stores.turns.quota
        return quota.headers() if quota else {}

    if wanted.is_streamed:
        count = len(wanted.asked.messages)
        return await render_response_events(events, frame_of, finish, count, headers)
    async for event in events:
        if isinstance(event, Taken):
            fields, facts = await finish(event)
    return render_json(200, fields, headers(), facts)


async def _finish(
    call: Call, stores: Stores, wanted: Wanted, taken: Taken, word: str
) -> tuple[Mapping[str, Any], dict[str, Fact]]:
    """Return a whole response, and what the log says of it."""
    result, turn = taken.result, taken.turn
    usage = result.usage
    if wanted.asked.is_kept:
        call.note_conversation(result.conversation_id)
    facts: dict[str, Fact] = {
        **call.facts,
        **usage_facts(usage),
        "model_ms": round(stores.stopwatch.model_ms, 1),
    }
    if turn is None:  # the request was answered before
        store = stores.conversations
        turn = await find_response(store, result.conversation_id, result.number)
    named = Named(result.conversation_id, turn.number, word)
    frame = make_frame(call.settings, named, turn.at, wanted.echoed)
    return frame.done(turn, usage), facts


async def openai_show_response(call: Call) -> Response:
    """Answer `GET /v1/responses/{response_id}`, with events if the query says so."""
    query = parse_replay_query(call.uri)
    conversation_id, turn = await _find(call, await call.connect())
    response = render_stored(call.settings, conversation_id, turn)
    if query.is_streamed:
        return Response(200, render_replay(response, query.after), HEADERS)
    return render_json(200, response)


async def openai_forget_response(call: Call) -> Response:
    """Answer `DELETE /v1/responses/{response_id}`: all that was said in its turn is forgotten."""
    stores = await call.connect()
    conversation_id, turn = await _find(call, stores)
    await forget_turn(stores.conversations, conversation_id, turn)
    name = call.path["response_id"]
    return render_json(200, {"id": name, "object": "response.deleted", "deleted": True})


async def openai_cancel_response(call: Call) -> Response:
    """Answer `POST /v1/responses/{response_id}/cancel`: none runs in the background."""
    await _find(call, await call.connect())
    raise Unsupported("Cannot cancel a synchronous response.", "response_id")


async def openai_compact_responses(call: Call) -> Response:
    """Answer `POST /v1/responses/compact`: turns leave the window by themselves."""
    _ = call
    raise Unsupported("`compact` is not done here: turns leave the context by themselves")


async def openai_list_input(call: Call) -> Response:
    """Answer `GET /v1/responses/{response_id}/input_items`."""
    query = parse_list_query(call.uri)
    conversation_id, turn = await _find(call, await call.connect())
    items = [placed for placed in turn.placed() if placed.place.index < first_output(turn)]
    if not query.is_ascending:
        items.reverse()
    if query.after:
        items = _behind(items, call, query.after, conversation_id)
    page = items[: query.limit]
    return render_items(conversation_id, page, has_more=len(items) > query.limit)


def _behind(items: list[Placed], call: Call, name: str, conversation_id: int) -> list[Placed]:
    """Return the items behind one of them.

    Errors: UnknownMessage.
    """
    _ = call
    place = parse_item_name(name, conversation_id)
    places = [placed.place for placed in items]
    return items[places.index(place) + 1 :] if place in places else []


async def openai_count_input(call: Call) -> Response:
    """Answer `POST /v1/responses/input_tokens`: with an upper bound, which is what is reserved."""
    wanted = parse_response_request(call.body, call.settings)
    store = (await call.connect()).conversations
    try:
        tokens = await estimate_input(store, call.settings, wanted.asked, wanted.behind)
    except UnknownConversation as error:
        if wanted.behind and wanted.behind.number is not None:
            raise UnknownResponse("previous_response_id") from error
        raise
    return render_json(200, {"object": "response.input_tokens", "input_tokens": tokens})


async def _find(call: Call, stores: Stores) -> tuple[int, Turn]:
    """Return the conversation and the turn of the response that a path names.

    Errors: UnknownResponse.
    """
    conversation_id, number = parse_response_name(call.path["response_id"])
    call.note_conversation(conversation_id)
    try:
        return conversation_id, await find_response(stores.conversations, conversation_id, number)
    except UnknownConversation as error:
        raise UnknownResponse from error
