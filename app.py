"""The component: puts settings, adapters and the use cases together for each request."""

import gc
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from spin_sdk.wit import exports
from spin_sdk.wit.imports.types import IncomingRequest, ResponseOutparam

from chat.access import Caller, Session, parse_caller
from chat.actions import ACTIONS, Asked
from chat.cors import cors_headers
from chat.erasing import erase
from chat.errors import ChatError, MemoryOff
from chat.exporting import Line, export
from chat.fields import parse_id
from chat.health import check
from chat.import_lines import parse_export
from chat.keys import digest, owner_tag
from chat.memory_actions import MEMORY_ACTIONS, AskedMemory
from chat.parts import Parts, Who, make_erasers, make_model, make_probes
from chat.ports import Repetition
from chat.queries import (
    parse_idempotency_key,
    parse_list_query,
)
from chat.redis import Redis
from chat.request_log import (
    MS_PER_S,
    REQUEST_ID_HEADER,
    Logged,
    TimedModel,
    parse_request_id,
    render_log_line,
)
from chat.requests import parse_turn_request
from chat.responses import (
    Response,
    guarded,
    render_error,
    render_health,
    render_imported,
    render_json,
    render_lines,
    render_list,
    render_receipt,
    render_session,
    render_turn_result,
)
from chat.routes import Action, Route, find_route, find_template
from chat.settings import Settings, parse_cors_origins, parse_settings
from chat.spin import get_variable, log, open_redis
from chat.spin_serving import Request, read_request, send_response
from chat.turn import TurnTaker

# An instance lives for one request. A collection in it would find nothing, and touch every object
# that was made at build time: each page of those is then copied, which costs more than the turn.
gc.freeze()
gc.set_threshold(100_000)

FENCING_BYTES = 16
TOKEN_BYTES = 32


class IncomingHandler(exports.IncomingHandler):
    """Spin's entry: one instance, one request."""

    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        """Answer any request; an error that is not the chat's own ends the instance."""
        begun = time.perf_counter()
        asked = read_request(request)
        request_id = parse_request_id(asked.headers, secrets.token_hex(FENCING_BYTES))
        origins: Sequence[str] = ()
        try:
            origins = parse_cors_origins(get_variable)
            response = respond(asked)
        except ChatError as error:
            response = render_error(error)
        allowed = response.headers.get("allow", "")
        shared = cors_headers(asked.method, asked.headers, allowed, origins)
        response = guarded(response, request_id, shared)
        is_whole = False
        try:
            send_response(response_out, response, is_head=asked.method == "HEAD")
            is_whole = True
        finally:
            taken_s = time.perf_counter() - begun
            log_request(asked, response, taken_s, is_whole=is_whole)


@dataclass(frozen=True)
class Call:
    """A request, and what is known of it before anything is asked of Redis."""

    uri: str
    headers: Mapping[str, str]
    body: bytes
    caller: Caller
    settings: Settings
    fencing: str

    @contextmanager
    def parts(self, owner: str | None) -> Iterator[Parts]:
        """Connect to Redis, and put the parts together for an owner, None for anyone."""
        with open_redis(self.settings.redis_url) as connection:
            who = Who(self.caller, owner, self.fencing)
            yield Parts(Redis(connection), self.settings, who)


def log_request(request: Request, response: Response, taken_s: float, *, is_whole: bool) -> None:
    """Write a request's line to the log."""
    logged = Logged(
        request_id=response.headers[REQUEST_ID_HEADER],
        method=request.method,
        route=find_template(request.uri),
        status=response.status,
        taken_s=taken_s,
        is_whole=is_whole,
        facts=response.facts,
    )
    log(render_log_line(logged))


