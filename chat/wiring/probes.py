"""Puts together the functions that check the health of each part."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from chat.core.errors import StoreUnavailable
from chat.core.messages import Message
from chat.http.call import Probes
from chat.redis.connection import Redis
from chat.redis.health import KEPT_S, probe_store, tried_once
from chat.settings import Settings
from chat.spin.host import Host
from chat.usecases.check_health import Health, note_on, tried
from chat.usecases.parts import outcome
from chat.usecases.ports import Clock
from chat.wiring.models import make_collection, make_model
from chat.wiring.turn_stores import common_of

FRESH_S = 5
"""How old the model's health may be where somebody asks for it."""
SCRAPE_S = 5
"""How long a part may take to answer for a scrape, which Prometheus gives up after ten seconds."""


def make_redis_probe(host: Host, settings: Settings) -> Callable[[], Awaitable[Health]]:
    """Return the function that checks whether Redis takes writes."""

    async def ask() -> Health:
        try:
            async with host.open_redis(settings.redis) as connection:
                return await probe_store(Redis(connection), settings.key_prefix)
        except StoreUnavailable as error:
            return Health(error.code, str(error))

    return ask


def make_model_probe(
    host: Host, settings: Settings, make_word: Callable[[], str], clock: Clock, *, is_scrape: bool
) -> Callable[[], Awaitable[Health | None]]:
    """Return the function that checks whether the model answers; it is asked for one token.

    Its health is kept in Redis for a moment, for a scrape as long as it is kept there. Without
    Redis, a scrape does not ask, since it would ask each time; the health is None then.
    """
    until = host.moment_in(SCRAPE_S) if is_scrape else None
    max_age_s = KEPT_S if is_scrape else FRESH_S

    async def ask_model() -> str:
        one_token = replace(settings.sampling, max_reply_tokens=1)
        model = make_model(host, settings, make_word, until)
        parts = model.complete([Message("user", "Hi")], one_token)
        return note_on(await outcome(parts), settings.context_length)

    async def ask() -> Health | None:
        try_it = partial(tried, ask_model)
        with suppress(StoreUnavailable):
            async with host.open_redis(settings.redis) as connection:
                redis, at = Redis(connection), clock()
                prefix = common_of(settings)
                return await tried_once(redis, prefix, try_it, at=at, max_age_s=max_age_s)
        return None if is_scrape else await try_it()

    return ask


def make_probes(
    host: Host,
    settings: Settings,
    make_word: Callable[[], str],
    clock: Clock,
    *,
    is_scrape: bool,
) -> Probes:
    """Return the functions that check each part that a turn needs, by the part's name."""
    probes: dict[str, Callable[[], Awaitable[Health | None]]] = {
        "redis": make_redis_probe(host, settings),
        "model": make_model_probe(host, settings, make_word, clock, is_scrape=is_scrape),
    }
    if settings.chroma is not None:
        until = host.moment_in(SCRAPE_S) if is_scrape else None
        collection = make_collection(host, settings, settings.chroma, "", until)

        async def ask_chroma() -> str:
            await collection.is_there()
            return ""

        probes["chroma"] = lambda: tried(ask_chroma)
    return probes
