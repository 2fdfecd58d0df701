"""Embeddings as they are kept: small, and nearly as near to each other as before."""

import base64
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.core.packed import distances, pack, unpack
from chat.core.vectors import unit
from chat.redis.records import parse_embedding, render_embedding
from tests.minilm import embed

VALUES = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=400).filter(any)
TEXTS = ["How do I bake bread?", "Your rye bread needs an hour.", "My motorbike broke down."]


@given(VALUES)
def test_a_packed_embedding_is_as_long_and_differs_by_half_a_step(values: list[float]) -> None:
    kept = unpack(pack(values))

    assert len(kept) == len(values)
    assert math.hypot(*kept) == pytest.approx(math.hypot(*values), rel=1e-6)
    step = max(map(abs, values)) / 127
    longest = math.hypot(*(round(value / step) * step for value in values))
    exact = [value * longest / math.hypot(*values) for value in kept]
    assert all(abs(a - b) <= step * 0.51 for a, b in zip(exact, values, strict=True))


def test_distances_to_kept_embeddings_are_those_of_the_embeddings() -> None:
    wanted, *others = embed(TEXTS)
    kept = [parse_embedding(render_embedding(one)) for one in [wanted, *others]]

    assert distances(wanted, kept) == pytest.approx(distances(wanted, [wanted, *others]), abs=2e-3)
    assert distances(wanted, kept)[0] == pytest.approx(0, abs=1e-4)


def test_embeddings_that_were_kept_in_half_precision_are_read() -> None:
    wanted, other = embed(TEXTS[:2])
    before = base64.b64encode(struct.pack("<384e", *other)).decode()

    assert distances(wanted, [parse_embedding(before)]) == pytest.approx(
        distances(wanted, [other]), abs=1e-3
    )


@pytest.mark.parametrize("text", ["", "*", "*AAAA", "*AAAAAA==", "AAA", "A", "-", "*-", "é"])
def test_what_is_no_embedding_is_near_nothing(text: str) -> None:
    found = parse_embedding(text)

    assert distances(unit([1.0, 0.5]), [found]) == [2.0]


def test_an_embedding_of_zeros_can_be_kept() -> None:
    assert list(unpack(pack([0.0, 0.0]))) == [0.0, 0.0]
