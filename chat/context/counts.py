"""Decides what a model's counts say of a turn: bounds of its parts, and what the model is like."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chat.context.budget import (
    LEAST_TEMPLATE_TOKENS,
    TEMPLATE_TOKENS,
    Fit,
    message_tokens,
)
from chat.context.markers import break_up
from chat.core.messages import (
    SIDES,
    Completion,
    Conversation,
    Message,
    Turn,
    messages_of,
    take_turns,
)
from chat.core.tokens import Vocabulary, estimate_tokens, least_tokens

MOST_TURNS_OBSERVED = 32
"""The most turns in a window whose texts are looked at for what the template takes."""


@dataclass(frozen=True)
class Measured:
    """The tokens that are known after a turn.

    Units: all are upper bounds, but `least_tokens`, which is a lower bound of the whole turn.
           `prompt_tokens` and `reply_tokens` bound the parts of the turn, `context_tokens` the
           system context, and `window_tokens` the whole window, this turn included.
    """

    prompt_tokens: int
    reply_tokens: int
    least_tokens: int
    context_tokens: int
    window_tokens: int
    vocabulary: Vocabulary


@dataclass(frozen=True)
class Beside:
    """What is to be known of a prompt beside its text.

    Shapes: `certain` is what of it the model has seen as it is, None for all of it. `is_plain`:
            whether the model was shown nothing but system context, prompt and recalled texts.
    Units:  `around_tokens` is the most that templates take around parts of the prompt.
    """

    around_tokens: int = 0
    certain: str | None = None
    is_plain: bool = True


NOTHING_BESIDE = Beside()


def measure(
    fit: Fit,
    conversation: Conversation,
    prompt: str,
    completion: Completion,
    recalled: str = "",
    beside: Beside = NOTHING_BESIDE,
) -> Measured:
    """Return the bounds after a turn, narrowed by what the model counted.

    Without counts, or with impossible ones, the estimates stay. What was counted beyond the upper
    bounds of all other parts is a lower bound of the prompt. The first prompt's count also bounds
    the system context, and shows what the vocabulary is like.
    """
    is_first = conversation.turn_count == 0
    least_said_tokens = least_tokens(prompt if beside.certain is None else beside.certain)
    prompt_tokens = message_tokens(prompt, conversation.vocabulary) + beside.around_tokens
    reply_tokens, least_reply_tokens, vocabulary = _measure_reply(conversation, completion)
    least_prompt_tokens = least_said_tokens + LEAST_TEMPLATE_TOKENS
    context_tokens, window_tokens = conversation.context_tokens, fit.window_tokens + prompt_tokens
    shown_tokens = completion.prompt_tokens - least_tokens(recalled)
    if shown_tokens >= sum([turn.least_tokens for turn in fit.kept]) + least_said_tokens:
        window_tokens = shown_tokens
        if completion.prompt_tokens > fit.prompt_tokens:  # it was not this model that showed it
            vocabulary = replace(vocabulary, pair_tokens=0)
        vocabulary = _observe_template(vocabulary, fit.kept, shown_tokens - least_said_tokens)
        if completion.prompt_tokens <= fit.prompt_tokens:  # a larger count is impossible: ignored
            beside_tokens = fit.prompt_tokens - prompt_tokens
            least_prompt_tokens = max(least_prompt_tokens, completion.prompt_tokens - beside_tokens)
        if is_first:
            context_tokens = min(context_tokens, shown_tokens - least_said_tokens)
        if is_first and beside.is_plain:
            said, least = f"{conversation.context} {prompt}", shown_tokens - 2 * TEMPLATE_TOKENS
            vocabulary = vocabulary.observe(said, least, shown_tokens)
    return Measured(
        prompt_tokens=prompt_tokens,
        reply_tokens=reply_tokens,
        least_tokens=least_prompt_tokens + least_reply_tokens,
        context_tokens=context_tokens,
        window_tokens=window_tokens + reply_tokens,
        vocabulary=vocabulary,
    )


def _measure_reply(
    conversation: Conversation, completion: Completion
) -> tuple[int, int, Vocabulary]:
    """Return the upper and the lower bound of a reply, and what its count shows of the model."""
    text, vocabulary = completion.text, conversation.vocabulary
    reply_tokens, least_reply_tokens = message_tokens(text, vocabulary), least_tokens(text)
    counted_tokens = max(completion.generated_tokens, least_reply_tokens)
    if completion.generated_tokens > 0:
        vocabulary = vocabulary.observe(text, counted_tokens - 1, counted_tokens)
        if completion.is_whole and counted_tokens <= reply_tokens:
            # The model may have counted the marker that ends its reply
            least_reply_tokens = max(least_reply_tokens, counted_tokens - 1)
        reply_tokens = min(reply_tokens, counted_tokens + _broken_up_tokens(text))
    return reply_tokens, least_reply_tokens, vocabulary


def _observe_template(vocabulary: Vocabulary, kept: Sequence[Turn], tokens: int) -> Vocabulary:
    """Return what is known after `kept`, and all that the template puts around them, took `tokens`.

    Shapes: of many turns nothing is learned, as it would take long.
    """
    if len(kept) > MOST_TURNS_OBSERVED:
        return vocabulary
    said, others_tokens = messages_of(kept), 0
    if len(said) % 2 or not take_turns(said):
        others = [turn for turn in kept if not _is_pair(turn.shown())]
        others_tokens = sum([turn.least_tokens for turn in others])
        said = messages_of([turn for turn in kept if turn not in others])
    pairs_tokens = least_tokens("\n".join([message.content for message in said]))
    return vocabulary.observe_template(tokens - others_tokens - pairs_tokens, len(said) // 2)


def _is_pair(shown: Sequence[Message]) -> bool:
    """Whether a turn is one message with its reply, around which a template puts all it has."""
    return len(shown) == len(SIDES) and take_turns(shown)


def _broken_up_tokens(text: str) -> int:
    """Return how many tokens breaking up its markers may add to a reply that is shown again."""
    shown = break_up(text)
    return estimate_tokens(shown) - estimate_tokens(text) if shown != text else 0
