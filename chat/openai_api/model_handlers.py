"""Answers what models there are, and embeds texts, by OpenAI's API.

Source: OpenAI's API reference, "Models" and "Embeddings".
"""

import base64
import struct
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from chat.core.refusals import InvalidRequest, UnknownModel, Unsupported
from chat.core.tokens import estimate_tokens
from chat.http.call import Call
from chat.http.fields import parse_content
from chat.http.response import Response, render_json
from chat.openai_api.bodies import parse_fields
from chat.settings import Settings

EMBEDDING_FIELDS = ("input", "model", "encoding_format", "dimensions", "user")
MAX_INPUTS = 256
"""How many texts one request may have embedded."""
FORMATS = ("float", "base64")
OWNED_BY = "operator"


async def openai_list_models(call: Call) -> Response:
    """Answer `GET /v1/models`."""
    data = [_render_model(name) for name in _names(call.settings)]
    return render_json(200, {"object": "list", "data": data})


async def openai_show_model(call: Call) -> Response:
    """Answer `GET /v1/models/{model}`."""
    asked = call.path["model"]
    named = {quoted: name for name in _names(call.settings) for quoted in (name, unquote(name))}
    name = named.get(asked) or named.get(unquote(asked))
    if name is None:
        raise UnknownModel(_names(call.settings))
    return render_json(200, _render_model(name))


async def openai_embed(call: Call) -> Response:
    """Answer `POST /v1/embeddings`."""
    settings = call.settings
    fields = parse_fields(call.body, EMBEDDING_FIELDS, needed=("input", "model"))
    check_model(fields["model"], settings.embedding_model)
    texts = _parse_input(fields["input"], settings.max_prompt_bytes)
    wanted = fields.get("encoding_format")
    if wanted is not None and wanted not in FORMATS:
        allowed = " or ".join(FORMATS)
        raise InvalidRequest(f"`encoding_format` must be {allowed}", "encoding_format")
    if fields.get("dimensions") is not None:
        raise Unsupported(
            "`dimensions` is not supported: embeddings are as long as the model's", "dimensions"
        )
    embeddings = await (await call.connect()).embedder.embed(texts)
    tokens = sum(map(estimate_tokens, texts))
    body = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": at, "embedding": _encoded(one, wanted)}
            for at, one in enumerate(embeddings)
        ],
        "model": settings.embedding_model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return render_json(200, body)


def check_model(asked: Any, known: str) -> None:
    """Check that a request names the model that embeds: embeddings of others are not alike.

    Errors: InvalidRequest, UnknownModel.
    """
    if not isinstance(asked, str):
        raise InvalidRequest("`model` must be a string", "model")
    if asked != known:
        raise UnknownModel([known])


def _names(settings: Settings) -> Sequence[str]:
    return tuple(dict.fromkeys((settings.model, settings.embedding_model)))


def _render_model(name: str) -> Mapping[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": OWNED_BY}


def _parse_input(value: Any, max_bytes: int) -> Sequence[str]:
    """Parse the texts to embed.

    Errors: InvalidRequest, TooLarge; Unsupported for texts as tokens.
    """
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not 1 <= len(texts) <= MAX_INPUTS:
        raise InvalidRequest(f"`input` must be a text, or a list of 1 to {MAX_INPUTS}", "input")
    if any(isinstance(one, int | list) for one in texts):
        raise Unsupported("`input` must be text: tokens of another model say nothing here", "input")
    return [parse_content(one, f"input[{at}]", max_bytes) for at, one in enumerate(texts)]


def _encoded(embedding: Sequence[float], wanted: str | None) -> str | Sequence[float]:
    """Return an embedding as numbers, or as the base64 of 32-bit floats, the low byte first."""
    if wanted != "base64":
        return list(embedding)
    packed = struct.pack(f"<{len(embedding)}f", *embedding)
    return base64.b64encode(packed).decode()
