"""The component: puts settings, adapters and the use cases together for each request."""

import gc
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from spin_sdk.wit import exports
from spin_sdk.wit.imports.types import IncomingRequest, ResponseOutparam

from chat.core.counters import error_counter
from chat.core.errors import ChatError, InternalError, InvalidSetting, MemoryOff, StoreUnavailable
from chat.core.owners import digest, owner_tag
from chat.http.bodies import body_limit, parse_turn_request
from chat.http.conversation_handlers import ACTIONS, Asked
from chat.http.cors import cors_headers
from chat.http.credentials import Caller, Session, check_operator, parse_caller, parse_stranger
from chat.http.export_lines import parse_export
from chat.http.fields import parse_id
from chat.http.log_line import (
    REQUEST_ID_HEADER,
    Fact,
    Logged,
    parse_request_id,
    render_fault,
    render_log_line,
)
from chat.http.memory_handlers import MEMORY_ACTIONS, AskedMemory
from chat.http.operations import Action
from chat.http.operator_handlers import ADMIN_ACTIONS
from chat.http.public_handlers import PUBLIC_ACTIONS, AskedByAnyone
from chat.http.queries import (
    parse_idempotency_key,
    parse_list_query,
)
from chat.http.render import (
    Response,
    guarded,
    render_error,
    render_error_line,
    render_health,
    render_imported,
    render_lines,
    render_list,
    render_receipt,
    render_session,
    render_turn_result,
)
from chat.http.routes import Route, find_operation, find_route, find_template
from chat.redis.connection import Redis
from chat.redis.counters import RedisStats
from chat.settings import (
    Settings,
    parse_admin_token,
    parse_cors_origins,
    parse_settings,
    parse_store,
)
from chat.spin.clock import Moment, moment_in
from chat.spin.host import get_variable, log, open_redis
from chat.spin.incoming import Request, read_request, send_response
from chat.spin.streams import CutOff
from chat.usecases.erase import erase
from chat.usecases.export import Line, export
from chat.usecases.ports import Repetition
from chat.usecases.stopwatch import Stopwatch
from chat.usecases.take_turn import Timing, TurnTaker
from chat.wiring.credentials import count_session, erasure, make_erasers
from chat.wiring.operators import AdminParts
from chat.wiring.requests import Parts, Who, make_model, make_probes, make_redis_probe

# An instance lives for one request. A collection in it would find nothing, and touch every object
# that was made at build time: each page of those is then copied, which costs more than the turn.
gc.freeze()
gc.set_threshold(100_000)

Outcome = TypeVar("Outcome")
FENCING_BYTES = 16
TOKEN_BYTES = 32
WORD_BYTES = 8
TURNS: frozenset[Action] = frozenset({"take_turn", "add_messages"})
"""What holds a conversation while it asks models: all of that together has `turn_timeout_s`."""


class IncomingHandler(exports.IncomingHandler):
    """Spin's entry: one instance, one request."""

    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        """Answer any request, and say so in the log."""
        begun = time.perf_counter()
        asked = read_request(request)
        request_id = parse_request_id(asked.headers, secrets.token_hex(FENCING_BYTES))
        response = answer(asked, request_id)
        send = partial(send_response, response_out, response, is_head=asked.method == "HEAD")
        is_whole = caught(request_id, send, lambda _: False)
        log_request(asked, response, time.perf_counter() - begun, is_whole=is_whole)
        caught(request_id, lambda: count_error(asked, response), lambda _: None)


def caught(
    request_id: str, act: Callable[[], Outcome], otherwise: Callable[[ChatError], Outcome]
) -> Outcome:
    """Act, or give what is `otherwise` for the error that came of it.

    It is the last net: what nobody thought of has undone on its way what it held, is in the log
    under the request's id, and is an error like another.
    """
    try:
        return act()
    except ChatError as error:
        return otherwise(error)
    except Exception as fault:  # noqa: BLE001 - a trap would answer nothing, and undo nothing
        log(render_fault(request_id, fault))
        return otherwise(InternalError())


