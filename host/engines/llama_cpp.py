"""Models in this process: llama.cpp over GGUF files, in place of Spin's own local engine.

A completion is returned without the prompt; Spin's engine returns both in one text.
"""

import pathlib
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import xllamacpp

from host.engines.minilm import MODEL as MINILM
from host.engines.minilm import MiniLm
from host.engines.parts import Part, parse_chunk
from host.engines.port import Completion, Embeddings, EngineError, InferencingParams
from host.terminal import say

DEMO_MODEL = pathlib.Path(__file__).resolve().parent.parent.parent / "models" / "demo.gguf"
"""The model that is run if a model has no file: it is small, and not an assistant."""
CONTEXT_TOKENS = 4096
"""The context window with which a model is loaded, unless it was trained for a shorter one."""
SMALL_MODEL_BYTES = 64 * 1024 * 1024
"""Below this size one thread is fastest: more would wait for each other longer than compute."""
QUIET = -1
STREAMED = {"stream": True, "stream_options": {"include_usage": True}, "return_progress": True}
"""Asks for progress, too: then a part comes after each batch of a prompt, and the run can end."""


def find_model(model: str, folder: pathlib.Path, given: Mapping[str, pathlib.Path]) -> pathlib.Path:
    """Return the GGUF file of `model`: one `given` for it, one in `folder`, or the demo model."""
    if model in given:
        return given[model]
    for pattern in (f"{model}.gguf", f"{model}/*.gguf", f"llama/{model}/*.gguf"):
        found = sorted(folder.glob(pattern)) if folder.is_dir() else []
        if found:
            return found[0]
    return DEMO_MODEL


def render_completion(prompt: str, params: InferencingParams) -> dict[str, Any]:
    """Render a completion request for llama.cpp; it takes control tokens in `prompt` as such."""
    return {
        "prompt": prompt,
        "n_predict": params.max_tokens,
        "temperature": params.temperature,
        "top_k": params.top_k,
        "top_p": params.top_p,
        "min_p": 0.0,
        "repeat_penalty": params.repeat_penalty,
        "repeat_last_n": params.repeat_penalty_last_n_token_count,
        "cache_prompt": True,
    }


class LlamaCppEngine:
    """Completes with llama.cpp and embeds with all-MiniLM-L6-v2; loads a model when first asked."""

    def __init__(
        self, folder: pathlib.Path, given: Mapping[str, pathlib.Path], threads: int
    ) -> None:
        self._folder = folder
        self._given = given
        self._threads = threads
        self._servers: dict[pathlib.Path, xllamacpp.Server] = {}
        self._minilm: MiniLm | None = None

    def load(self, model: str) -> pathlib.Path:
        """Load `model` if it is not loaded yet, and return its file.

        Errors: EngineError, runtime-error, for a file that llama.cpp cannot load.
        """
        path = find_model(model, self._folder, self._given)
        if path not in self._servers:
            self._servers[path] = self._start(path)
        return path

    def _start(self, path: pathlib.Path) -> xllamacpp.Server:
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = CONTEXT_TOKENS
        params.n_parallel = 1
        params.cpuparams.n_threads = 1 if path.stat().st_size < SMALL_MODEL_BYTES else self._threads
        params.verbosity = QUIET
        params.warmup = False
        params.prefill_assistant = False  # a reply is a new message, not the end of the last one
        # llama.cpp listens on a loopback port of its own, which nobody else may use
        params.api_keys = [secrets.token_hex(16)]
        params.endpoint_slots = False
        if path != DEMO_MODEL:
            say(f"Loading model {path.name} ({path.stat().st_size / 1e9:.1f} GB) ...")
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            raise EngineError(
                "runtime-error", f"could not load {path}, is the file whole? {error}"
            ) from error

    def infer(self, model: str, prompt: str, params: InferencingParams) -> Completion:
        """Complete `prompt`; control tokens in it are taken for control tokens."""
        server = self._servers[self.load(model)]
        result = server.handle_completions(render_completion(prompt, params))
        if "error" in result:
            raise EngineError("runtime-error", str(result["error"].get("message", result["error"])))
        usage = result["usage"]
        return Completion(
            result["choices"][0]["text"], usage["prompt_tokens"], usage["completion_tokens"]
        )

    def run(self, model: str, request: dict[str, Any], take: Callable[[Part], bool]) -> None:
        """Run a request for messages or a prompt with llama.cpp, until `take` returns True.

        Errors: EngineError, invalid-input or runtime-error.
        """
        server = self._servers[self.load(model)]
        call = (
            server.handle_chat_completions if "messages" in request else server.handle_completions
        )
        faults: list[EngineError] = []

        def take_chunk(chunk: dict[str, Any]) -> bool:
            # llama.cpp would lose an exception that is raised here
            try:
                return take(parse_chunk(chunk))
            except EngineError as error:
                faults.append(error)
                return True

        try:
            call({**request, **STREAMED}, take_chunk)
        except ValueError as error:  # the template refuses the messages, or a value is bad
            raise EngineError("invalid-input", str(error).strip().splitlines()[-1]) from error
        except RuntimeError as error:
            raise EngineError("runtime-error", str(error)) from error
        if faults:
            raise faults[0]

    def embed(self, model: str, texts: list[str]) -> Embeddings:
        """Embed `texts` with all-MiniLM-L6-v2, the one embedding model of Spin's engine."""
        if model != MINILM:
            raise EngineError("model-not-supported", "")
        if self._minilm is None:
            self._minilm = MiniLm.load()
        vectors, tokens = self._minilm.embed(texts)
        return Embeddings(vectors, tokens)

    def close(self) -> None:
        """Unload all models."""
        self._servers.clear()
