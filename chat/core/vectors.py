"""What is done with embeddings: how far they are apart, and each text embedded once."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import mul
from typing import Literal

from chat.core.errors import ModelFailed, OtherLength
from chat.core.messages import Place
from chat.core.owners import digest

Way = Literal["spin, text by text", "openai"]
"""How a model is asked for embeddings: it may give others when it is asked otherwise."""
BATCH = 64
"""Texts that an embedder is given at once."""
TAG_DIGITS = 8
SIGNATURE_BITS = 384
"""As many as all-MiniLM-L6-v2 has values; more tell little more."""


def _sum_of_products(one: Sequence[float], other: Sequence[float]) -> float:
    return float(sum(map(mul, one, other)))


dot: Callable[[Sequence[float], Sequence[float]], float] = getattr(
    math, "sumprod", _sum_of_products
)
"""The guest's Python has it in C, which is a tenth of the time; this project's oldest has not."""


def unit(embedding: Sequence[float]) -> Sequence[float]:
    """Give an embedding the length 1.

    Errors: ModelFailed for one without a direction: of no values, of zeros, or not finite.
    """
    norm = math.hypot(*embedding)
    if not 0 < norm < math.inf:
        raise ModelFailed("the embedding model gave no usable embedding")
    return [value / norm for value in embedding]


def check_length(embedding: Sequence[float], before: Iterable[Sequence[float]]) -> None:
    """Compare an embedding with those that the model gave before; empty ones are none.

    Errors: OtherLength if there are some, and none is as long.
    """
    lengths = {len(one) for one in before} - {0}
    if lengths and len(embedding) not in lengths:
        raise OtherLength


def comparable(
    embedding: Sequence[float], kept: Mapping[str, Sequence[float]]
) -> dict[str, Sequence[float]]:
    """Give those of `kept` that are as long as `embedding`; the others are to be made anew."""
    return {name: one for name, one in kept.items() if len(one) == len(embedding)}


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """Give the cosine distance of two unit embeddings: 0 to 2; 2 where it has no meaning."""
    return max(0.0, 1.0 - dot(one, other)) if len(one) == len(other) else 2.0


def signature(embedding: Sequence[float]) -> str:
    """Give the signs of an embedding's first values as bits, in hexadecimal digits.

    Two embeddings differ in few of them if they are near, and that is told at once, where their
    distance takes many times as long.
    Source: Charikar, Similarity estimation techniques from rounding algorithms (2002).
    """
    bits = "".join(["1" if value > 0 else "0" for value in embedding[:SIGNATURE_BITS]])
    return f"{int(bits.ljust(SIGNATURE_BITS, '0'), 2):0{SIGNATURE_BITS // 4}x}"


def embedding_tag(model: str, way: Way) -> str:
    """Name a model, and the way it is asked, in what is kept: embeddings of two do not compare."""
    return digest("embeddings", f"{way} {model}")[:TAG_DIGITS]


def embedding_name(tag: str, place: Place) -> str:
    """Name the embedding of a message of a conversation, by one model."""
    return f"{tag}:{place}"