def answer(asked: Request, request_id: str) -> Response:
    """Answer any request."""
    origins: Sequence[str] = caught(
        request_id, lambda: parse_cors_origins(get_variable), lambda _: ()
    )
    operation = find_operation(asked.method, asked.uri)
    is_stored_whole = operation is not None and operation.is_stored_whole
    fail = partial(render_error, is_stored_whole=is_stored_whole)
    response = caught(request_id, lambda: respond(asked), fail)
    if response.chunks is not None:
        facts = dict(response.facts)
        chunks = followed(response.chunks, request_id, facts)
        response = replace(response, chunks=chunks, facts=facts)
    allowed = response.headers.get("allow", "")
    shared = cors_headers(asked.method, asked.headers, allowed, origins)
    return guarded(response, request_id, shared)


def followed(chunks: Iterator[bytes], request_id: str, facts: dict[str, Fact]) -> Iterator[bytes]:
    """Give the chunks of a body; an error is its last line, and what the log says of it.

    Errors: CutOff behind such a line.
    """
    read: Callable[[], bytes | ChatError | None] = partial(next, chunks, None)
    while True:
        chunk = caught(request_id, read, lambda error: error)
        if chunk is None:
            return
        if isinstance(chunk, ChatError):
            facts["code"] = chunk.code
            yield render_error_line(chunk)
            raise CutOff
        yield chunk


@dataclass(frozen=True)
class Call:
    """A request, and what is known of it before anything is asked of Redis.

    `until` is when a turn ends, whatever it waits for; None for what is no turn.
    """

    uri: str
    headers: Mapping[str, str]
    parts: Mapping[str, str]
    body: bytes
    caller: Caller
    settings: Settings
    fencing: str
    until: Moment | None

    @contextmanager
    def connect(self, owner: str | None) -> Iterator[Parts]:
        """Connect to Redis, and put the parts together for an owner, None for anyone."""
        with open_redis(self.settings.redis_url) as connection:
            who = Who(self.caller, owner, self.fencing)
            yield Parts(Redis(connection), self.settings, who, self.until)


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


def count_error(request: Request, response: Response) -> None:
    """Count an error, when its answer has gone out; where Redis is away, the log alone has it."""
    operation, code = find_operation(request.method, request.uri), response.facts.get("code")
    if operation is None or code in {None, StoreUnavailable.code, InvalidSetting.code}:
        return
    url, prefix = parse_store(get_variable)
    with open_redis(url) as connection:
        counters = {error_counter(operation.action, str(code)): 1}
        RedisStats(Redis(connection), prefix).count(counters, time.time())


def respond(request: Request) -> Response:
    """Answer a request, or raise ChatError."""
    parse_cors_origins(get_variable)  # one that is unusable is an error of every request
    route = find_route(request.method, request.uri, has_operator)
    if route.action == "list_methods":
        return Response(204, headers={"allow": route.allowed})
    if route.action in PUBLIC_ACTIONS:
        asked = AskedByAnyone(request.headers, route.parts, has_operator)
        return PUBLIC_ACTIONS[route.action](asked)
    call = make_call(request, route, parse_settings(get_variable))
    if route.action in ANSWERS:
        return ANSWERS[route.action](call)
    if route.action in ADMIN_ACTIONS:
        return answer_operator(call, route.action)
    if route.action in MEMORY_ACTIONS:
        return answer_for_memories(call, route.action)
    return answer_for_conversation(call, route.action)


def make_call(request: Request, route: Route, settings: Settings) -> Call:
    """Look at the credential that counts, and read the body if one is looked at."""
    operation, headers = route.operation, request.headers
    caller = parse_stranger(headers, settings.client_address_header)
    if operation.access == "admin":
        check_operator(headers, parse_admin_token(get_variable))
    elif operation.access != "none":
        caller = parse_caller(request.method, headers, settings.client_address_header)
    body = b""
    if operation.takes is not None:
        body = request.read_body(body_limit(operation.takes, settings))
    fencing = secrets.token_hex(FENCING_BYTES)
    until = moment_in(settings.turn_timeout_s) if route.action in TURNS else None
    return Call(request.uri, headers, route.parts, body, caller, settings, fencing, until)


def has_operator() -> bool:
    """Say whether there is an operator's token."""
    return bool(parse_admin_token(get_variable))


