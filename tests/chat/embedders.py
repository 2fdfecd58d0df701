"""Embedders that return what a test wants."""

from collections.abc import Sequence


class Embeddings:
    """An embedder that has one embedding for each call, for all of its texts."""

    def __init__(self, *embeddings: Sequence[float]) -> None:
        self._left = list(embeddings)

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        embedding = self._left.pop(0)
        return [embedding for _ in texts]
