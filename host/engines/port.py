"""The port between `fermyon:spin/llm` and the engines that run models."""

from dataclasses import dataclass
from typing import Protocol


class EngineError(Exception):
    """A failed call; `case` is model-not-supported, runtime-error or invalid-input."""

    def __init__(self, case: str, text: str) -> None:
        super().__init__(text)
        self.case = case


@dataclass(frozen=True)
class InferencingParams:
    """How one completion is sampled; the defaults are Spin's."""

    max_tokens: int = 100
    repeat_penalty: float = 1.1
    repeat_penalty_last_n_token_count: int = 64
    temperature: float = 0.8
    top_k: int = 40
    top_p: float = 0.9


@dataclass(frozen=True)
class Completion:
    """A model's raw text and its usage in tokens."""

    text: str
    prompt_tokens: int
    generated_tokens: int


@dataclass(frozen=True)
class Embeddings:
    """One embedding for each text, and the number of tokens that were read."""

    embeddings: list[list[float]]
    prompt_tokens: int


class LlmEngine(Protocol):
    """Runs models; only one request at a time calls it, as in Spin."""

    def infer(self, model: str, prompt: str, params: InferencingParams) -> Completion:
        """Complete `prompt`.

        Errors: EngineError.
        """

    def embed(self, model: str, texts: list[str]) -> Embeddings:
        """Embed `texts`.

        Errors: EngineError.
        """

    def close(self) -> None:
        """Close the engine's connections, or unload its models."""
