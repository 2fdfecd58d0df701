"""What is done with conversations: parse, act, render."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chat.core.owners import digest, owner_tag
from chat.core.usage import TurnResult
from chat.http.bodies import parse_branch, parse_change, parse_messages, parse_turn_request
from chat.http.call import Call
from chat.http.credentials import Session
from chat.http.events import render_turn_events, wants_events
from chat.http.fields import parse_id
from chat.http.queries import (
    parse_idempotency_key,
    parse_last,
    parse_list_query,
    parse_messages_query,
    parse_namespace_query,
    parse_place,
    parse_relevant_query,
    parse_word_search,
)
from chat.http.render import (
    render_added,
    render_branch,
    render_forgotten,
    render_forgotten_conversations,
    render_forgotten_message,
    render_forgotten_messages,
    render_found,
    render_list,
    render_messages,
    render_relevant,
    render_summary,
    render_turn_result,
    turn_headers,
)
from chat.http.response import Response
from chat.usecases.add_messages import add_messages as add
from chat.usecases.change import change_conversation as change
from chat.usecases.change import forget_message as forget
from chat.usecases.erase import forget_namespace
from chat.usecases.find_relevant import find_relevant as find
from chat.usecases.forget_messages import forget_messages as forget_some
from chat.usecases.parts import outcome
from chat.usecases.ports import Repetition
from chat.usecases.read_messages import read_messages as read
from chat.usecases.search import search
from chat.usecases.take_turn import TurnEvents


@dataclass(frozen=True)
class BegunTurn:
    """A turn that is ready to be taken; `headers` are those of its answer once it has begun."""

    events: TurnEvents
    headers: Callable[[], Mapping[str, str]]
    finish: Callable[[TurnResult], Response]


async def take_turn(call: Call) -> Response:
    """Answer `POST /`, with server-sent events if the caller prefers them."""
    turn = await begin_turn(call)
    if wants_events(call.headers.get("accept", "")):
        return await render_turn_events(turn.events, turn.headers, turn.finish)
    return turn.finish(await outcome(turn.events))


async def begin_turn(call: Call) -> BegunTurn:
    """Prepare the turn that a body of `POST /` asks for; nothing is stored or counted yet.

    A conversation begun without a credential gets a new one, unless conversations are open to
    everybody who knows their id.
    """
    asked = parse_turn_request(call.body, call.settings.max_prompt_bytes)
    repetition = _parse_repetition(call, call.body)
    session, owner = None, call.caller.owner
    if asked.conversation_id is None and owner is None and not call.settings.is_open:
        session = Session(call.outside.make_token())
        owner = owner_tag(session.token)
    stores = await call.connect(owner=owner)
    taker = stores.turn_taker
    if asked.conversation_id is not None:
        call.note_conversation(asked.conversation_id)
        events = taker.resume(asked.conversation_id, asked.prompt, repetition)
    else:
        events = taker.start(asked.context or "", asked.prompt, owner, repetition, asked.namespace)

    def headers() -> Mapping[str, str]:
        return turn_headers(session, call.caller, stores.turns.quota)

    def finish(result: TurnResult) -> Response:
        call.note_conversation(result.conversation_id)
        response = render_turn_result(result, session, call.caller, stores.turns.quota)
        response.facts.update(call.facts, model_ms=round(stores.stopwatch.model_ms, 1))
        return response

    return BegunTurn(events, headers, finish)


def _parse_repetition(call: Call, *asked: str | bytes) -> Repetition | None:
    """Return hashes of the Idempotency-Key and of what is asked for; None without such a key.

    Errors: CredentialNeeded if a repetition could not reach what the first request made.
    """
    key = parse_idempotency_key(call.headers)
    if key is None:
        return None
    if not call.settings.is_open:
        call.caller.needed_owner()
    return Repetition(digest("key", key), digest("body", *asked))


async def list_conversations(call: Call) -> Response:
    """Answer `GET /conversations`."""
    query = parse_list_query(call.uri)
    return render_list(
        *await (await call.connect()).conversations.list_page(
            query.cursor, query.limit, query.namespace
        )
    )


async def forget_conversations(call: Call) -> Response:
    """Answer `DELETE /conversations`, which names a namespace."""
    namespace = parse_namespace_query(call.uri, is_needed=True) or ""
    store = (await call.connect()).conversations
    return render_forgotten_conversations(*await forget_namespace(store, namespace))


async def search_conversations(call: Call) -> Response:
    """Answer `GET /search`."""
    query = parse_word_search(call.uri, call.settings.max_prompt_bytes)
    searcher = (await call.connect()).searcher(query.namespace)
    return render_found(await search(searcher, query.prompt, query.cursor, query.limit))


async def show_conversation(call: Call) -> Response:
    """Answer `GET /conversations/{id}`."""
    conversation_id = _parse_id(call)
    summary = await (await call.connect()).conversations.summarise(conversation_id)
    return render_summary(summary, call.settings.context_length)


async def change_conversation(call: Call) -> Response:
    """Answer `PATCH /conversations/{id}`."""
    conversation_id = _parse_id(call)
    wanted = parse_change(call.body, call.settings.max_prompt_bytes)
    summary = await change(
        (await call.connect()).conversations, call.settings, conversation_id, wanted
    )
    return render_summary(summary, call.settings.context_length)


async def forget_conversation(call: Call) -> Response:
    """Answer `DELETE /conversations/{id}`."""
    conversation_id = _parse_id(call)
    return render_forgotten(await (await call.connect()).conversations.forget(conversation_id))


async def read_messages(call: Call) -> Response:
    """Answer `GET /conversations/{id}/messages`."""
    conversation_id, query = _parse_id(call), parse_messages_query(call.uri)
    found, before = await read(
        (await call.connect()).conversations,
        conversation_id,
        last=query.last,
        before=query.before,
        roles=query.roles,
    )
    return render_messages(found, before, as_text=query.as_text)


async def branch_conversation(call: Call) -> Response:
    """Answer `POST /conversations/{id}/branch`; the branch belongs to the caller, as a start."""
    conversation_id, before = _parse_id(call), parse_branch(call.body)
    repetition = _parse_repetition(call, "branch", str(conversation_id), call.body)
    maker = (await call.connect()).branch_maker
    return render_branch(
        await maker.make(conversation_id, before, call.caller.owner, call.now(), repetition)
    )


async def add_messages(call: Call) -> Response:
    """Answer `POST /conversations/{id}/messages`."""
    conversation_id, settings = _parse_id(call), call.settings
    messages = parse_messages(call.body, settings.max_prompt_bytes, call.now())
    stores, clock = await call.connect(), call.outside.clock
    added = await add(stores.turns, stores.recaller, clock, settings, conversation_id, messages)
    return render_added(added)


async def forget_messages(call: Call) -> Response:
    """Answer `DELETE /conversations/{id}/messages`."""
    conversation_id, last = _parse_id(call), parse_last(call.uri)
    forgotten = await forget_some((await call.connect()).conversations, conversation_id, last)
    return render_forgotten_messages(conversation_id, forgotten)


async def forget_message(call: Call) -> Response:
    """Answer `DELETE /conversations/{id}/messages/{message_id}`."""
    conversation_id = _parse_id(call)
    place = parse_place(call.path["message_id"], "message_id")
    await forget((await call.connect()).conversations, conversation_id, place)
    return render_forgotten_message(conversation_id, place)


async def find_relevant(call: Call) -> Response:
    """Answer `GET /conversations/{id}/relevant`."""
    conversation_id, settings = _parse_id(call), call.settings
    query = parse_relevant_query(call.uri, settings.max_prompt_bytes)
    stores = await call.connect()
    embedder, tag = stores.embedder, settings.embedding_tag
    found = await find(stores.conversations, embedder, tag, conversation_id, query)
    return render_relevant(found, as_text=query.as_text)


def _parse_id(call: Call) -> int:
    conversation_id = parse_id(call.path["id"])
    call.note_conversation(conversation_id)
    return conversation_id
