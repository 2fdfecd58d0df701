"""Puts together the functions that check the health of each part."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from chat.core.errors import StoreUnavailable
from chat.core.messages import Message
from chat.redis.connection import Redis
from chat.redis.health import probe_store, tried_once
from chat.settings import Settings
from chat.spin.host import Host
from chat.usecases.check_health import Health, note_on, tried
from chat.usecases.parts import outcome
from chat.wiring.models import make_collection, make_model
from chat.wiring.turn_stores import common_of


def make_redis_probe(host: Host, settings: Settings) -> Callable[[], Awaitable[Health]]:
    """Return the function that checks whether Redis takes writes."""

    async def ask() -> str:
        async with host.open_redis(settings.redis) as connection:
            await probe_store(Redis(connection), common_of(settings))
        return ""

    return lambda: tried(ask)


def make_probes(
    host: Host, settings: Settings, make_word: Callable[[], str]
) -> Mapping[str, Callable[[], Awaitable[Health]]]:
    """Return the functions that check each part that a turn needs, by the part's name.

    The model is asked for one token.
    """

    async def ask_model() -> str:
        one_token = replace(settings.sampling, max_reply_tokens=1)
        parts = make_model(host, settings, make_word).complete([Message("user", "Hi")], one_token)
        return note_on(await outcome(parts), settings.context_length)

    async def ask_model_once() -> Health:
        with suppress(StoreUnavailable):
            async with host.open_redis(settings.redis) as connection:
                return await tried_once(Redis(connection), common_of(settings), ask_model)
        return await tried(ask_model)

    probes: dict[str, Callable[[], Awaitable[Health]]] = {
        "redis": make_redis_probe(host, settings),
        "model": ask_model_once,
    }
    if settings.chroma is not None:
        collection = make_collection(host, settings, settings.chroma, "")

        async def ask_chroma() -> str:
            await collection.is_there()
            return ""

        probes["chroma"] = lambda: tried(ask_chroma)
    return probes
