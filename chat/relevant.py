"""Finds the messages of a conversation that are about what a prompt is about."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Protocol

from chat.keys import digest
from chat.messages import Role
from chat.ports import ConversationStore, Embedder, EmbeddingStore
from chat.reading import Placed, all_messages, read_messages

BATCH = 64
"""Texts that an embedder is given at once."""
MODEL_DIGITS = 8


class Store(ConversationStore, EmbeddingStore, Protocol):
    """Both of what is needed of a conversation."""


@dataclass(frozen=True)
class Relevant:
    """A message, and how far it is from the prompt.

    Units: `distance` is the cosine distance, from 0 for the same direction to 2 for the opposite;
           None for a message that is only recent.
    """

    placed: Placed
    distance: float | None


@dataclass(frozen=True)
class RelevantQuery:
    """What `GET /conversations/{id}/relevant` asks for."""

    prompt: str
    top_k: int
    distance_threshold: float
    roles: Collection[Role]
    as_text: bool
    fall_back: bool


def find_relevant(
    store: Store, embedder: Embedder, model: str, conversation_id: int, query: RelevantQuery
) -> list[Relevant]:
    """Give up to `top_k` messages within the distance threshold, the nearest first.

    If there are none, and a fall back is wanted, the recent messages of this conversation.
    Errors: those of the ports.
    Source: RedisVL `SemanticMessageHistory.get_relevant`.
    """
    if query.top_k == 0:
        return []
    placed = [p for p in all_messages(store, conversation_id) if p.message.role in query.roles]
    embeddings = embed_messages(store, embedder, model, conversation_id, placed)
    wanted = embedder.embed([query.prompt])[0]
    found = [
        Relevant(message, distance(wanted, embedding))
        for message, embedding in zip(placed, embeddings, strict=True)
    ]
    near = [r for r in found if r.distance is not None and r.distance <= query.distance_threshold]
    if near or not query.fall_back:
        return sorted(near, key=lambda relevant: relevant.distance or 0.0)[: query.top_k]
    recent, _ = read_messages(
        store, conversation_id, last=query.top_k, before=None, roles=query.roles
    )
    return [Relevant(message, None) for message in recent]


def embed_messages(
    store: EmbeddingStore,
    embedder: Embedder,
    model: str,
    conversation_id: int,
    placed: Sequence[Placed],
) -> list[Sequence[float]]:
    """Give the embedding of each message; each is computed once, and kept with the conversation."""
    prefix = digest("model", model)[:MODEL_DIGITS]
    names = [f"{prefix}:{message.place}" for message in placed]
    known = dict(store.load_embeddings(conversation_id))
    missing = {
        name: message.message.content
        for name, message in zip(names, placed, strict=True)
        if name not in known
    }
    for batch in _batches(list(missing.items())):
        embeddings = embedder.embed([text for _, text in batch])
        new = {name: e for (name, _), e in zip(batch, embeddings, strict=True)}
        store.keep_embeddings(conversation_id, new)
        known |= new
    return [known[name] for name in names]


def _batches(items: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Give the cosine distance of two vectors: 0 to 2; 2 where it has no meaning."""
    norms = math.sqrt(sum(map(mul, one, one)) * sum(map(mul, other, other)))
    if len(one) != len(other) or norms == 0:
        return 2.0
    return max(0.0, 1.0 - float(sum(map(mul, one, other))) / norms)
