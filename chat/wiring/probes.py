"""Puts together the functions that check the health of each part."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace

from chat.core.errors import StoreUnavailable
from chat.core.messages import Message
from chat.redis.connection import Redis
from chat.redis.health import probe_store, tried_once
from chat.settings import Settings
from chat.spin.host import open_redis
from chat.usecases.check_health import Health, note_on, tried
from chat.wiring.models import make_collection, make_model


def make_redis_probe(settings: Settings) -> Callable[[], Health]:
    """Return the function that checks whether Redis takes writes."""

    def ask() -> str:
        with open_redis(settings.redis_url) as connection:
            probe_store(Redis(connection), settings.key_prefix)
        return ""

    return lambda: tried(ask)


def make_probes(
    settings: Settings, make_word: Callable[[], str]
) -> Mapping[str, Callable[[], Health]]:
    """Return the functions that check each part that a turn needs, by the part's name.

    The model is asked for one token.
    """

    def ask_model() -> str:
        one_token = replace(settings.sampling, max_reply_tokens=1)
        completion = make_model(settings, make_word).complete([Message("user", "Hi")], one_token)
        return note_on(completion, settings.context_length)

    def ask_model_once() -> Health:
        with suppress(StoreUnavailable), open_redis(settings.redis_url) as connection:
            return tried_once(Redis(connection), settings.key_prefix, ask_model)
        return tried(ask_model)

    probes = {"redis": make_redis_probe(settings), "model": ask_model_once}
    if settings.chroma is not None:
        collection = make_collection(settings, settings.chroma, "")

        def ask_chroma() -> str:
            collection.is_there()
            return ""

        probes["chroma"] = lambda: tried(ask_chroma)
    return probes