def start_session(call: Call) -> Response:
    """Give a credential, of which a client's address has so many a minute."""
    count_session(call.settings, call.caller)
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
    with call.connect(owner) as parts:
        stopwatch = Stopwatch(time.perf_counter)
        timing = Timing(time.time, stopwatch)
        model = make_model(settings, make_word, call.until)
        taker = TurnTaker(parts.turns, model, parts.recaller, settings, timing)
        if asked.conversation_id is not None:
            result = taker.resume(asked.conversation_id, asked.prompt, repetition)
        else:
            result = taker.start(asked.context or "", asked.prompt, owner, repetition)
        response = render_turn_result(result, session, caller, parts.hot_turns.quota)
        facts = {**response.facts, "model_ms": round(stopwatch.model_ms, 1)}
        return replace(response, facts=facts)


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
    with call.connect(call.caller.owner) as parts:
        return render_list(*parts.conversations.list_page(query.cursor, query.limit))


def answer_for_conversation(call: Call, action: Action) -> Response:
    """Do what is done with one conversation but take turns."""
    conversation_id = parse_id(call.parts["id"])
    with call.connect(call.caller.owner) as parts:
        asked = Asked(
            conversation_id=conversation_id,
            parts=call.parts,
            uri=call.uri,
            body=call.body,
            settings=call.settings,
            store=parts.conversations,
            turns=parts.turns,
            embedder=parts.embedder,
            recaller=parts.recaller,
            clock=time.time,
        )
        return ACTIONS[action](asked)


def answer_for_memories(call: Call, action: Action) -> Response:
    """Do what is done with the caller's long-term memories."""
    with call.connect(call.caller.needed_owner()) as parts:
        if parts.memory is None:
            raise MemoryOff
        asked = AskedMemory(
            parts=call.parts,
            uri=call.uri,
            body=call.body,
            settings=call.settings,
            memory=parts.memory,
            turns=parts.turns,
            fencing=call.fencing,
            clock=time.time,
        )
        return MEMORY_ACTIONS[action](asked)


def answer_operator(call: Call, action: Action) -> Response:
    """Do what an operator asks for."""
    with open_redis(call.settings.redis_url) as connection:
        parts = AdminParts(Redis(connection), call.settings, call.fencing, time.time())
        return ADMIN_ACTIONS[action](parts.asked(time.time, time.perf_counter))


def export_all(call: Call) -> Response:
    """Give the caller all that is kept of it, as it is read; it counts as a turn."""
    return render_lines(read_export(call, call.caller.needed_owner()))


def read_export(call: Call, owner: str) -> Iterator[Line]:
    """Read it; the connection is open until the last line."""
    with call.connect(owner) as parts:
        parts.turns.admit(None)
        yield from export(parts.make_snapshots(), parts.memory, call.settings, time.time())


def import_all(call: Call) -> Response:
    """Take an export back; it counts as a turn, and before it is read by its size."""
    owner, settings = call.caller.needed_owner(), call.settings
    with call.connect(owner) as parts:
        parts.turns.admit(None)
        parts.count_import(len(call.body))
        exported = parse_export(call.body, settings.max_prompt_bytes, time.time())
        return render_imported(parts.make_importer().take(exported))


def erase_me(call: Call) -> Response:
    """Remove all of the caller, from each store whatever becomes of the other.

    It counts as a turn of the client's address: what is kept of the owner's turns goes with it.
    """
    owner = call.caller.needed_owner()
    who = Who(replace(call.caller, owner=None), None, call.fencing)
    with erasure(call.settings, who, owner) as is_marked:
        receipt = erase(make_erasers(call.settings, owner, is_marked=is_marked))
    return render_receipt(receipt, call.caller)


def check_health(call: Call) -> Response:
    """Say which parts answer; the model is asked for one token, which it may charge for."""
    return render_health(
        {name: ask() for name, ask in make_probes(call.settings, make_word).items()}
    )


def check_readiness(call: Call) -> Response:
    """Say whether this service can take turns: its settings, and Redis.

    The model is not asked: while it is away, all else is of use.
    """
    parse_admin_token(get_variable)
    return render_health({"redis": make_redis_probe(call.settings)()})


def make_word() -> str:
    """Make a word that nobody can guess."""
    return secrets.token_hex(WORD_BYTES)


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
    "check_readiness": check_readiness,
}
