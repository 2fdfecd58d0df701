"""Real tokenizers, to count what the component can only estimate."""

import base64
import importlib.util
import json
import pathlib
from collections.abc import Callable

import sentencepiece
import tiktoken

from tests.running import ROOT

Count = Callable[[str], int]
DEMO_TOKENIZER = ROOT / "models" / "tokenizer.model"


def mistral_data() -> pathlib.Path:
    """Find the vocabularies in the `mistral-common` wheel, whose code is not needed."""
    spec = importlib.util.find_spec("mistral_common")
    assert spec is not None
    assert spec.origin is not None
    return pathlib.Path(spec.origin).parent / "data"


def load_sentencepiece(path: pathlib.Path) -> Count:
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return lambda text: len(processor.encode(text))


def load_tekken(path: pathlib.Path) -> Count:
    data = json.loads(path.read_text())
    size = data["config"]["default_vocab_size"] - data["config"]["default_num_special_tokens"]
    ranks = {base64.b64decode(t["token_bytes"]): t["rank"] for t in data["vocab"][:size]}
    encoding = tiktoken.Encoding(
        "tekken", pat_str=data["config"]["pattern"], mergeable_ranks=ranks, special_tokens={}
    )
    return lambda text: len(encoding.encode_ordinary(text))


def load_tokenizers() -> dict[str, Count]:
    """Load a 32k SentencePiece, a 131k Tekken and the demo model's own 1k."""
    data = mistral_data()
    return {
        "sentencepiece-32k": load_sentencepiece(data / "tokenizer.model.v1"),
        "tekken-131k": load_tekken(data / "tekken_240911.json"),
        "demo-1k": load_sentencepiece(DEMO_TOKENIZER),
    }
