"""Models over HTTP: `[llm_compute] type = "remote_http"`, both of Spin's wire formats.

As in Spin, the path of `url` is replaced, the HTTP status is not looked at, redirects are followed,
and there is no timeout: a component must cope with all of this.

Source: spin `crates/llm-remote-http/src/{default,open_ai}`.
"""

import ctypes
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import httpx

from host.app.runtime_config import RemoteCompute
from host.engines.port import Completion, Embeddings, EngineError, InferencingParams

PATHS = ("/infer", "/embed", "/v1/chat/completions", "/v1/embeddings")


def shortest_f32(value: float) -> float:
    """Return the shortest decimal that gives the same 32-bit float, as Rust prints it."""
    packed = struct.pack("f", value)
    for digits in range(1, 10):
        short = float(f"{value:.{digits}g}")
        if struct.pack("f", short) == packed:
            return short
    return value


class RemoteEngine:
    """Asks one endpoint, in the format of `api_type`."""

    def __init__(self, config: RemoteCompute) -> None:
        self._client = httpx.Client(
            timeout=None,  # noqa: S113 - Spin has none
            follow_redirects=True, trust_env=False,
        )  # fmt: skip
        self._is_open_ai = config.api_type == "open_ai"
        self._urls = {path: httpx.URL(config.url).join(path) for path in PATHS}
        self._headers = {
            "accept": "*/*",
            "accept-encoding": "gzip",
            "authorization": f"bearer {config.auth_token}",
        }
        if self._is_open_ai:
            self._headers["content-type"] = "application/json"

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def infer(self, model: str, prompt: str, params: InferencingParams) -> Completion:
        return (self._infer_open_ai if self._is_open_ai else self._infer_default)(
            model, prompt, params
        )

    def embed(self, model: str, texts: list[str]) -> Embeddings:
        return (self._embed_open_ai if self._is_open_ai else self._embed_default)(model, texts)

    def _post(self, path: str, body: Mapping[str, Any]) -> bytes:
        content = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        request = httpx.Request("POST", self._urls[path], headers=self._headers, content=content)
        try:
            response = self._client.send(request)
        except httpx.HTTPError as error:
            raise EngineError("runtime-error", f"POST {path} request error: {error}") from error
        return response.content

    def _infer_default(self, model: str, prompt: str, params: InferencingParams) -> Completion:
        options = {
            "maxTokens": params.max_tokens,
            "repeatPenalty": params.repeat_penalty,
            "repeatPenaltyLastNTokenCount": params.repeat_penalty_last_n_token_count,
            "temperature": params.temperature,
            "topK": params.top_k,
            "topP": params.top_p,
        }
        body = self._post("/infer", {"model": model, "options": options, "prompt": prompt})
        fault = 'Failed to deserialize response for "POST  /index": '
        data = parse_object(body, fault)
        usage = take(data, "usage", dict, fault)
        return Completion(
            take(data, "text", str, fault),
            take(usage, "promptTokenCount", int, fault),
            take(usage, "generatedTokenCount", int, fault),
        )

    def _embed_default(self, model: str, texts: list[str]) -> Embeddings:
        body = self._post("/embed", {"input": texts, "model": model})
        fault = 'Failed to deserialize response  for "POST  /embed": '
        data = parse_object(body, fault)
        usage = take(data, "usage", dict, fault)
        return Embeddings(
            parse_vectors(take(data, "embeddings", list, fault), fault),
            take(usage, "promptTokenCount", int, fault),
        )

    def _infer_open_ai(self, model: str, prompt: str, params: InferencingParams) -> Completion:
        body = self._post(
            "/v1/chat/completions",
            {
                "messages": [{"role": "user", "content": prompt}],
                "model": model,
                "max_completion_tokens": params.max_tokens,
                "frequency_penalty": shortest_f32(params.repeat_penalty),
            },
        )
        fault = 'Failed to deserialize response for "POST  /v1/chat/completions": '
        data = parse_open_ai(body, fault)
        choices = take(data, "choices", list, fault)
        texts = [
            take(take(choice, "message", dict, fault), "content", str, fault) for choice in choices
        ]
        usage = take(data, "usage", dict, fault)
        return Completion(
            texts[0] if texts else "",
            take(usage, "prompt_tokens", int, fault),
            take(usage, "completion_tokens", int, fault),
        )

    def _embed_open_ai(self, model: str, texts: list[str]) -> Embeddings:
        body = self._post("/v1/embeddings", {"input": texts, "model": model})
        fault = 'Failed to deserialize response for "POST  /v1/embeddings": '
        data = parse_open_ai(body, fault)
        vectors = [take(item, "embedding", list, fault) for item in take(data, "data", list, fault)]
        usage = take(data, "usage", dict, fault)
        return Embeddings(parse_vectors(vectors, fault), take(usage, "prompt_tokens", int, fault))


