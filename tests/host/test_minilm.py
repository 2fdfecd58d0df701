"""all-MiniLM-L6-v2 against values that sentence-transformers computed with PyTorch."""

import json

import numpy as np
import pytest

from host.engines.minilm import WIDTH, MiniLm
from tests.running import ROOT

pytestmark = pytest.mark.long

REFERENCE = json.loads((ROOT / "tests" / "data" / "minilm.json").read_text())["cases"]


@pytest.fixture(scope="module")
def minilm() -> MiniLm:
    return MiniLm.load()


@pytest.mark.parametrize("case", REFERENCE, ids=lambda case: case["text"][:20])
def test_an_embedding_is_the_references(minilm: MiniLm, case: dict[str, object]) -> None:
    (vector,), _ = minilm.embed([str(case["text"])])

    assert len(vector) == WIDTH
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert np.abs(np.array(vector) - np.array(case["embedding"])).max() < 1e-3


def test_several_texts_are_embedded_each_for_itself(minilm: MiniLm) -> None:
    together, tokens = minilm.embed([case["text"] for case in REFERENCE[:2]])
    (alone,), _ = minilm.embed([REFERENCE[1]["text"]])

    assert together[1] == alone
    assert tokens > 0


def test_no_text_is_no_embedding(minilm: MiniLm) -> None:
    assert minilm.embed([]) == ([], 0)
