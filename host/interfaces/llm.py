"""`fermyon:spin/llm` for one instance.

A call first looks for the model in the manifest's `ai_models`. Then it takes a lock that the whole
application shares, and keeps it until it ends: as in Spin, one model call runs at a time.

Source: spin `crates/factor-llm/src/host.rs`.
"""

import contextlib
import fcntl
import pathlib
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

from host.abi.instance import Instance
from host.abi.values import Case, Err
from host.engines.port import EngineError, InferencingParams, LlmEngine


class EngineLock:
    """Lets one model call run at a time, in all workers of the application together."""

    def __init__(self, path: pathlib.Path | None) -> None:
        """Make a lock between threads and, if there is a `path`, between processes too."""
        self._threads = threading.Lock()
        self._path = path

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; this waits for all earlier calls, without a timeout."""
        with self._threads:
            if self._path is None:
                yield
                return
            with self._path.open("w") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield


def not_permitted(model: str) -> Err:
    """Return the error for a model that the manifest does not list."""
    return Err(
        Case(
            "invalid-input",
            f"The component does not have access to use '{model}'. To give the component access, "
            f"add '{model}' to the 'ai_models' key for the component in your spin.toml manifest",
        )
    )


class LlmFactor:
    """`fermyon:spin/llm` for one instance, with the models that its manifest lists."""

    def __init__(
        self, models: frozenset[str], engine: LlmEngine, lock: EngineLock, instance: Instance
    ) -> None:
        self._models = models
        self._engine = engine
        self._lock = lock
        self._instance = instance

    def infer(self, model: str, prompt: str, params: dict[str, Any] | None) -> dict[str, Any] | Err:
        if model not in self._models:
            return not_permitted(model)
        chosen = InferencingParams() if params is None else parse_params(params)
        completion = self._locked(lambda: self._engine.infer(model, prompt, chosen))
        if isinstance(completion, Err):
            return completion
        usage = {
            "prompt-token-count": completion.prompt_tokens,
            "generated-token-count": completion.generated_tokens,
        }
        return {"text": completion.text, "usage": usage}

    def generate_embeddings(self, model: str, texts: list[str]) -> dict[str, Any] | Err:
        if model not in self._models:
            return not_permitted(model)
        result = self._locked(lambda: self._engine.embed(model, texts))
        if isinstance(result, Err):
            return result
        return {
            "embeddings": result.embeddings,
            "usage": {"prompt-token-count": result.prompt_tokens},
        }

    def _locked(self, call: Callable[[], Any]) -> Any:
        try:
            with self._instance.waiting(), self._lock.held():
                return call()
        except EngineError as error:
            return Err(
                Case(error.case, None if error.case == "model-not-supported" else str(error))
            )


def parse_params(params: dict[str, Any]) -> InferencingParams:
    """Parse a WIT record, whose floats have 32 bits."""
    values = {name.replace("-", "_"): value for name, value in params.items()}
    for name in ("repeat_penalty", "temperature", "top_p"):
        values[name] = struct.unpack("f", struct.pack("f", values[name]))[0]
    return InferencingParams(**values)
