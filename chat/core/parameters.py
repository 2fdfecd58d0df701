"""The parameters of a request that not every endpoint takes, and what one says of those it refuses.

Reasoning models take `max_completion_tokens` in place of `max_tokens`, and neither `temperature`
nor `top_p`; some servers take no `stream_options`.

Source: OpenAI's API reference, `POST /v1/chat/completions`, and its guide to reasoning models.
"""

import re
from collections.abc import Sequence
from typing import Any

from chat.core.messages import Sampling

REFUSING = (400, 422)
"""The statuses with which an endpoint refuses a parameter."""
MAX_REFUSAL_BYTES = 10_000
"""How much of a refusal is read: it may quote what it refuses."""
USUAL = ("max_tokens", "temperature", "top_p", "stream_options")
LIMIT, REASONING_LIMIT = "max_tokens", "max_completion_tokens"
SAMPLED = ("temperature", "top_p")
"""Reasoning models refuse these and `max_tokens`, but name only one at a time."""
_UNTAKEN = re.compile(
    r"unsupported|not (?:be )?(?:support|permit|allow)|cannot both|deprecated|forbidden"
    r"|un(?:known|expected|recognized)|additional propert|extra (?:field|input)",
    re.IGNORECASE,
)
"""How endpoints say that they do not take a parameter, whatever its value is."""


def parse_parameters(text: str) -> tuple[str, ...] | None:
    """Parse the names of parameters, with commas between; None unless just one is a limit."""
    names = tuple(name.strip() for name in text.split(","))
    is_known = set(names) <= {*USUAL, REASONING_LIMIT} and len(set(names)) == len(names)
    has_limit = (LIMIT in names) != (REASONING_LIMIT in names)
    return names if is_known and has_limit else None


def render_parameters(names: Sequence[str], sampling: Sampling) -> dict[str, Any]:
    """Return the fields of a request that say how to answer, as far as `names` has them."""
    values = {
        "max_tokens": sampling.max_reply_tokens,
        "max_completion_tokens": sampling.max_reply_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stream_options": {"include_usage": True},
    }
    return {name: values[name] for name in names}


def taken_parameters(names: Sequence[str], refusal: bytes) -> tuple[str, ...] | None:
    """Return the parameters to ask with again, as an endpoint refuses some of `names`.

    None if the refusal is about anything else, as a value that is too large, or about the only
    limit of a reply that is left.
    """
    said = refusal[:MAX_REFUSAL_BYTES].decode(errors="replace")
    refused = {name for name in names if re.search(rf"\b{name}\b", said)}
    refused.discard(REASONING_LIMIT)
    if not refused or not _UNTAKEN.search(said):
        return None
    if LIMIT in refused:
        return (REASONING_LIMIT, *(name for name in names if name not in (LIMIT, *SAMPLED)))
    untaken = refused.union(() if refused.isdisjoint(SAMPLED) else SAMPLED)
    return tuple(name for name in names if name not in untaken)
