"""What is done with embeddings: how far they are apart, and each text embedded once."""

import math
from collections.abc import Iterator, Sequence
from operator import mul

from chat.keys import digest
from chat.messages import Place
from chat.ports import Embedder

BATCH = 64
"""Texts that an embedder is given at once."""
MODEL_DIGITS = 8
SIGNATURE_BITS = 512
"""More tell little more."""


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Give the cosine distance of two embeddings: 0 to 2; 2 where it has no meaning."""
    norms = math.sqrt(sum(map(mul, one, one)) * sum(map(mul, other, other)))
    if len(one) != len(other) or norms == 0:
        return 2.0
    return max(0.0, 1.0 - float(sum(map(mul, one, other))) / norms)


def signature(embedding: Sequence[float]) -> int:
    """Give the signs of an embedding's first values as bits.

    Two embeddings differ in few of them if they are near, and that is told at once, where their
    distance takes a hundred times as long.
    Source: Charikar, Similarity estimation techniques from rounding algorithms (2002).
    """
    bits = "".join(["1" if value > 0 else "0" for value in embedding[:SIGNATURE_BITS]])
    return int(f"1{bits}", 2)


def model_tag(model: str) -> str:
    """Name an embedding model in what is kept: those of two models do not compare."""
    return digest("model", model)[:MODEL_DIGITS]


def embedding_name(tag: str, place: Place) -> str:
    """Name the embedding of a message of a conversation, by one model."""
    return f"{tag}:{place}"


class OnceEmbedder:
    """An embedder that asks another one, once for each text of a request, in batches."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Sequence[float]] = {}

    def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """Embed each text.

        Errors: those of the port.
        """
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        for batch in _batches(missing):
            self._known |= zip(batch, self._embedder.embed(batch), strict=True)
        return [self._known[text] for text in texts]


def _batches(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), BATCH):
        yield texts[start : start + BATCH]
