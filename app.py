"""The component: puts settings, adapters and the use cases together for each request."""

import gc
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spin_sdk import http
from spin_sdk.http import Request

from chat.access import Caller, Session, owners_of, parse_caller
from chat.actions import ACTIONS, Asked
from chat.embeddings import OnceEmbedder, model_tag
from chat.errors import ChatError, MemoryOff
from chat.keys import digest, owner_tag
from chat.memory_actions import MEMORY_ACTIONS, AskedMemory
from chat.openai import OpenAiEmbedder, OpenAiModel
from chat.ports import Embedder, LanguageModel, LongTermMemory, Repetition
from chat.queries import (
    parse_idempotency_key,
    parse_list_query,
)
from chat.recalling import Recaller
from chat.redis import Redis
from chat.redis_conversations import RedisConversationStore
from chat.redis_memories import RedisMemory
from chat.redis_turns import RedisTurnStore, TurnStoreSettings
from chat.requests import parse_id, parse_turn_request
from chat.responses import (
    Response,
    render_error,
    render_json,
    render_list,
    render_session,
    render_turn_result,
)
from chat.routes import Action, Route, find_route
from chat.settings import Settings, parse_settings
from chat.spin import SpinEmbedder, SpinModel, get_variable, open_redis
from chat.spin_http import SpinEndpoint
from chat.turn import TurnTaker

# An instance lives for one request. A collection in it would find nothing, and touch every object
# that was made at build time: each page of those is then copied, which costs more than the turn.
gc.freeze()
gc.set_threshold(100_000)

FENCING_BYTES = 16
TOKEN_BYTES = 32
MS_PER_S = 1000
MOST_FOUND, MOST_FOUND_TO_RANK = 12, 50
"""Evicted turns that a search gives, and how many where they are ranked once more."""


class IncomingHandler(http.IncomingHandler):
    """Spin's entry: one instance, one request."""

    def handle_request(self, request: Request) -> http.Response:
        """Answer any request; an error that is not the chat's own ends the instance."""
        try:
            response = respond(request)
        except ChatError as error:
            response = render_error(error)
        body = b"" if request.method == "HEAD" else response.body
        return http.Response(response.status, dict(response.headers), body)


@dataclass(frozen=True)
class Call:
    """A request, and what is known of it before anything is asked of Redis."""

    uri: str
    headers: Mapping[str, str]
    body: bytes
    caller: Caller
    settings: Settings
    fencing: str
    embedder: Embedder

    def owners(self, conversation_id: int) -> list[str]:
        """Name the owners under whom the caller may reach a conversation."""
        return owners_of(self.caller, conversation_id, is_open=self.settings.is_open)


def respond(request: Request) -> Response:
    """Answer a request, or raise ChatError."""
    route = find_route(request.method, request.uri)
    if route.action == "list_methods":
        return Response(204, headers={"allow": route.allowed})
    settings = parse_settings(get_variable)
    headers = {name.lower(): value for name, value in request.headers.items()}
    caller = parse_caller(request.method, headers, settings.client_address_header)
    fencing = secrets.token_hex(FENCING_BYTES)
    embedder = OnceEmbedder(make_embedder(settings))
    call = Call(request.uri, headers, request.body or b"", caller, settings, fencing, embedder)
    if route.action in ANSWERS:
        return ANSWERS[route.action](call)
    if route.action in MEMORY_ACTIONS:
        return answer_for_memories(call, route)
    return answer_for_conversation(call, route)


def start_session(call: Call) -> Response:
    """Give a credential."""
    return render_session(make_session(), call.caller)


def take_turn(call: Call) -> Response:
    """Take a turn; what is started without a credential is given one, where nothing is open."""
    settings, caller = call.settings, call.caller
    asked = parse_turn_request(call.body, settings.max_prompt_bytes)
    repetition = parse_repetition(call)
    session, owner = None, caller.owner
    if asked.conversation_id is None and owner is None and not settings.is_open:
        session = make_session()
        owner = owner_tag(session.token)
    with open_redis(settings.redis_url) as connection:
        redis = Redis(connection)
        store = make_turn_store(redis, call)
        recaller = make_recaller(redis, call, owner)
        taker = TurnTaker(store, make_model(settings), recaller, time.time, settings)
        if asked.conversation_id is not None:
            result = taker.resume(asked.conversation_id, asked.prompt, repetition)
            return render_turn_result(result, None, caller, store.quota)
        result = taker.start(asked.context or "", asked.prompt, owner, repetition)
        return render_turn_result(result, session, caller, store.quota)


def parse_repetition(call: Call) -> Repetition | None:
    """Hash the Idempotency-Key, if there is one, and the body.

    Errors: CredentialNeeded where the repetition could not reach what the first request made.
    """
    key = parse_idempotency_key(call.headers)
    if key is None:
        return None
    if not call.settings.is_open:
        call.caller.needed_owner()
    return Repetition(digest("key", key), digest("body", call.body))


