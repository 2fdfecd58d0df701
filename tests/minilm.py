"""The real embedding model in the tests' own process."""

import functools
from collections.abc import Sequence

from host.engines.minilm import MiniLm


@functools.cache
def load() -> MiniLm:
    return MiniLm.load()


def embed(texts: Sequence[str]) -> list[list[float]]:
    return [[float(value) for value in vector] for vector in load().embed(list(texts))[0]]


class MiniLmEmbedder:
    """The `Embedder` port; `asked` keeps what it embedded."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        self.asked += texts
        return list(embed(texts))
