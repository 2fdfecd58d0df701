"""Answers any request over a host: finds what answers it, and what becomes of an error."""

import time
from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from chat.core.counters import error_counter
from chat.core.errors import ChatError, InternalError, InvalidSetting, StoreUnavailable
from chat.core.memo import memo
from chat.core.served import Tally, uncounted
from chat.http.call import Call, Outside, Request
from chat.http.cors import check_origin, cors_headers
from chat.http.credentials import check_operator
from chat.http.log_line import (
    Fact,
    Logged,
    describe_request,
    level_of,
    parse_request_id,
)
from chat.http.openapi import describe_api
from chat.http.operation import Operation
from chat.http.response import Response, guarded, render_error, render_error_line
from chat.http.trace import parse_trace
from chat.redis.connection import Redis
from chat.redis.counters import RedisStats
from chat.redis.keys import common_prefix
from chat.settings import (
    Settings,
    parse_admin_token,
    parse_cors_origins,
    parse_settings,
    parse_store,
)
from chat.spin.answers import CutOff
from chat.spin.current import Current, begin, current
from chat.spin.host import Host
from chat.spin.log import log
from chat.wiring.after_answer import AfterAnswer, Room
from chat.wiring.backend import SpinBackend
from chat.wiring.chance import make_fencing, make_token, make_word
from chat.wiring.net import caught
from chat.wiring.surfaces import ROUTES, SURFACES, find_surface


@dataclass(frozen=True)
class Service:
    """The chat over one host; it keeps the settings, and nothing of a request."""

    host: Host

    @cached_property
    def outside(self) -> Outside:
        """What comes from outside and is no store."""
        return Outside(
            self.host.get_variable,
            lambda: self.settings,
            time.time,
            time.perf_counter,
            make_token,
            lambda: describe_api(SURFACES, has_admin=self.has_operator()),
        )

    @cached_property
    def settings(self) -> Settings:
        """The settings.

        Errors: InvalidSetting.
        """
        return parse_settings(self.host.get_variable)

    @cached_property
    def origins(self) -> Sequence[str]:
        """The origins whose pages may use the API.

        Errors: InvalidSetting.
        """
        return parse_cors_origins(self.host.get_variable)

    @cached_property
    def room(self) -> Room:
        """The room for what runs behind answers."""
        return Room()

    async def answer(self, asked: Request, closing: AsyncExitStack) -> Response:
        """Return the response to any request, with the headers that every response has.

        `closing` closes what was opened for it, and runs what only later requests need: once it is
        sent and noted, since nobody has to wait for that.
        """
        operation = ROUTES.find_operation(asked.method, asked.uri)
        is_stored_whole = operation is not None and operation.is_stored_whole
        fail = partial(find_surface(asked.uri).answer_error, is_stored_whole=is_stored_whole)
        tally = self._make_tally(asked, operation)
        results: dict[Hashable, Any] = {}
        facts: dict[str, Fact] = {}
        with memo(results):
            response = await caught(self._respond(asked, closing, facts, tally), fail)
        response.facts.update({**facts, **response.facts})
        if response.chunks is not None:
            chunks = followed(response, response.chunks, fail, results)
            response = replace(response, chunks=chunks)
        allowed = response.headers.get("allow", "")
        shared = cors_headers(asked.method, asked.headers, allowed, self._known_origins())
        return guarded(response, request_id(), shared, tally)

    def _make_tally(self, asked: Request, operation: Operation | None) -> Tally:
        """Return what counts a request on the route that it asks for."""
        if operation is None or not operation.is_counted:
            return uncounted()
        route, status = ROUTES.find_template(asked.uri) or "", min(operation.gives, default=0)
        return Tally(asked.method, route, status, self.outside.timer)

    def _known_origins(self) -> Sequence[str]:
        try:
            return self.origins
        except ChatError:
            return ()

    async def _respond(
        self, request: Request, closing: AsyncExitStack, facts: dict[str, Fact], tally: Tally
    ) -> Response:
        """Return the response to a request.

        Errors: ChatError.
        """
        _ = self.origins  # if an origin is unusable, every request has to fail
        route = ROUTES.find_route(request.method, request.uri, self.has_operator)
        operation = route.operation
        if operation is None:
            return Response(204, headers={"allow": route.allowed})
        later = AfterAnswer(closing, self.room)
        backend = SpinBackend(self.host, closing, make_word, later, tally)
        call = Call(request, route.parts, operation, make_fencing(), self.outside, backend, facts)
        await self._admit(call, operation)
        return await operation.handler(call)

    async def _admit(self, call: Call, operation: Operation) -> None:
        """Refuse a request that may not have what it asks for, or whose body is invalid.

        Errors: ForeignOrigin, OperatorNeeded, CredentialNeeded, InvalidCredential, MemoryOff, those
                of a body, and InvalidSetting if a setting is unusable and the operation needs the
                settings.
        """
        if operation.checks_origin:
            check_origin(call.headers, self.origins)
        if operation.access == "admin":
            check_operator(call.headers, parse_admin_token(self.host.get_variable))
        if operation.access in {"optional", "owner"}:
            _ = call.caller  # an unusable credential is refused before the body is read
        await call.read_body()
        if operation.access == "owner":
            call.caller.needed_owner()
        operation.check_memory(call.settings)

    def has_operator(self) -> bool:
        """Whether there is an operator's token."""
        return bool(parse_admin_token(self.host.get_variable))

    async def note(
        self, request: Request, response: Response, taken_s: float, *, is_whole: bool
    ) -> None:
        """Write a line about a request to the log, and count it, after it was answered."""
        logged = Logged(
            method=request.method,
            route=ROUTES.find_template(request.uri),
            status=response.status,
            taken_s=taken_s,
            is_whole=is_whole,
            facts=response.facts,
        )
        log(level_of(response.status), "request", **describe_request(logged))
        await caught(self._count(request, response), lambda _: None)

    async def _count(self, request: Request, response: Response) -> None:
        """Count a request that was not counted with its turn, and its error.

        If Redis is away, only the log has the request.
        """
        code, tally = response.facts.get("code"), response.tally
        if code in {StoreUnavailable.code, InvalidSetting.code}:
            return
        is_due = tally is not None and not tally.is_counted
        served = tally.of_status(response.status) if tally and is_due else {}
        operation = ROUTES.find_operation(request.method, request.uri) if code else None
        errors = {error_counter(operation.action, str(code)): 1} if operation else {}
        if served or errors:
            address, prefix = parse_store(self.host.get_variable)
            async with self.host.open_redis(address) as connection:
                common = common_prefix(prefix, is_sharded=address.mode == "cluster")
                await RedisStats(Redis(connection), common).count(errors, time.time(), served)


