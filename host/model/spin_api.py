"""The protocol of `[llm_compute] type = "remote_http"`: `POST /infer` and `POST /embed`.

Source: spin `crates/llm-remote-http/src/default.rs`; the proxy that `spin cloud-gpu init` sets up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from host.engines.parts import Part
from host.engines.port import Embeddings, InferencingParams
from host.model.fields import Fields, parse_json

MAX_U32 = 2**32 - 1
MAX_TOKENS = 2**31 - 1
"""llama.cpp counts tokens in signed 32-bit numbers, Spin in unsigned ones."""
MAX_TEXTS = 2048
LEAST_PENALTY, MAX_PENALTY = 0.01, 100
MAX_TEMPERATURE = 100


@dataclass(frozen=True)
class InferRequest:
    """A prompt that the client has rendered, and how to complete it."""

    model: str
    prompt: str
    params: InferencingParams


@dataclass(frozen=True)
class EmbedRequest:
    """Texts for an embedding model."""

    model: str
    texts: list[str]


def parse_infer(body: bytes) -> InferRequest:
    """Parse the body of `POST /infer`; a missing option has Spin's default.

    Errors: Refused.
    """
    fields = Fields(parse_json(body))
    fields.only({"model", "prompt", "options"})
    model, prompt = fields.text("model"), fields.text("prompt")
    options = fields.get("options")
    return InferRequest(model, prompt, _parse_options({} if options is None else options))


def _parse_options(data: Any) -> InferencingParams:
    options = Fields(data, "options")
    counts = {
        "maxTokens": "max_tokens",
        "topK": "top_k",
        "repeatPenaltyLastNTokenCount": "repeat_penalty_last_n_token_count",
    }
    numbers = {
        "repeatPenalty": ("repeat_penalty", LEAST_PENALTY, MAX_PENALTY),
        "temperature": ("temperature", 0, MAX_TEMPERATURE),
        "topP": ("top_p", 0, 1),
    }
    options.only(counts | numbers)
    values: dict[str, Any] = {}
    for name, own in counts.items():
        count = options.whole(name, 0, MAX_U32)
        values[own] = None if count is None else min(count, MAX_TOKENS)
    for name, (own, low, high) in numbers.items():
        values[own] = options.number(name, low, high)
    return InferencingParams(**{own: value for own, value in values.items() if value is not None})


def parse_embed(body: bytes) -> EmbedRequest:
    """Parse the body of `POST /embed`.

    Errors: Refused.
    """
    fields = Fields(parse_json(body))
    fields.only({"model", "input"})
    return EmbedRequest(fields.text("model"), fields.texts("input", MAX_TEXTS))


def render_completion(parts: Sequence[Part]) -> dict[str, Any]:
    """Render the whole of a completion."""
    usage = next(part.usage for part in reversed(parts) if part.usage is not None)
    return {
        "text": "".join(part.text for part in parts),
        "usage": {
            "promptTokenCount": usage.prompt_tokens,
            "generatedTokenCount": usage.completion_tokens,
        },
    }


def render_embeddings(results: Sequence[Embeddings]) -> dict[str, Any]:
    """Render embeddings, each made in a call of its own.

    The count of tokens is that of the longest text, as in Spin.
    """
    return {
        "embeddings": [vector for result in results for vector in result.embeddings],
        "usage": {"promptTokenCount": max((r.prompt_tokens for r in results), default=0)},
    }
