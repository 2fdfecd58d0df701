"""Reads a model's output part by part from the events that llama.cpp streams.

Source: llama.cpp `tools/server/README.md`, which follows OpenAI's API reference.
"""

from dataclasses import dataclass
from typing import Any

from host.engines.port import EngineError

TOO_LONG = "exceed_context_size_error"


class ContextExceeded(EngineError):
    """A prompt has more tokens than the model can read."""


@dataclass(frozen=True)
class Usage:
    """How many tokens were read and written; `cached_tokens` of the prompt were read before."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int


@dataclass(frozen=True)
class Part:
    """Some text, which is empty while the prompt is read.

    The last parts say why the text ended, and what the usage was.
    """

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None


def parse_chunk(chunk: dict[str, Any]) -> Part:
    """Parse one event of a chat or a plain completion.

    Errors: EngineError, invalid-input or runtime-error, for an event that reports an error.
    """
    if "error" in chunk:
        raise parse_error(chunk["error"])
    choice = chunk["choices"][0] if chunk["choices"] else {}
    delta = choice.get("delta", choice)
    text = delta.get("text", delta.get("content"))
    return Part(
        text or "",
        delta.get("reasoning_content") or "",
        choice.get("finish_reason"),
        _parse_usage(chunk["usage"]) if chunk.get("usage") else None,
    )


def parse_error(error: dict[str, Any]) -> EngineError:
    """Return the error that llama.cpp reports."""
    message, kind = str(error.get("message", error)), error.get("type")
    if kind == TOO_LONG:
        return ContextExceeded("invalid-input", message)
    return EngineError(
        "invalid-input" if kind == "invalid_request_error" else "runtime-error", message
    )


def _parse_usage(usage: dict[str, Any]) -> Usage:
    cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
    return Usage(usage["prompt_tokens"], usage["completion_tokens"], cached)
