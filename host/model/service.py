"""Runs the models that are served; each runs one request at a time."""

import contextlib
import pathlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from typing import Any

from host.engines.chat_text import ChatText, load_chat_text
from host.engines.llama_cpp import LlamaCppEngine, render_completion
from host.engines.minilm import MODEL as MINILM
from host.engines.parts import ContextExceeded, Part
from host.engines.port import Embeddings, EngineError
from host.errors import HostError
from host.model.fields import Refused
from host.model.openai_requests import ChatRequest
from host.model.spin_api import EmbedRequest, InferRequest
from host.model.turns import Line, Take


class UnknownModel(Exception):
    """No model of this name can do what is asked; `there_are` names the models that can."""

    def __init__(self, model: str, there_are: list[str]) -> None:
        super().__init__(model)
        self.model = model
        self.there_are = there_are


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """Turn an engine's error into the refusal of the request."""
    try:
        yield
    except ContextExceeded as error:
        raise Refused(400, str(error), "context_length_exceeded") from error
    except EngineError as error:
        is_callers = error.case == "invalid-input"
        raise Refused(400 if is_callers else 500, str(error), "model_failed") from error


class Models:
    """Language models by their names, and the embedding model beside them."""

    def __init__(self, files: Mapping[str, pathlib.Path], threads: int) -> None:
        """Load all files.

        Errors: HostError for a file that cannot be loaded as a model.
        """
        self._engine = LlamaCppEngine(pathlib.Path(), files, threads)
        try:
            for name in files:
                self._engine.load(name)
        except EngineError as error:
            raise HostError(str(error)) from error
        self.texts: dict[str, ChatText] = {n: load_chat_text(path) for n, path in files.items()}
        self._lines: dict[str, Line[Part]] = {name: Line(name) for name in files}
        self._embedding_line: Line[Embeddings] = Line(MINILM)

    @property
    def names(self) -> list[str]:
        return [*self._lines, MINILM]

    def complete(self, asked: InferRequest) -> AsyncGenerator[Part, None]:
        """Complete a prompt; control tokens in its text are taken for control tokens.

        Errors: UnknownModel is raised at once, Refused by the generator. `reply` and `embed` do the
                same.
        """
        return self._parts(asked.model, render_completion(asked.prompt, asked.params))

    def reply(self, asked: ChatRequest) -> AsyncGenerator[Part, None]:
        """Reply to messages; control tokens in their text are taken for text."""
        self._check(asked.model)
        text = self.texts[asked.model]
        messages = [{**m, "content": text.break_up(m["content"])} for m in asked.messages]
        return self._parts(asked.model, {**asked.sampling, "messages": messages})

    def embed(self, asked: EmbedRequest) -> AsyncGenerator[Embeddings, None]:
        """Embed each text by itself."""
        if asked.model != MINILM:
            raise UnknownModel(asked.model, [MINILM])

        def work(take: Take[Embeddings]) -> None:
            for text in asked.texts:
                with _refusing():
                    made = self._engine.embed(MINILM, [text])
                if take(made):
                    return

        return self._embedding_line.results(work)

    def _parts(self, model: str, request: dict[str, Any]) -> AsyncGenerator[Part, None]:
        self._check(model)

        def work(take: Take[Part]) -> None:
            with _refusing():
                self._engine.run(model, request, take)

        return self._lines[model].results(work)

    def _check(self, model: str) -> None:
        if model not in self._lines:
            raise UnknownModel(model, list(self._lines))

    def close(self) -> None:
        """Unload all models, after their running requests have ended."""
        for line in self._lines.values():
            line.close()
        self._embedding_line.close()
        self._engine.close()
