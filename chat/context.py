"""Decides which turns the model is shown: the token budget, and FIFO eviction by whole turns.

    context_length = system context + kept turns + the new prompt + the reserve for the reply

The system context and the new prompt are never evicted or cut. What earlier turns take is measured:
the model reports the tokens of each prompt, and two prompts differ by one turn. Only the new prompt
is estimated, from above.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chat.errors import PromptTooLong
from chat.messages import Completion, Message, Turn
from chat.tokens import estimate_tokens, least_tokens

TEMPLATE_TOKENS = 24
"""The most that a prompt template puts around one message. Source: llama3 in `chat.prompt`."""


@dataclass(frozen=True)
class Fit:
    """What is shown and what is evicted.

    Shapes: `evicted` and `kept` run oldest first; together they are the turns that were given.
    Units:  `prompt_tokens` is an upper estimate of the whole prompt.
    """

    evicted: tuple[Turn, ...]
    kept: tuple[Turn, ...]
    prompt_tokens: int


def message_tokens(content: str) -> int:
    """Estimate from above what one message takes in a prompt, template included."""
    return estimate_tokens(content) + TEMPLATE_TOKENS


def fit_context(
    turns: Sequence[Turn],
    prompt: str,
    *,
    context_tokens: int,
    context_length: int,
    max_reply_tokens: int,
) -> Fit:
    """Keep the newest whole turns that fit beside the system context and `prompt`.

    Shapes: `turns` run oldest first.
    Errors: PromptTooLong if it does not fit with no turn at all.
    """
    fixed_tokens = context_tokens + message_tokens(prompt)
    budget_tokens = context_length - max_reply_tokens - fixed_tokens
    if budget_tokens < 0:
        raise PromptTooLong(fixed_tokens + max_reply_tokens, context_length)
    kept_from, taken_tokens = len(turns), 0
    while kept_from > 0 and taken_tokens + turns[kept_from - 1].tokens <= budget_tokens:
        kept_from -= 1
        taken_tokens += turns[kept_from].tokens
    while 0 < kept_from < len(turns):
        margin_tokens = _boundary_margin(turns[kept_from])
        if taken_tokens + margin_tokens <= budget_tokens:
            taken_tokens += margin_tokens
            break
        taken_tokens -= turns[kept_from].tokens
        kept_from += 1
    return Fit(tuple(turns[:kept_from]), tuple(turns[kept_from:]), fixed_tokens + taken_tokens)


def _boundary_margin(oldest: Turn) -> int:
    """Say what the oldest turn kept behind an evicted one may take beyond its measure.

    A prompt's measure makes up for what the reply before it was over-counted, as one that was cut
    is. Without that reply the prompt counts with its estimate.
    """
    return max(0, message_tokens(oldest.prompt) - oldest.prompt_tokens)


def make_messages(context: str, turns: Sequence[Turn], prompt: str) -> list[Message]:
    """Lay out what the model is shown; an empty context is left out."""
    messages = [Message("system", context)] if context else []
    for turn in turns:
        messages += [Message("user", turn.prompt), Message("assistant", turn.reply)]
    return [*messages, Message("user", prompt)]


@dataclass(frozen=True)
class Measured:
    """What a turn's parts turned out to take; `context_tokens` is for the next turn."""

    context_tokens: int
    prompt_tokens: int
    reply_tokens: int


def measure(fit: Fit, context_tokens: int, prompt: str, completion: Completion) -> Measured:
    """Take the model's own counts apart, or estimate where it reported none, or nonsense.

    The prompt's share is what the model counted beyond the parts that are known. The first turn of
    a conversation also shows how much the system context can be at most.
    """
    reply_tokens = message_tokens(completion.text)
    if completion.generated_tokens > 0:
        reply_tokens = max(completion.generated_tokens, least_tokens(completion.text))
    shown = [prompt, *(turn.prompt for turn in fit.kept), *(turn.reply for turn in fit.kept)]
    if completion.prompt_tokens <= sum(map(least_tokens, shown)):
        return Measured(context_tokens, message_tokens(prompt), reply_tokens)
    if not fit.kept:
        context_tokens = min(context_tokens, completion.prompt_tokens - least_tokens(prompt))
    known = context_tokens + sum(turn.tokens for turn in fit.kept)
    return Measured(context_tokens, max(0, completion.prompt_tokens - known), reply_tokens)