NO_VARIANT = "data did not match any variant of untagged enum"


def parse_object(body: bytes, fault: str) -> dict[str, Any]:
    """Parse a JSON object.

    As Spin's reader, this one refuses NaN, infinity, numbers beyond any double, and halves of
    surrogate pairs, which no text for a guest can have.
    Errors: EngineError, with `fault` before the reason.
    """
    try:
        data = json.loads(body.decode(), parse_constant=float_of, parse_float=float_of)
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise EngineError("runtime-error", f"{fault}{_serde_reason(body, error)}") from error
    if not isinstance(data, dict):
        raise EngineError("runtime-error", f"{fault}invalid type, expected struct")
    return data


def float_of(text: str) -> float:
    """Parse a number.

    Errors: ValueError if it is not a finite double.
    """
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _serde_reason(body: bytes, error: Exception) -> str:
    if not body.strip():
        return "EOF while parsing a value at line 1 column 0"
    if isinstance(error, json.JSONDecodeError):
        return f"expected value at line {error.lineno} column {error.colno}"
    if isinstance(error, UnicodeError):
        return "invalid unicode code point"
    return (
        "recursion limit exceeded" if isinstance(error, RecursionError) else "number out of range"
    )


def parse_open_ai(body: bytes, fault: str) -> dict[str, Any]:
    """Parse a JSON object as `parse_object` does.

    Errors: EngineError, also for an answer that has an `error` object.
    """
    data = parse_object(body, fault)
    error = data.get("error")
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        raise EngineError("runtime-error", error["message"])
    return data


def take(data: Any, key: str, kind: type, fault: str) -> Any:
    """Return `data[key]`, which must be of `kind`; a count must be from 0 to 2³²-1.

    Errors: EngineError, with `fault` before the reason.
    """
    value = data.get(key) if isinstance(data, dict) else None
    is_count = not isinstance(value, bool) and isinstance(value, int) and 0 <= value < 2**32
    if value is None or not isinstance(value, kind) or (kind is int and not is_count):
        reason = NO_VARIANT if "/v1/" in fault else f"missing field `{key}`"
        raise EngineError("runtime-error", f"{fault}{reason}")
    return value


def parse_vectors(vectors: list[Any], fault: str) -> list[list[float]]:
    """Return a list of lists of numbers as 32-bit floats.

    Errors: EngineError, with `fault` before the reason.
    """
    for vector in vectors:
        if not isinstance(vector, list) or not set(map(type, vector)) <= {int, float}:
            raise EngineError("runtime-error", f"{fault}invalid type, expected f32")
    try:
        return [[as_f32(x) for x in vector] for vector in vectors]
    except OverflowError as error:
        raise EngineError("runtime-error", f"{fault}number out of range") from error


def as_f32(value: float) -> float:
    """Return the nearest 32-bit float, infinity for a number beyond all of them, as Rust casts.

    Errors: OverflowError for a whole number beyond any double.
    """
    return ctypes.c_float(float(value)).value
