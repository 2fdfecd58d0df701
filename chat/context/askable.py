"""Decides what a model that takes no more than a prompt can be asked."""

from collections.abc import Sequence

from chat.core.messages import Message, Sampling
from chat.core.refusals import Unsupported

ONLY_PROMPTS = "models that Spin runs take no more than a prompt"


def check_askable(messages: Sequence[Message], sampling: Sampling) -> None:
    """Check that no more is wanted of a model than a prompt can say.

    Errors: Unsupported, which names the field.
    """
    name = "tools" if "tools" in sampling.wishes else next(iter(sampling.wishes), "")
    if any(message.calls or message.call_id is not None for message in messages):
        name = name or "tools"
    if name:
        raise Unsupported(f"`{name}` needs `model_api=openai`: {ONLY_PROMPTS}", name)
