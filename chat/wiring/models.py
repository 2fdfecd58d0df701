"""Makes the model, the embedder and the collection in Chroma, and limits how long each may take."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from chat.chroma.collection import Collection, collection_of
from chat.chroma.requests import base_path
from chat.core.addresses import ChromaAddress, ModelEndpoint
from chat.core.served import Tally
from chat.core.undoing import nothing
from chat.llm.openai import OpenAiEmbedder, OpenAiModel
from chat.settings import Settings
from chat.spin.answers import Limit, Moment
from chat.spin.endpoints import SpinChroma, SpinEndpoint
from chat.spin.host import Host
from chat.spin.models import SpinEmbedder, SpinModel
from chat.usecases.ports import Clock, Embedder, LanguageModel, Later

CHROMA_TIMEOUT_S = 10
"""The most that one request to Chroma may take: a turn must end long before its lock expires."""


@dataclass(frozen=True)
class Means:
    """What a request needs beside its stores: clocks, random words, a time behind it, a deadline.

    `clock` is the time of day, and `timer` only ever goes forward. `make_word` makes a word that
    nobody can guess. `later` runs what only later requests need. `tally` counts it. `until`
    is when the last request to a model or to Chroma must have ended, behind the answer as well;
    None without such a deadline.
    """

    host: Host
    clock: Clock
    timer: Clock
    make_word: Callable[[], str]
    later: Later
    tally: Tally
    until: Moment | None = None


def make_collection(
    host: Host,
    settings: Settings,
    address: ChromaAddress,
    owner: str,
    until: Moment | None = None,
    check: Callable[[], Awaitable[None]] = nothing,
) -> Collection:
    """Return an owner's collection in Chroma; this makes no request yet."""
    http = SpinChroma(host, address, chroma_limit(settings, until))
    base = base_path(address.tenant, address.database)
    tag = settings.embedding_tag
    return collection_of(http, base, settings.key_prefix, owner, tag, check)


def chroma_limit(settings: Settings, until: Moment | None = None) -> Limit:
    """Return how long Chroma may take for one request."""
    return Limit(max(1, min(CHROMA_TIMEOUT_S, settings.turn_timeout_s // 4)), until)


def make_model(
    host: Host, settings: Settings, make_word: Callable[[], str], until: Moment | None = None
) -> LanguageModel:
    """Return the model: at an endpoint that the component calls by itself, or one of Spin's.

    `make_word` makes a random word, for the ids of tool calls that come without, and to find out
    whether Spin's engine returns its prompt. A request to an endpoint is given up at `until`; a
    call of Spin's own models cannot be given up.
    """
    if settings.model_endpoint is not None:
        endpoint = make_endpoint(host, settings, settings.model_endpoint, until)
        return OpenAiModel(
            endpoint,
            settings.model,
            make_word,
            parameters=settings.model_endpoint.parameters,
            takes_images=settings.model_endpoint.image_tokens > 0,
        )
    return SpinModel(host.engine, settings.model, settings.prompt_format, make_word)


def make_embedder(host: Host, settings: Settings, until: Moment | None) -> Embedder:
    """Return the embedder: at an endpoint that the component calls by itself, or one of Spin's."""
    if settings.embedding_endpoint is not None:
        endpoint = make_endpoint(host, settings, settings.embedding_endpoint, until)
        return OpenAiEmbedder(endpoint, settings.embedding_model)
    return SpinEmbedder(host.engine, settings.embedding_model)


def make_endpoint(
    host: Host, settings: Settings, endpoint: ModelEndpoint, until: Moment | None
) -> SpinEndpoint:
    """Return what sends requests to a model's endpoint."""
    return SpinEndpoint(host, endpoint, Limit(settings.turn_timeout_s, until))
