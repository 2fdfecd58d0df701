"""The component: puts settings, adapters and the use case together for each request."""

import secrets
import time

from spin_sdk import http
from spin_sdk.http import Request

from chat.errors import ChatError
from chat.openai import OpenAiModel
from chat.ports import LanguageModel
from chat.redis_store import RedisStore
from chat.requests import TurnRequest, parse_turn_request
from chat.responses import Response, render_error, render_json, render_turn_result
from chat.routes import allowed_methods, find_action, parse_path
from chat.settings import Settings, parse_settings
from chat.spin import RedisConnection, SpinModel, get_variable, open_redis
from chat.spin_http import SpinEndpoint
from chat.turn import TurnTaker

FENCING_BYTES = 16
MS_PER_S = 1000


class IncomingHandler(http.IncomingHandler):
    """Spin's entry: one instance, one request."""

    def handle_request(self, request: Request) -> http.Response:
        """Answer any request; an error that is not the chat's own ends the instance."""
        try:
            response = respond(request)
        except ChatError as error:
            response = render_error(error)
        return http.Response(response.status, dict(response.headers), response.body)


def respond(request: Request) -> Response:
    """Answer a request, or raise ChatError."""
    path = parse_path(request.uri)
    match find_action(request.method, path):
        case "options":
            return Response(204, headers={"allow": allowed_methods(path)})
        case "health":
            return check_health()
        case "take_turn":
            settings = parse_settings(get_variable)
            return take_turn(
                parse_turn_request(request.body or b"", settings.max_prompt_bytes), settings
            )


def take_turn(asked: TurnRequest, settings: Settings) -> Response:
    """Take a turn over one connection."""
    with open_redis(settings.redis_url) as connection:
        store = make_store(connection, settings)
        taker = TurnTaker(store, make_model(settings), time.time, settings)
        if asked.conversation_id is not None:
            return render_turn_result(taker.resume(asked.conversation_id, asked.prompt))
        return render_turn_result(taker.start(asked.context or "", asked.prompt))


def check_health() -> Response:
    """Say that the store answers."""
    settings = parse_settings(get_variable)
    with open_redis(settings.redis_url) as connection:
        make_store(connection, settings).ping()
    return render_json(200, {"status": "ok"})


def make_model(settings: Settings) -> LanguageModel:
    """Make what replies: an endpoint that the component asks itself, or Spin's own models."""
    if settings.model_endpoint is not None:
        endpoint = SpinEndpoint(settings.model_endpoint, settings.turn_timeout_s)
        return OpenAiModel(endpoint, settings.model)
    return SpinModel(settings.model, settings.prompt_format)


def make_store(connection: RedisConnection, settings: Settings) -> RedisStore:
    """Make this request's store; `turn_timeout_s` is how long it may hold a conversation."""
    return RedisStore(
        connection,
        prefix=settings.key_prefix,
        fencing=secrets.token_hex(FENCING_BYTES),
        lock_ms=settings.turn_timeout_s * MS_PER_S,
        archive_turns=settings.archive_turns,
    )
