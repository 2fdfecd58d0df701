"""Finds the messages of a conversation that are about a prompt, by words and meaning."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from chat.context.ranking import By, choose, score_messages, shared_meanings
from chat.core.messages import Placed, Role
from chat.core.packed import distances
from chat.core.portions import slices
from chat.core.vectors import BATCH, comparable, embedding_name
from chat.usecases.ports import Embedder, EmbeddingStore, OwnedStore
from chat.usecases.read_messages import all_messages, read_messages


@dataclass(frozen=True)
class Relevant:
    """A message, and how far it is from the prompt.

    Units: `distance` is the cosine distance, from 0 for the same direction to 2 for the opposite;
           None for a message that was found by its words only, or because it is recent.
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
    by: By


async def find_relevant(
    store: OwnedStore, embedder: Embedder, tag: str, conversation_id: int, query: RelevantQuery
) -> list[Relevant]:
    """Return up to `top_k` messages that are about a prompt, the best first.

    By meaning, those within the distance threshold, the nearest first; by words, those that have
    words of the prompt, and no text is embedded; by both, those of either kind. If there are none,
    and the query wants a fall back, return the newest `top_k` messages.
    Errors: those of the ports.
    Source: RedisVL `SemanticMessageHistory.get_relevant`.
    """
    if query.top_k == 0:
        return []
    placed = [
        p
        for p in await all_messages(store, conversation_id)
        if p.message.role in query.roles and p.message.text
    ]
    near = await _found(store, embedder, tag, conversation_id, query, placed)
    if near or not query.fall_back:
        return near[: query.top_k]
    recent, _ = await read_messages(
        store, conversation_id, last=query.top_k, before=None, roles=query.roles
    )
    return [Relevant(message, None) for message in recent]


async def _found(
    store: OwnedStore,
    embedder: Embedder,
    tag: str,
    conversation_id: int,
    query: RelevantQuery,
    placed: Sequence[Placed],
) -> list[Relevant]:
    if query.by == "words":
        chosen = choose(score_messages(placed, query.prompt), (), (), 0.0)
        return [Relevant(placed[place], None) for place in chosen]
    apart = await _distances(store, embedder, tag, conversation_id, query.prompt, placed)
    if query.by == "meaning":
        near = [place for place, far in enumerate(apart) if far <= query.distance_threshold]
        chosen = sorted(near, key=apart.__getitem__)
    else:
        cosines = {place: 1 - far for place, far in enumerate(apart)}
        meanings = shared_meanings(range(len(placed)), cosines)
        words = score_messages(placed, query.prompt)
        chosen = choose(words, apart, meanings, query.distance_threshold)
    return [Relevant(placed[place], apart[place]) for place in chosen]


async def _distances(
    store: OwnedStore,
    embedder: Embedder,
    tag: str,
    conversation_id: int,
    prompt: str,
    placed: Sequence[Placed],
) -> list[float]:
    """Return how far each message is from the prompt."""
    wanted = (await embedder.embed([prompt]))[0]
    names = [embedding_name(tag, message.place) for message in placed]
    known = comparable(wanted, await store.load_embeddings(conversation_id, names))
    texts = {name: p.message.text for name, p in zip(names, placed, strict=True)}
    known |= await embed_rest(store, embedder, conversation_id, texts, known)
    return distances(wanted, [known[name] for name in names])


async def embed_rest(
    store: EmbeddingStore,
    embedder: Embedder,
    conversation_id: int,
    texts: Mapping[str, str],
    known: Collection[str],
) -> dict[str, Sequence[float]]:
    """Embed the texts whose names are not `known`, and keep the embeddings with the conversation.

    Because they are kept, no text is embedded twice.
    Errors: those of the ports.
    """
    missing = [name for name in texts if name not in known]
    made: dict[str, Sequence[float]] = {}
    for batch in slices(missing, BATCH):
        embeddings = await embedder.embed([texts[name] for name in batch])
        new = dict(zip(batch, embeddings, strict=True))
        await store.keep_embeddings(conversation_id, new)
        made |= new
    return made
