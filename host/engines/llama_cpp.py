"""Models in this process: llama.cpp over GGUF files, in place of Spin's own local engine.

A completion is the completion alone; Spin's engine gives the prompt and the completion in one.
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
"""What answers for a model that has no file: small, and no assistant."""
CONTEXT_TOKENS = 4096
"""The context window that a model is loaded with, if it was trained for as much."""
SMALL_MODEL_BYTES = 64 * 1024 * 1024
"""Below this one thread is fastest: threads would wait for each other longer than they compute."""
QUIET = -1
STREAMED = {"stream": True, "stream_options": {"include_usage": True}, "return_progress": True}
"""With progress there is a part, and so a way out, after each batch of a long prompt."""


def find_model(model: str, folder: pathlib.Path, given: Mapping[str, pathlib.Path]) -> pathlib.Path:
    """Find the GGUF file of `model`: given by name, in `folder`, or the demo model."""
    if model in given:
        return given[model]
    for pattern in (f"{model}.gguf", f"{model}/*.gguf", f"llama/{model}/*.gguf"):
        found = sorted(folder.glob(pattern)) if folder.is_dir() else []
        if found:
            return found[0]
    return DEMO_MODEL


def render_completion(prompt: str, params: InferencingParams) -> dict[str, Any]:
    """Render llama.cpp's request for a completion; control tokens in `prompt` count as such."""
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
    """Completes with llama.cpp, embeds with all-MiniLM-L6-v2; loads a model when first asked."""

    def __init__(
        self, folder: pathlib.Path, given: Mapping[str, pathlib.Path], threads: int
    ) -> None:
        self._folder = folder
        self._given = given
        self._threads = threads
        self._servers: dict[pathlib.Path, xllamacpp.Server] = {}
        self._minilm: MiniLm | None = None

    def load(self, model: str) -> pathlib.Path:
        """Load `model` if that is not done yet, and return its file.

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
        params.prefill_assistant = False  # a reply is a new message, not the end of the last
        # llama.cpp listens on a loopback port of its own; nobody else is to use it.
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
        """Complete `prompt`; control tokens in it count as such."""
        server = self._servers[self.load(model)]
        result = server.handle_completions(render_completion(prompt, params))
        if "error" in result:
            raise EngineError("runtime-error", str(result["error"].get("message", result["error"])))
        usage = result["usage"]
        return Completion(
            result["choices"][0]["text"], usage["prompt_tokens"], usage["completion_tokens"]
        )

    def run(self, model: str, request: dict[str, Any], take: Callable[[Part], bool]) -> None:
        """Run a request of llama.cpp's, for messages or a prompt; `take` says when it is enough.

        Errors: EngineError, invalid-input or runtime-error.
        """
        server = self._servers[self.load(model)]
        call = (
            server.handle_chat_completions if "messages" in request else server.handle_completions
        )
        faults: list[EngineError] = []

        def take_chunk(chunk: dict[str, Any]) -> bool:
            # llama.cpp would lose an exception.
            try:
                return take(parse_chunk(chunk))
            except EngineError as error:
                faults.append(error)
                return True

        try:
            call({**request, **STREAMED}, take_chunk)
        except ValueError as error:  # messages that the template refuses, or another bad value
            raise EngineError("invalid-input", str(error).strip().splitlines()[-1]) from error
        except RuntimeError as error:
            raise EngineError("runtime-error", str(error)) from error
        if faults:
            raise faults[0]

    def embed(self, model: str, texts: list[str]) -> Embeddings:
        """Embed `texts` with the one model that Spin's engine has too."""
        if model != MINILM:
            raise EngineError("model-not-supported", "")
        if self._minilm is None:
            self._minilm = MiniLm.load()
        vectors, tokens = self._minilm.embed(texts)
        return Embeddings(vectors, tokens)

    def close(self) -> None:
        """Unload all models."""
        self._servers.clear()
