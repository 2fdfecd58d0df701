"""A wrong embedding is a failed model: nothing is kept of it, and nothing is compared with it."""

import json
import math
from collections.abc import Sequence

import pytest

from chat.core.errors import ModelFailed, OtherLength
from chat.core.vectors import comparable
from chat.llm.answers import parse_embeddings
from chat.llm.once import OnceEmbedder
from tests.chat.embedders import Embeddings


class Lengths:
    """An embedder that gives its texts embeddings of these lengths."""

    def __init__(self, *lengths: int) -> None:
        self._lengths = lengths

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        assert texts
        return [[1.0] * length for length in self._lengths]


@pytest.mark.parametrize(
    "embedding",
    [
        pytest.param([], id="of nothing"),
        pytest.param([0.0, -0.0, 0.0], id="of zeros"),
        pytest.param([1.0, math.nan], id="not a number"),
        pytest.param([1.0, math.inf], id="infinite"),
        pytest.param([1e308] * 10, id="longer than any number"),
    ],
)
async def test_an_embedding_without_a_direction_is_a_failed_model(
    embedding: Sequence[float],
) -> None:
    with pytest.raises(ModelFailed, match="no usable embedding"):
        await OnceEmbedder(Embeddings(embedding)).embed(["a"])


@pytest.mark.parametrize("embedding", [[5e-324, 0.0], [1e200, 1e200], [3, 4], [-0.6, 0.8]], ids=str)
async def test_an_embedding_with_a_direction_is_made_as_long_as_one(
    embedding: Sequence[float],
) -> None:
    (made,) = await OnceEmbedder(Embeddings(embedding)).embed(["a"])

    assert math.isclose(math.hypot(*made), 1.0)


async def test_embeddings_of_two_lengths_are_a_failed_model() -> None:
    with pytest.raises(OtherLength):
        await OnceEmbedder(Lengths(3, 2)).embed(["a", "b"])
    embedder = OnceEmbedder(Embeddings([1.0, 2.0, 3.0], [1.0, 2.0]))
    await embedder.embed(["a"])
    with pytest.raises(OtherLength):
        await embedder.embed(["b"])


@pytest.mark.parametrize("lengths", [(), (1,), (1, 1, 1)])
async def test_another_number_of_embeddings_is_a_failed_model(lengths: tuple[int, ...]) -> None:
    with pytest.raises(ModelFailed):
        await OnceEmbedder(Lengths(*lengths)).embed(["a", "b"])


def test_kept_embeddings_of_another_length_are_made_anew() -> None:
    kept = {"one": [1.0, 0.0], "none": (), "other": [1.0]}

    assert comparable([0.0, 1.0], kept) == {"one": [1.0, 0.0]}
    assert comparable([0.0, 1.0], {"none": ()}) == {}
    assert comparable([0.0, 1.0, 0.0], kept) == {}


def rows(*rows: object) -> bytes:
    return json.dumps({"data": rows}).encode()


def test_an_endpoints_embeddings_are_told_apart_by_their_index() -> None:
    body = rows({"index": 1, "embedding": [2, 0.5]}, {"index": 0, "embedding": [1.0, 0]})

    assert parse_embeddings(200, body, 2) == [[1.0, 0.0], [2.0, 0.5]]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(rows({"index": 0, "embedding": [True]}), id="true"),
        pytest.param(rows({"index": 0, "embedding": ["1.0"]}), id="a text"),
        pytest.param(rows({"index": 0, "embedding": [[1.0]]}), id="a list"),
        pytest.param(rows({"index": 0, "embedding": [None]}), id="null"),
        pytest.param(rows({"index": 0, "embedding": {"1": 2}}), id="an object"),
        pytest.param(rows({"index": 0, "embedding": 7}), id="a number"),
        pytest.param(rows({"index": 0, "embedding": [10**400]}), id="beyond a double"),
        pytest.param(rows({"index": 0, "embedding": [math.nan]}), id="not a number"),
        pytest.param(rows({"index": 1, "embedding": [1.0]}), id="another index"),
        pytest.param(rows({"index": [0], "embedding": [1.0]}), id="a list as index"),
        pytest.param(rows({"embedding": [1.0]}), id="no index"),
        pytest.param(rows(*[{"index": 0, "embedding": [1.0]}] * 2), id="an index twice"),
        pytest.param(rows(), id="none"),
        pytest.param(rows(7), id="no object"),
        pytest.param(b'{"data":7}', id="no list"),
    ],
)
def test_an_endpoints_answer_without_numbers_is_a_failed_model(body: bytes) -> None:
    with pytest.raises(ModelFailed):
        parse_embeddings(200, body, 1)