async def followed(
    response: Response,
    chunks: AsyncGenerator[bytes, None],
    fail: Callable[[ChatError], Response],
    results: dict[Hashable, Any],
) -> AsyncGenerator[bytes, None]:
    """Yield the chunks of a body; an error becomes the last one, and its code goes to the log.

    If nobody wants more of them, the chunks are closed, which undoes what their request holds.
    Errors: CutOff behind the error, unless that was an event: a body of lines is not whole then.
    """

    async def read() -> bytes | ChatError | None:
        with memo(results):
            return await anext(chunks, None)

    try:
        while (chunk := await caught(read(), lambda error: error)) is not None:
            if not isinstance(chunk, ChatError):
                yield chunk
            elif response.error_event is not None:
                failed = fail(chunk)
                response.facts.update(failed.facts)
                yield response.error_event(chunk, failed.body)
                return
            else:
                response.facts["code"] = chunk.code
                yield render_error_line(chunk)
                raise CutOff
    finally:
        await caught(chunks.aclose(), lambda _: None)


def failed_answer() -> Response:
    """Return the response where not even an error could be answered otherwise."""
    return guarded(render_error(InternalError(), is_stored_whole=False), request_id(), {})


def begin_request(request: Request) -> None:
    """Say that this request runs here from now on: with its own id or a new one, in its trace."""
    named = parse_request_id(request.headers, make_fencing())
    begin(Current(named, parse_trace(request.headers, make_word())))


def request_id() -> str:
    """Return the id of the request that runs here."""
    about = current()
    return about.request_id if about else ""
