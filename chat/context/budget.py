"""Decides which turns the model is shown: the token budget, and FIFO eviction by whole turns.

    context_length = system context + kept turns + recalled text + the new prompt + the reserve

The system context and the new prompt are never evicted or cut. Nothing here counts tokens exactly:
all numbers are bounds that hold for any tokenizer. A model reports how many tokens it counted in
each prompt. So after each turn the size of the whole window is known: the model's count less what
stood in that prompt only. For the next turn, the upper bound of the new prompt is added, and the
lower bound of each evicted turn is taken off.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chat.context.markers import break_up
from chat.core.messages import SIDES, Completion, Conversation, Message, Turn
from chat.core.refusals import PromptTooLong
from chat.core.tokens import UNKNOWN, Vocabulary, estimate_tokens, least_tokens

TEMPLATE_TOKENS = 24
"""The most that a prompt template puts around one message: llama3 in `chat.context.templates`."""
LEAST_TEMPLATE_TOKENS = 3
"""The least that a template puts around a turn: a token before the prompt, one before the reply,
and one behind it."""
CALL_TOKENS = 32
"""The most that a template puts around a tool call or its output: names of fields, and signs."""
NO_USER_MESSAGE = "(no message)"
"""The user message put before an assistant's message that would open the context.

Templates want the user to begin.
"""


@dataclass(frozen=True)
class Fit:
    """Which turns are shown and which are evicted.

    Shapes: `evicted` and `kept` run oldest first; together they are all turns that were to fit.
    Units:  `window_tokens` is an upper bound of the system context and the kept turns,
            `prompt_tokens` one of the whole prompt.
    """

    evicted: tuple[Turn, ...]
    kept: tuple[Turn, ...]
    window_tokens: int
    prompt_tokens: int


def message_tokens(content: str, vocabulary: Vocabulary = UNKNOWN) -> int:
    """Estimate from above what one message takes in a prompt, template included."""
    return estimate_tokens(break_up(content), vocabulary) + TEMPLATE_TOKENS


def fit_context(
    conversation: Conversation,
    prompt: str,
    *,
    context_length: int,
    max_reply_tokens: int,
    recalled_tokens: int = 0,
) -> Fit:
    """Keep the newest whole turns that fit beside the system context, `prompt` and recalled text.

    Errors: PromptTooLong if the prompt does not fit even without any turn.
    """
    new_tokens = message_tokens(prompt, conversation.vocabulary) + recalled_tokens
    room_tokens = context_length - max_reply_tokens - new_tokens
    fit = fit_turns(conversation, conversation.turns, room_tokens)
    if fit.window_tokens > room_tokens:
        needed_tokens = fit.window_tokens + new_tokens + max_reply_tokens
        raise PromptTooLong(needed_tokens, context_length)
    prompt_tokens = fit.window_tokens + new_tokens
    return Fit(fit.evicted, fit.kept, fit.window_tokens, prompt_tokens)


def fit_turns(conversation: Conversation, turns: Sequence[Turn], room_tokens: int) -> Fit:
    """Evict the oldest of `turns` until the rest and the system context fit in `room_tokens`.

    A turn with the output of a tool call goes together with the turn that made the call.

    Two upper bounds hold at once: the sum of the parts' upper bounds, and the last known size of
    the window less the lower bounds of the evicted turns.
    Shapes: `turns` run oldest first; they are the conversation's, and maybe newer ones behind them.
    Errors: none; if no turn fits, all are evicted, and `window_tokens` is what the system context
            takes.
    """
    parts_tokens = conversation.context_tokens + sum([turn.tokens for turn in turns])
    added = turns[len(conversation.turns) :]
    known_tokens = conversation.window_tokens + sum([turn.tokens for turn in added])
    evicted_count = 0
    while evicted_count < len(turns) and (
        min(parts_tokens, known_tokens) > room_tokens
        or (evicted_count > 0 and continues(turns[evicted_count]))
    ):
        turn = turns[evicted_count]
        parts_tokens -= turn.tokens
        known_tokens -= turn.least_tokens
        evicted_count += 1
    window_tokens = min(parts_tokens, known_tokens)
    return Fit(
        tuple(turns[:evicted_count]), tuple(turns[evicted_count:]), window_tokens, window_tokens
    )


def continues(turn: Turn) -> bool:
    """Whether a turn begins with the output of a tool call, which the turn before made."""
    first = next((message for message in turn.messages if message is not None), None)
    return first is not None and first.call_id is not None


def least_turn_tokens(messages: Sequence[Message | None]) -> int:
    """Estimate from below what the messages of a turn take in a prompt, template included."""
    said = sum(least_tokens(message.content) for message in messages if message)
    return said + LEAST_TEMPLATE_TOKENS


def bounded_turn(
    number: int,
    messages: Sequence[Message | None],
    at: float,
    vocabulary: Vocabulary = UNKNOWN,
) -> Turn:
    """Make a turn whose tokens no model has counted: its numbers are estimated bounds."""
    shown = [message for message in messages if message is not None]
    return Turn(
        number=number,
        messages=tuple(messages),
        prompt_tokens=sum(shown_tokens(message, vocabulary) for message in shown),
        reply_tokens=0,
        least_tokens=least_turn_tokens(messages),
        at=at,
    )


def as_shown(message: Message) -> str:
    """Return a message as text, with the role if templates lack it, and with its tool calls."""
    if message.calls:
        called = (f"(calls {call.name} with {call.arguments})" for call in message.calls)
        return "\n".join(filter(None, (message.content, *called)))
    if message.role in SIDES:
        return message.content
    return f"({message.role})\n{message.content}"


def shown_tokens(message: Message, vocabulary: Vocabulary = UNKNOWN) -> int:
    """Estimate from above what a message takes in a prompt, with its tool calls and their ids."""
    return message_tokens(as_shown(message), vocabulary) + around_calls_tokens(message)


def around_calls_tokens(message: Message) -> int:
    """Estimate from above what a template puts around a message's tool calls, or their output."""
    ids = [call.id for call in message.calls] + [message.call_id or ""]
    return sum([estimate_tokens(one) + CALL_TOKENS for one in ids if one])


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
    vocabulary, is_first = conversation.vocabulary, conversation.turn_count == 0
    least_said_tokens = least_tokens(prompt if beside.certain is None else beside.certain)
    prompt_tokens = message_tokens(prompt, vocabulary) + beside.around_tokens
    text = completion.text
    reply_tokens, least_reply_tokens = message_tokens(text, vocabulary), least_tokens(text)
    counted_tokens = max(completion.generated_tokens, least_reply_tokens)
    if completion.generated_tokens > 0:
        vocabulary = vocabulary.observe(text, counted_tokens - 1, counted_tokens)
        if completion.is_whole and counted_tokens <= reply_tokens:
            least_reply_tokens = max(least_reply_tokens, counted_tokens - 1)  # less its end marker
        reply_tokens = min(reply_tokens, counted_tokens + _broken_up_tokens(text))
    least_prompt_tokens = least_said_tokens + LEAST_TEMPLATE_TOKENS
    context_tokens, window_tokens = conversation.context_tokens, fit.window_tokens + prompt_tokens
    shown_tokens = completion.prompt_tokens - least_tokens(recalled)
    if shown_tokens >= sum([turn.least_tokens for turn in fit.kept]) + least_said_tokens:
        window_tokens = shown_tokens
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


def _broken_up_tokens(text: str) -> int:
    """Return how many tokens breaking up its markers may add to a reply that is shown again."""
    shown = break_up(text)
    return estimate_tokens(shown) - estimate_tokens(text) if shown != text else 0
