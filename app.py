"""The component: puts settings, adapters and the use cases together for each request."""

import gc
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from spin_sdk.wit import exports
from spin_sdk.wit.imports.types import IncomingRequest, ResponseOutparam

from chat.core.counters import error_counter
from chat.core.errors import ChatError, InternalError, InvalidSetting, StoreUnavailable
from chat.core.refusals import MemoryOff
from chat.http.call import Call, Outside, Request
from chat.http.cors import cors_headers
from chat.http.credentials import check_operator
from chat.http.log_line import (
    REQUEST_ID_HEADER,
    Fact,
    Logged,
    parse_request_id,
    render_fault,
    render_log_line,
)
from chat.http.openapi import describe_api
from chat.http.operation import Operation
from chat.http.operations import OPERATIONS
from chat.http.response import Response, guarded, render_error, render_error_line
from chat.http.routes import find_operation, find_route, find_template
from chat.redis.connection import Redis
from chat.redis.counters import RedisStats
from chat.settings import parse_admin_token, parse_cors_origins, parse_store
from chat.spin.host import get_variable, log, open_redis
from chat.spin.incoming import read_request, send_response
from chat.spin.streams import CutOff
from chat.wiring.backend import SpinBackend

# An instance lives for one request. A garbage collection would find nothing, but would touch every
# object that was made at build time: each memory page of those would be copied, which takes longer
# than the turn.
gc.freeze()
gc.set_threshold(100_000)

Outcome = TypeVar("Outcome")
FENCING_BYTES = 16
TOKEN_BYTES = 32
WORD_BYTES = 8


class IncomingHandler(exports.IncomingHandler):
    """What Spin calls: each instance handles one request."""

    def handle(self, request: IncomingRequest, response_out: ResponseOutparam) -> None:
        """Answer any request, and write a line about it to the log."""
        begun = time.perf_counter()
        asked = read_request(request)
        request_id = parse_request_id(asked.headers, secrets.token_hex(FENCING_BYTES))
        with ExitStack() as closing:
            response = answer(asked, request_id, closing)
            send = partial(send_response, response_out, response, is_head=asked.method == "HEAD")
            is_whole = caught(request_id, send, lambda _: False)
        log_request(asked, response, time.perf_counter() - begun, is_whole=is_whole)
        caught(request_id, lambda: count_error(asked, response), lambda _: None)


def caught(
    request_id: str, act: Callable[[], Outcome], otherwise: Callable[[ChatError], Outcome]
) -> Outcome:
    """Return what `act` returns; after an error, return what `otherwise` makes of it.

    An exception that is no ChatError is written to the log under the request's id, and becomes an
    InternalError. By then, every `undone_on_error` on its way has undone what the request held.
    """
    try:
        return act()
    except ChatError as error:
        return otherwise(error)
    except Exception as fault:  # noqa: BLE001 - a trap would send no answer, and undo nothing
        log(render_fault(request_id, fault))
        return otherwise(InternalError())


def answer(asked: Request, request_id: str, closing: ExitStack) -> Response:
    """Return the response to any request, with the headers that every response has."""
    origins: Sequence[str] = caught(
        request_id, lambda: parse_cors_origins(get_variable), lambda _: ()
    )
    operation = find_operation(asked.method, asked.uri)
    is_stored_whole = operation is not None and operation.is_stored_whole
    fail = partial(render_error, is_stored_whole=is_stored_whole)
    response = caught(request_id, lambda: respond(asked, closing), fail)
    if response.chunks is not None:
        facts = dict(response.facts)
        chunks = followed(response.chunks, request_id, facts)
        response = replace(response, chunks=chunks, facts=facts)
    allowed = response.headers.get("allow", "")
    shared = cors_headers(asked.method, asked.headers, allowed, origins)
    return guarded(response, request_id, shared)


def followed(chunks: Iterator[bytes], request_id: str, facts: dict[str, Fact]) -> Iterator[bytes]:
    """Yield the chunks of a body; an error becomes the last line, and its code goes to the log.

    Errors: CutOff after such a line.
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


def log_request(request: Request, response: Response, taken_s: float, *, is_whole: bool) -> None:
    """Write a line about a request to the log."""
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
    """Count the error of a response that was sent; if Redis is away, only the log has the error."""
    operation, code = find_operation(request.method, request.uri), response.facts.get("code")
    if operation is None or code in {None, StoreUnavailable.code, InvalidSetting.code}:
        return
    url, prefix = parse_store(get_variable)
    with open_redis(url) as connection:
        counters = {error_counter(operation.action, str(code)): 1}
        RedisStats(Redis(connection), prefix).count(counters, time.time())


def respond(request: Request, closing: ExitStack) -> Response:
    """Return the response to a request.

    Errors: ChatError.
    """
    parse_cors_origins(get_variable)  # if an origin is unusable, every request has to fail
    route = find_route(request.method, request.uri, has_operator)
    operation = route.operation
    if operation is None:
        return Response(204, headers={"allow": route.allowed})
    call = Call(
        request,
        route.parts,
        operation,
        secrets.token_hex(FENCING_BYTES),
        OUTSIDE,
        SpinBackend(closing, make_word),
    )
    admit(call, operation)
    return operation.handler(call)


def admit(call: Call, operation: Operation) -> None:
    """Refuse a request that may not have what it asks for, or whose body is invalid.

    Errors: OperatorNeeded, CredentialNeeded, InvalidCredential, MemoryOff, those of a body, and
            InvalidSetting if a setting is unusable and the operation needs the settings.
    """
    if operation.access == "admin":
        check_operator(call.headers, parse_admin_token(get_variable))
    if operation.access in {"optional", "owner"}:
        caller, _ = call.caller, call.body  # parsing raises its errors before the next checks
        if operation.access == "owner":
            caller.needed_owner()
    if operation.needs_memory and not call.settings.long_term.is_on:
        raise MemoryOff


def has_operator() -> bool:
    """Whether there is an operator's token."""
    return bool(parse_admin_token(get_variable))


def make_word() -> str:
    """Return a word that nobody can guess."""
    return secrets.token_hex(WORD_BYTES)


def make_token() -> str:
    """Return a new credential."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def describe() -> Mapping[str, Any]:
    """Return the API's description, with the operators' operations if there is an operator."""
    return describe_api(OPERATIONS, has_admin=has_operator())


OUTSIDE = Outside(get_variable, time.time, time.perf_counter, make_token, describe)
