"""The adapters to Spin's models."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace

from chat.context.askable import check_askable
from chat.context.templates import cut_reply, render_prompt
from chat.core.errors import ModelFailed
from chat.core.messages import Completion, Message, Sampling
from chat.llm.echo import find_echo, has_word
from chat.spin.engine import Engine
from chat.spin.log import log

UNTOLD_REPLY = "the model's reply cannot be told from its prompt"


class SpinModel:
    """The `LanguageModel` port over Spin's LLM interface, which wants one string."""

    def __init__(
        self, engine: Engine, model: str, prompt_format: str, make_word: Callable[[], str]
    ) -> None:
        """Take `make_word`, which makes a word of letters and digits that nobody can guess."""
        self._engine = engine
        self._model = model
        self._prompt_format = prompt_format
        self._make_word = make_word

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling
    ) -> AsyncGenerator[str | Completion, None]:
        """Render the messages, ask the model, and yield the reply in its text as one part."""
        check_askable(messages, sampling)
        prompt = render_prompt(messages, self._prompt_format)
        result = self._engine.infer(self._model, prompt, sampling)
        prompt_tokens = result.usage.prompt_token_count
        generated_tokens = result.usage.generated_token_count
        reply_at = self._reply_at(result.text, prompt, sampling)
        if reply_at:
            # An engine that returns the prompt with the reply counts the tokens of both as prompt.
            prompt_tokens = max(0, prompt_tokens - generated_tokens)
        raw = result.text[reply_at:]
        reply = cut_reply(raw, self._prompt_format, sampling.stop)
        yield reply
        yield Completion(
            reply,
            prompt_tokens,
            generated_tokens,
            is_whole=reply == raw.strip(),
            has_prompt=reply_at > 0,
        )

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
        one_token = replace(sampling, max_reply_tokens=1)
        result = self._engine.infer(self._model, prompt, one_token)
        return has_word(result.text, word)


class SpinEmbedder:
    """The `Embedder` port over Spin's LLM interface.

    Each call has one text: Spin's local engine pads the texts of a call to the longest one, and the
    padding counts in the embeddings of the shorter ones.
    """

    def __init__(self, engine: Engine, model: str) -> None:
        self._engine = engine
        self._model = model

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """Return one embedding for each text; each is one call of the host."""
        return [self._engine.embed(self._model, text) for text in texts]
