"""Puts together what replies and embeds, and how long it may take."""

from collections.abc import Callable
from dataclasses import dataclass

from chat.chroma.collection import Collection, collection_of
from chat.chroma.requests import base_path
from chat.core.addresses import ChromaAddress, ModelEndpoint
from chat.llm.openai import OpenAiEmbedder, OpenAiModel
from chat.settings import Settings
from chat.spin.clock import Moment
from chat.spin.models import SpinEmbedder, SpinModel
from chat.spin.outgoing import Limit, SpinChroma, SpinEndpoint
from chat.usecases.ports import Clock, Embedder, LanguageModel

CHROMA_TIMEOUT_S = 10
"""What a turn asks of Chroma has to be over long before its lock is."""


@dataclass(frozen=True)
class Means:
    """What a turn is taken with beside stores: until when, by which times, with which words.

    `until` is when it may ask models and Chroma last, None for what is no turn; `make_word` makes a
    word that nobody can guess.
    """

    clock: Clock
    timer: Clock
    make_word: Callable[[], str]
    until: Moment | None = None


def make_collection(
    settings: Settings,
    address: ChromaAddress,
    owner: str,
    until: Moment | None = None,
    check: Callable[[], None] = lambda: None,
) -> Collection:
    """Make an owner's collection in Chroma."""
    http = SpinChroma(address, chroma_limit(settings, until))
    base = base_path(address.tenant, address.database)
    tag = settings.embedding_tag
    return collection_of(http, base, settings.key_prefix, owner, tag, check)


def chroma_limit(settings: Settings, until: Moment | None = None) -> Limit:
    """Say how long Chroma may take for one request."""
    return Limit(max(1, min(CHROMA_TIMEOUT_S, settings.turn_timeout_s // 4)), until)


def make_model(
    settings: Settings, make_word: Callable[[], str], until: Moment | None = None
) -> LanguageModel:
    """Make what replies: an endpoint that the component asks itself, or Spin's own models.

    `make_word` makes a random word, by which a model's habits can be found out. An endpoint is
    given up at `until`; a call of Spin's own models takes as long as it does.
    """
    if settings.model_endpoint is not None:
        return OpenAiModel(make_endpoint(settings, settings.model_endpoint, until), settings.model)
    return SpinModel(settings.model, settings.prompt_format, make_word)


def make_embedder(settings: Settings, until: Moment | None) -> Embedder:
    """Make what embeds: an endpoint that the component asks itself, or Spin's own models."""
    if settings.embedding_endpoint is not None:
        endpoint = make_endpoint(settings, settings.embedding_endpoint, until)
        return OpenAiEmbedder(endpoint, settings.embedding_model)
    return SpinEmbedder(settings.embedding_model)


def make_endpoint(
    settings: Settings, endpoint: ModelEndpoint, until: Moment | None
) -> SpinEndpoint:
    """Make what sends requests to a model."""
    return SpinEndpoint(endpoint, Limit(settings.turn_timeout_s, until))
