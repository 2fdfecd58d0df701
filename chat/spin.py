"""The adapters to Spin: Redis, its models, variables."""

import functools
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from spin_sdk import llm, redis, variables
from spin_sdk.wit.imports import wasi_config_store
from spin_sdk.wit.imports.llm import Error_InvalidInput, Error_ModelNotSupported
from spin_sdk.wit.imports.redis import (
    Connection,
    Error_InvalidAddress,
    RedisParameter_Binary,
    RedisParameter_Int64,
    RedisResult_Nil,
)
from spin_sdk.wit.types import Err

from chat.errors import InvalidSetting, ModelFailed, ModelUnavailable, StoreUnavailable
from chat.messages import Completion, Message, Sampling
from chat.prompt import cut_reply, render_prompt
from chat.redis import RedisError, Value


def log(text: str) -> None:
    """Write a line to the component's log."""
    sys.stderr.write(text + "\n")


@functools.cache
def _variables() -> Mapping[str, str]:
    """Read all variables in one call; none, if one of them cannot be had."""
    try:
        return dict(wasi_config_store.get_all())
    except Err:
        return {}


def get_variable(name: str) -> str:
    """Return a variable of the component.

    Errors: InvalidSetting if it has no value.
    """
    known = _variables().get(name)
    if known is not None:
        return known
    try:
        return str(variables.get(name))
    except Err as error:
        raise InvalidSetting(name, "set") from error


class RedisConnection:
    """One connection to Redis over Spin."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, command: str, arguments: Sequence[bytes | int]) -> list[Value]:
        """Run a command; raises RedisError with the host's text."""
        parameters = [
            RedisParameter_Int64(argument)
            if isinstance(argument, int)
            else RedisParameter_Binary(argument)
            for argument in arguments
        ]
        try:
            results = self._connection.execute(command, parameters)
        except Err as error:
            raise RedisError(str(getattr(error.value, "value", error.value))) from error
        return [None if isinstance(result, RedisResult_Nil) else result.value for result in results]


@contextmanager
def open_redis(url: str) -> Iterator[RedisConnection]:
    """Connect for the time of one request.

    Errors: StoreUnavailable. Why goes to the log, without the address: it holds the password.
    """
    try:
        connection = redis.open(url)
    except Err as error:
        is_refused = isinstance(error.value, Error_InvalidAddress)
        reason = "the address is not allowed or not valid" if is_refused else "no connection"
        log(f"redis: {reason}")
        raise StoreUnavailable(
            "the conversation store is not available; nothing was stored"
        ) from error
    with connection:
        yield RedisConnection(connection)


class SpinModel:
    """The `LanguageModel` port over Spin's LLM interface, which wants one string."""

    def __init__(self, model: str, prompt_format: str) -> None:
        self._model = model
        self._prompt_format = prompt_format

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Completion:
        """Render, ask, and take the reply out of what comes back."""
        prompt = render_prompt(messages, self._prompt_format)
        options = llm.InferencingParams(
            max_tokens=sampling.max_reply_tokens,
            repeat_penalty=sampling.repeat_penalty,
            repeat_penalty_last_n_token_count=sampling.repeat_last_n,
            temperature=sampling.temperature,
            top_k=sampling.top_k,
            top_p=sampling.top_p,
        )
        try:
            result = llm.infer_with_options(self._model, prompt, options)
        except Err as error:
            raise parse_model_error(error) from error
        prompt_tokens, generated_tokens = (
            result.usage.prompt_token_count,
            result.usage.generated_token_count,
        )
        if result.text.startswith(prompt):
            # Spin's local engine gives prompt and completion in one, and counts them so.
            prompt_tokens = max(0, prompt_tokens - generated_tokens)
        reply = cut_reply(result.text, prompt, self._prompt_format)
        is_whole = reply == result.text.removeprefix(prompt).strip()
        return Completion(reply, prompt_tokens, generated_tokens, is_whole)


class SpinEmbedder:
    """The `Embedder` port over Spin's LLM interface."""

    def __init__(self, model: str) -> None:
        self._model = model

    def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """Ask the host."""
        try:
            return list(llm.generate_embeddings(self._model, list(texts)).embeddings)
        except Err as error:
            raise parse_model_error(error) from error


def parse_model_error(error: Err[Any]) -> ModelFailed | ModelUnavailable:
    """Say whether the model is away or failed.

    What it said stays out of answers and logs: it may quote a key.
    """
    kind, text = error.value, str(getattr(error.value, "value", ""))
    if isinstance(kind, Error_InvalidInput | Error_ModelNotSupported):
        log("model: refused by the host; is it in the component's ai_models?")
        return ModelFailed("the host does not serve this model; nothing was stored")
    if "request error" in text:
        log("model: cannot be reached")
        return ModelUnavailable("the model cannot be reached; nothing was stored")
    log("model: answered with an error, or with what is no completion")
    return ModelFailed("the model gave no usable reply; nothing was stored")
