"""Asks Spin's LLM interface, and says what its errors mean."""

from collections.abc import Sequence
from typing import Any

from chat.core.errors import ModelFailed, ModelUnavailable
from chat.core.messages import Sampling
from chat.spin.log import log

NO_TOP_K = 2**31 - 1
"""A `top_k` that limits nothing: for Spin's local engine, 0 means that no token may be chosen."""
REASONS = {
    "narrow invalid args": ": it has fewer positions than `context_length`",
    "A weight is": ': `repeat_penalty` may be 0 with `api_type = "open_ai"` only',
}
"""What to say about settings that Spin's local engine refuses, by a part of the engine's text."""


class Engine:
    """The engine over an LLM interface of the host, as a build's SDK names it.

    `llm` is the module of the interface, whose functions raise `failure`. A call of it makes all
    other requests of the instance wait: the interface has no asynchronous functions.
    """

    def __init__(self, llm: Any, failure: type[Exception]) -> None:
        self._llm = llm
        self._failure = failure

    def infer(self, model: str, prompt: str, sampling: Sampling) -> Any:
        """Return the interface's result: its text, and its usage in tokens.

        Errors: ModelFailed, ModelUnavailable.
        """
        options = self._llm.InferencingParams(
            max_tokens=sampling.max_reply_tokens,
            repeat_penalty=sampling.repeat_penalty,
            repeat_penalty_last_n_token_count=sampling.repeat_last_n,
            temperature=sampling.temperature,
            top_k=sampling.top_k or NO_TOP_K,
            top_p=sampling.top_p,
        )
        try:
            return self._llm.infer(model, prompt, options)
        except self._failure as error:
            raise self._parse(error) from error

    def embed(self, model: str, text: str) -> Sequence[float]:
        """Return the embedding of a text.

        Errors: ModelFailed, ModelUnavailable.
        """
        try:
            embeddings: Sequence[Sequence[float]]
            embeddings = self._llm.generate_embeddings(model, [text]).embeddings
        except self._failure as error:
            raise self._parse(error) from error
        if len(embeddings) != 1:
            raise ModelFailed("the model gave no usable embedding")
        return embeddings[0]

    def _parse(self, error: Any) -> ModelFailed | ModelUnavailable:
        """Return the error for the chat: the model is away, or failed, perhaps for a setting.

        The host's own text stays out of answers and logs: it may quote a key.
        """
        kind, text = error.value, str(getattr(error.value, "value", ""))
        if isinstance(kind, self._llm.Error_InvalidInput | self._llm.Error_ModelNotSupported):
            log(
                "warning",
                "model",
                reason="refused by the host; is it in the component's ai_models?",
            )
            return ModelFailed("the host does not serve this model")
        if "request error" in text:
            log("warning", "model", reason="cannot be reached")
            return ModelUnavailable("the model cannot be reached")
        log("warning", "model", reason="answered with an error, or with what is no completion")
        reason = next((reason for said, reason in REASONS.items() if said in text), "")
        return ModelFailed(f"the model gave no usable reply{reason}")