def list_conversations(call: Call) -> Response:
    """List the caller's conversations."""
    call.caller.needed_owner()
    query = parse_list_query(call.uri)
    with open_redis(call.settings.redis_url) as connection:
        store = make_conversation_store(Redis(connection), call)
        return render_list(*store.list_page(query.cursor, query.limit))


def answer_for_conversation(call: Call, route: Route) -> Response:
    """Do what is done with one conversation but take turns."""
    conversation_id, settings = parse_id(route.parts["id"]), call.settings
    with open_redis(settings.redis_url) as connection:
        redis = Redis(connection)
        asked = Asked(
            conversation_id=conversation_id,
            parts=route.parts,
            uri=call.uri,
            body=call.body,
            settings=settings,
            store=make_conversation_store(redis, call),
            turns=make_turn_store(redis, call),
            embedder=call.embedder,
            recaller=make_recaller(redis, call, call.caller.owner),
            clock=time.time,
        )
        return ACTIONS[route.action](asked)


def answer_for_memories(call: Call, route: Route) -> Response:
    """Do what is done with the caller's long-term memories."""
    settings = call.settings
    if not settings.long_term.is_on:
        raise MemoryOff
    owner = call.caller.needed_owner()
    with open_redis(settings.redis_url) as connection:
        redis = Redis(connection)
        asked = AskedMemory(
            parts=route.parts,
            uri=call.uri,
            body=call.body,
            settings=settings,
            memory=make_memory(redis, call, owner),
            turns=make_turn_store(redis, call),
            fencing=call.fencing,
            clock=time.time,
        )
        return MEMORY_ACTIONS[route.action](asked)


def check_health(call: Call) -> Response:
    """Say that the store answers."""
    with open_redis(call.settings.redis_url) as connection:
        Redis(connection).execute("PING", [])
    return render_json(200, {"status": "ok"})


def make_session() -> Session:
    """Make a new credential."""
    return Session(secrets.token_urlsafe(TOKEN_BYTES))


def make_model(settings: Settings) -> LanguageModel:
    """Make what replies: an endpoint that the component asks itself, or Spin's own models."""
    if settings.model_endpoint is not None:
        endpoint = SpinEndpoint(settings.model_endpoint, settings.turn_timeout_s)
        return OpenAiModel(endpoint, settings.model)
    return SpinModel(settings.model, settings.prompt_format)


def make_embedder(settings: Settings) -> Embedder:
    """Make what embeds: an endpoint that the component asks itself, or Spin's own models."""
    if settings.embedding_endpoint is not None:
        endpoint = SpinEndpoint(settings.embedding_endpoint, settings.turn_timeout_s)
        return OpenAiEmbedder(endpoint, settings.embedding_model)
    return SpinEmbedder(settings.embedding_model)


def make_memory(redis: Redis, call: Call, owner: str) -> LongTermMemory:
    """Make the long-term memory of an owner."""
    settings = call.settings
    return RedisMemory(
        redis,
        call.embedder,
        prefix=settings.key_prefix,
        owner=owner,
        tag=model_tag(settings.embedding_model),
        most=settings.long_term.most,
    )


def make_recaller(redis: Redis, call: Call, owner: str | None) -> Recaller:
    """Make what asks embeddings, for an owner or nobody."""
    settings = call.settings
    memory = None
    if owner is not None and settings.long_term.is_on:
        memory = make_memory(redis, call, owner)
    return Recaller(settings, call.embedder, make_conversation_store(redis, call), memory)


def make_turn_store(redis: Redis, call: Call) -> RedisTurnStore:
    """Make this request's store; `turn_timeout_s` is how long it may hold a conversation."""
    settings = call.settings
    return RedisTurnStore(
        redis,
        TurnStoreSettings(
            prefix=settings.key_prefix,
            fencing=call.fencing,
            lock_ms=settings.turn_timeout_s * MS_PER_S,
            archive_turns=settings.archive_turns,
            most_found=MOST_FOUND_TO_RANK if settings.is_hybrid else MOST_FOUND,
            most_memories=settings.long_term.most,
            tag=model_tag(settings.embedding_model),
            limits=settings.limits,
            rate_tag=call.caller.rate_tag,
            owners=call.owners,
        ),
    )


def make_conversation_store(redis: Redis, call: Call) -> RedisConversationStore:
    """Make this request's store of the caller's conversations."""
    return RedisConversationStore(
        redis,
        prefix=call.settings.key_prefix,
        fencing=call.fencing,
        owner=call.caller.owner,
        owners=call.owners,
    )


ANSWERS: Mapping[Action, Callable[[Call], Response]] = {
    "start_session": start_session,
    "take_turn": take_turn,
    "list_conversations": list_conversations,
    "check_health": check_health,
}