def respond(request: Request) -> Response:
    """Answer a request, or raise ChatError."""
    route = find_route(request.method, request.uri)
    if route.action == "list_methods":
        return Response(204, headers={"allow": route.allowed})
    settings = parse_settings(get_variable)
    caller = parse_caller(request.method, request.headers, settings.client_address_header)
    fencing = secrets.token_hex(FENCING_BYTES)
    call = Call(request.uri, request.headers, request.body, caller, settings, fencing)
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
    with call.parts(owner) as parts:
        model = TimedModel(make_model(settings), time.perf_counter)
        taker = TurnTaker(parts.turns, model, parts.recaller, time.time, settings)
        if asked.conversation_id is not None:
            result = taker.resume(asked.conversation_id, asked.prompt, repetition)
        else:
            result = taker.start(asked.context or "", asked.prompt, owner, repetition)
        response = render_turn_result(result, session, caller, parts.hot_turns.quota)
        model_ms = round(model.taken_s * MS_PER_S, 1)
        return replace(response, facts={**response.facts, "model_ms": model_ms})


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
    with call.parts(call.caller.owner) as parts:
        return render_list(*parts.conversations.list_page(query.cursor, query.limit))


def answer_for_conversation(call: Call, route: Route) -> Response:
    """Do what is done with one conversation but take turns."""
    conversation_id = parse_id(route.parts["id"])
    with call.parts(call.caller.owner) as parts:
        asked = Asked(
            conversation_id=conversation_id,
            parts=route.parts,
            uri=call.uri,
            body=call.body,
            settings=call.settings,
            store=parts.conversations,
            turns=parts.turns,
            embedder=parts.embedder,
            recaller=parts.recaller,
            clock=time.time,
        )
        return ACTIONS[route.action](asked)


def answer_for_memories(call: Call, route: Route) -> Response:
    """Do what is done with the caller's long-term memories."""
    with call.parts(call.caller.needed_owner()) as parts:
        if parts.memory is None:
            raise MemoryOff
        asked = AskedMemory(
            parts=route.parts,
            uri=call.uri,
            body=call.body,
            settings=call.settings,
            memory=parts.memory,
            turns=parts.turns,
            fencing=call.fencing,
            clock=time.time,
        )
        return MEMORY_ACTIONS[route.action](asked)


def export_all(call: Call) -> Response:
    """Give the caller all that is kept of it, as it is read; it counts as a turn."""
    return render_lines(read_export(call, call.caller.needed_owner()))


def read_export(call: Call, owner: str) -> Iterator[Line]:
    """Read it; the connection is open until the last line."""
    with call.parts(owner) as parts:
        parts.turns.admit(None)
        yield from export(parts.conversations, parts.memory, call.settings, time.time())


def import_all(call: Call) -> Response:
    """Take an export back; it counts as a turn."""
    owner, settings = call.caller.needed_owner(), call.settings
    now = time.time()
    exported = parse_export(call.body, settings.max_import_bytes, settings.max_prompt_bytes, now)
    with call.parts(owner) as parts:
        parts.turns.admit(None)
        return render_imported(parts.make_importer().take(exported))


def erase_me(call: Call) -> Response:
    """Remove all of the caller, from each store whatever becomes of the other.

    It counts as a turn of the client's address: what is kept of the owner's turns goes with it.
    """
    owner = call.caller.needed_owner()
    who = Who(replace(call.caller, owner=None), None, call.fencing)
    return render_receipt(erase(make_erasers(call.settings, who, owner)), call.caller)


def check_health(call: Call) -> Response:
    """Say which parts answer; the model is asked for one token, which it may charge for."""
    return render_health(check(make_probes(call.settings)))


def check_life(_: Call) -> Response:
    """Say that the component runs, and its settings can be used."""
    return render_json(200, {"status": "ok"})


def make_session() -> Session:
    """Make a new credential."""
    return Session(secrets.token_urlsafe(TOKEN_BYTES))


ANSWERS: Mapping[Action, Callable[[Call], Response]] = {
    "start_session": start_session,
    "take_turn": take_turn,
    "list_conversations": list_conversations,
    "export": export_all,
    "import": import_all,
    "erase": erase_me,
    "check_health": check_health,
    "check_life": check_life,
}
