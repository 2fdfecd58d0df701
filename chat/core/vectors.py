"""Checks embeddings, makes their signatures, and names the model that made them."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import mul
from typing import Literal

from chat.core.errors import ModelFailed, OtherLength
from chat.core.messages import Place
from chat.core.owners import digest

Way = Literal["spin, text by text", "openai"]
"""How a model is asked for embeddings: asked in another way, it may return other embeddings."""
BATCH = 64
"""How many texts an embedder is asked for at once."""
TAG_DIGITS = 8
SIGNATURE_BITS = 384
"""As many bits as an embedding of all-MiniLM-L6-v2 has values; more bits add little."""
SKETCH_BITS = 144
"""The first bits of a signature: they find as much, where eight times as many are looked at."""


def _sum_of_products(one: Sequence[float], other: Sequence[float]) -> float:
    return float(sum(map(mul, one, other)))


dot: Callable[[Sequence[float], Sequence[float]], float] = getattr(
    math, "sumprod", _sum_of_products
)
"""The guest's Python has `math.sumprod`, which takes a tenth of the time; Python 3.11 lacks it."""


def unit(embedding: Sequence[float]) -> Sequence[float]:
    """Return an embedding scaled to the length 1.

    Errors: ModelFailed if it has no direction: no values, only zeros, or values that are not
            finite.
    """
    norm = math.hypot(*embedding)
    if not 0 < norm < math.inf:
        raise ModelFailed("the embedding model gave no usable embedding")
    return [value / norm for value in embedding]


def check_length(embedding: Sequence[float], before: Iterable[Sequence[float]]) -> None:
    """Check that an embedding is as long as one that the model made before; empty ones are skipped.

    Errors: OtherLength if there are embeddings from before, and all have another length.
    """
    lengths = {len(one) for one in before} - {0}
    if lengths and len(embedding) not in lengths:
        raise OtherLength


def comparable(
    embedding: Sequence[float], kept: Mapping[str, Sequence[float]]
) -> dict[str, Sequence[float]]:
    """Return those of `kept` that are as long as `embedding`; the others have to be made anew."""
    return {name: one for name, one in kept.items() if len(one) == len(embedding)}


def signature(embedding: Sequence[float]) -> str:
    """Return the signs of an embedding's first values as bits, in hexadecimal digits.

    The signatures of two embeddings that are near each other differ in few bits. Comparing
    signatures takes a small part of the time that computing a distance takes.
    Source: Charikar, Similarity estimation techniques from rounding algorithms (2002).
    """
    bits = "".join(["1" if value > 0 else "0" for value in embedding[:SIGNATURE_BITS]])
    return f"{int(bits.ljust(SIGNATURE_BITS, '0'), 2):0{SIGNATURE_BITS // 4}x}"


def embedding_tag(model: str, way: Way) -> str:
    """Return a tag of a model and the way it is asked: embeddings of two tags do not compare."""
    return digest("embeddings", f"{way} {model}")[:TAG_DIGITS]


def embedding_name(tag: str, place: Place) -> str:
    """Return the name under which a message's embedding by one model is kept."""
    return f"{tag}:{place}"
