"""The adapters to Spin's models."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from spin_sdk import llm
from spin_sdk.wit.imports.llm import (
    Error_InvalidInput,
    Error_ModelNotSupported,
    InferencingResult,
)
from spin_sdk.wit.types import Err

from chat.context.templates import cut_reply, render_prompt
from chat.core.errors import ModelFailed, ModelUnavailable
from chat.core.messages import Completion, Message, Sampling
from chat.llm.echo import find_echo, has_word
from chat.spin.host import log

NO_TOP_K = 2**31 - 1
"""A `top_k` that limits nothing: for Spin's local engine, 0 means that no token may be chosen."""
REASONS = {
    "narrow invalid args": ": it has fewer positions than `context_length`",
    "A weight is": ': `repeat_penalty` may be 0 with `api_type = "open_ai"` only',
}
"""What to say about settings that Spin's local engine refuses, by a part of the engine's text."""
UNTOLD_REPLY = "the model's reply cannot be told from its prompt"


class SpinModel:
    """The `LanguageModel` port over Spin's LLM interface, which wants one string."""

    def __init__(self, model: str, prompt_format: str, make_word: Callable[[], str]) -> None:
        """Take `make_word`, which makes a word of letters and digits that nobody can guess."""
        self._model = model
        self._prompt_format = prompt_format
        self._make_word = make_word

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Render the messages, ask the model, and cut the reply out of its text."""
        prompt = render_prompt(messages, self._prompt_format)
        result = self._infer(prompt, sampling)
        prompt_tokens = result.usage.prompt_token_count
        generated_tokens = result.usage.generated_token_count
        reply_at = self._reply_at(result.text, prompt, sampling)
        if reply_at:
            # An engine that returns the prompt with the reply counts the tokens of both as prompt.
            prompt_tokens = max(0, prompt_tokens - generated_tokens)
        raw = result.text[reply_at:]
        reply = cut_reply(raw, self._prompt_format)
        return Completion(
            reply,
            prompt_tokens,
            generated_tokens,
            is_whole=reply == raw.strip(),
            has_prompt=reply_at > 0,
        )

    def _infer(self, prompt: str, sampling: Sampling) -> InferencingResult:
        options = llm.InferencingParams(
            max_tokens=sampling.max_reply_tokens,
            repeat_penalty=sampling.repeat_penalty,
            repeat_penalty_last_n_token_count=sampling.repeat_last_n,
            temperature=sampling.temperature,
            top_k=sampling.top_k or NO_TOP_K,
            top_p=sampling.top_p,
        )
        try:
            return llm.infer_with_options(self._model, prompt, options)
        except Err as error:
            raise parse_model_error(error) from error

    def _reply_at(self, text: str, prompt: str, sampling: Sampling) -> int:
        """Return where in `text` the reply begins.

        Errors: ModelFailed if the prompt comes before the reply, but changed beyond recognition.
        """
        echo = find_echo(text, prompt, self._prompt_format)
        if echo is None or not (echo.is_certain or self._gives_prompts_back(sampling)):
            return 0
        if echo.reply_at is None:
            log("model: the engine gives prompts back, and changes them; use another tokenizer")
            raise ModelFailed(UNTOLD_REPLY)
        return echo.reply_at

    def _gives_prompts_back(self, sampling: Sampling) -> bool:
        """Whether the engine returns its prompt: ask it with a word that nobody can guess.

        This generates one token. It is needed only if a text begins as its prompt does, because a
        reply may begin so, too.
        """
        word = self._make_word()
        prompt = render_prompt([Message("user", word)], self._prompt_format)
        return has_word(self._infer(prompt, replace(sampling, max_reply_tokens=1)).text, word)


class SpinEmbedder:
    """The `Embedder` port over Spin's LLM interface.

    Each call has one text: Spin's local engine pads the texts of a call to the longest one, and the
    padding counts in the embeddings of the shorter ones.
    """

    def __init__(self, model: str) -> None:
        self._model = model

    def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """Return one embedding for each text; each is one call of the host."""
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> Sequence[float]:
        try:
            embeddings = llm.generate_embeddings(self._model, [text]).embeddings
        except Err as error:
            raise parse_model_error(error) from error
        if len(embeddings) != 1:
            raise ModelFailed("the model gave no usable embedding")
        return embeddings[0]


def parse_model_error(error: Err[Any]) -> ModelFailed | ModelUnavailable:
    """Return the chat's error: the model cannot be reached, or it failed; perhaps for a setting.

    The host's own text stays out of answers and logs: it may quote a key.
    """
    kind, text = error.value, str(getattr(error.value, "value", ""))
    if isinstance(kind, Error_InvalidInput | Error_ModelNotSupported):
        log("model: refused by the host; is it in the component's ai_models?")
        return ModelFailed("the host does not serve this model")
    if "request error" in text:
        log("model: cannot be reached")
        return ModelUnavailable("the model cannot be reached")
    log("model: answered with an error, or with what is no completion")
    reason = next((reason for said, reason in REASONS.items() if said in text), "")
    return ModelFailed(f"the model gave no usable reply{reason}")
