"""The real embedding model in the tests' own process."""

import functools
from collections.abc import Sequence

from host.engines.minilm import MiniLm

KEPT_TEXTS = 10_000
"""How many embeddings are kept (of 3 kB each), because many tests say the same."""


@functools.cache
def load() -> MiniLm:
    return MiniLm.load()


@functools.lru_cache(KEPT_TEXTS)
def embed_one(text: str) -> tuple[float, ...]:
    return tuple(float(value) for value in load().embed([text])[0][0])


def embed(texts: Sequence[str]) -> list[list[float]]:
    return [list(embed_one(text)) for text in texts]


class MiniLmEmbedder:
    """The `Embedder` port; `asked` keeps what it embedded."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        self.asked += texts
        return list(embed(texts))
