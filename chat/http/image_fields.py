"""Parses images, which are taken by their URL only; nothing here ever fetches one."""

import re
from collections.abc import Sequence
from typing import Any

from chat.core.images import Image
from chat.core.refusals import InvalidRequest, Unsupported
from chat.http.fields import parse_text, refuse_others
from chat.settings import Settings

MAX_URL_BYTES = 8192
"""The most bytes of a URL; those that are signed have up to a few thousand."""
MAX_IMAGES = 100
"""The most images that one message has."""
URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+", re.ASCII | re.IGNORECASE)
"""What may stand in a URL, but no brackets: a server might read a template's marker in them.

Source: RFC 3986, section 2.
"""
DETAILS = ("auto", "low", "high", "original")
"""How closely an image may be looked at.

Source: OpenAI's API reference, `detail` of `input_image`.
"""


def image_tokens(settings: Settings) -> int:
    """Return the most tokens that an image takes; 0 if the model takes none."""
    endpoint = settings.model_endpoint
    return endpoint.image_tokens if endpoint else 0


def check_images(tokens: int, name: str) -> None:
    """Check that the model takes images.

    Errors: Unsupported, which names the field.
    """
    if not tokens:
        problem = "images are not taken: they need `model_api=openai` and `model_image_tokens`"
        raise Unsupported(problem, name)


def parse_image(url: Any, detail: Any, name: str, tokens: int) -> Image:
    """Parse an image that the model is to be shown, and that takes up to `tokens`.

    Errors: Unsupported if the model takes none, or for a URL that has the content in itself;
            InvalidRequest and TooLarge. They name the field, which is `name`.
    """
    check_images(tokens, name)
    if isinstance(url, str) and url[:5].lower() == "data:":
        raise Unsupported(f"`{name}` must say where the image is: no contents are kept", name)
    return _parse_reference(url, detail, name, tokens)


def _parse_reference(url: Any, detail: Any, name: str, tokens: int) -> Image:
    if not URL.fullmatch(parse_text(url, name, MAX_URL_BYTES)):
        allowed = "a URL of http or https, in ASCII and without brackets"
        raise InvalidRequest(f"`{name}` must be {allowed}", name)
    if detail not in (None, *DETAILS):
        raise InvalidRequest(f"`detail` must be one of {', '.join(DETAILS)}", name)
    return Image(url, detail, tokens)


def check_count(images: Sequence[Image], name: str) -> tuple[Image, ...]:
    """Return the images of one message, if they are not too many.

    Errors: InvalidRequest.
    """
    if len(images) > MAX_IMAGES:
        raise InvalidRequest(f"`{name}` may have up to {MAX_IMAGES} images", name)
    return tuple(images)


def parse_images(value: Any, name: str, tokens: int) -> tuple[Image, ...]:
    """Parse a list of images of an export; null becomes none.

    They may come from where the model took images to where it takes none: `tokens` may be 0.
    Errors: InvalidRequest and TooLarge; they name the field, as a field of `name`.
    """
    if value is None:
        return ()
    if not isinstance(value, list) or not value:
        raise InvalidRequest(f"`{name}` must be a list of images", name)
    check_count(value, name)
    return tuple(_parse_image(one, f"{name}[{at}]", tokens) for at, one in enumerate(value))


def _parse_image(fields: Any, name: str, tokens: int) -> Image:
    if not isinstance(fields, dict):
        raise InvalidRequest(f"`{name}` must be an object", name)
    refuse_others(fields, ("url", "detail"), f"{name}.")
    return _parse_reference(fields.get("url"), fields.get("detail"), f"{name}.url", tokens)
