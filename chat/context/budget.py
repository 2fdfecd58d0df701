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
from functools import cached_property
from operator import attrgetter

from chat.context.markers import break_up
from chat.core.messages import IMAGE, SIDES, Conversation, Message, Turn
from chat.core.refusals import PromptTooLong
from chat.core.tokens import UNKNOWN, Vocabulary, estimate_tokens, least_tokens

TEMPLATE_TOKENS = 24
"""The most that a prompt template puts around one message: llama3 in `chat.context.templates`."""
LEAST_TEMPLATE_TOKENS = 3
"""The least that a template puts around a turn: a token before the prompt, one before the reply,
and one behind it. A turn of one side only may become one message with the turn next to it."""
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


@dataclass(frozen=True)
class Room:
    """The room that a conversation and a prompt leave for what is recalled.

    Units: `beside_tokens` is the most that is shown beside prompt, turns and what is recalled.
    """

    conversation: Conversation
    prompt: str
    context_length: int
    max_reply_tokens: int
    beside_tokens: int = 0

    @cached_property
    def new_tokens(self) -> int:
        """The most that the prompt takes, and what is shown beside it."""
        return message_tokens(self.prompt, self.conversation.vocabulary) + self.beside_tokens

    def fit(self, recalled_tokens: int = 0) -> Fit:
        """Keep the newest whole turns that fit beside all else, and so many recalled tokens.

        Errors: PromptTooLong if the prompt does not fit even without any turn.
        """
        new_tokens = self.new_tokens + recalled_tokens
        room_tokens = self.context_length - self.max_reply_tokens - new_tokens
        fit = fit_turns(self.conversation, self.conversation.turns, room_tokens)
        if fit.window_tokens > room_tokens:
            needed_tokens = fit.window_tokens + new_tokens + self.max_reply_tokens
            raise PromptTooLong(needed_tokens, self.context_length)
        return Fit(fit.evicted, fit.kept, fit.window_tokens, fit.window_tokens + new_tokens)


def fit_turns(conversation: Conversation, turns: Sequence[Turn], room_tokens: int) -> Fit:
    """Evict the oldest of `turns` until the rest and the system context fit in `room_tokens`.

    A turn with the output of a tool call goes together with the turn that made the call.

    Two upper bounds hold at once: the sum of the parts' upper bounds, and the last known size of
    the window less the lower bounds of the evicted turns.
    Shapes: `turns` run oldest first; they are the conversation's, and maybe newer ones behind them.
    Errors: none; if no turn fits, all are evicted, and `window_tokens` is what the system context
            takes.
    """
    parts_tokens = conversation.context_tokens + sum_tokens(turns)
    known_tokens = conversation.window_tokens + sum_tokens(turns[len(conversation.turns) :])
    evicted_count = 0
    window_tokens = min(parts_tokens, known_tokens) + opening_tokens(turns)
    while evicted_count < len(turns) and (
        window_tokens > room_tokens or (evicted_count > 0 and continues(turns[evicted_count]))
    ):
        turn = turns[evicted_count]
        parts_tokens -= turn.tokens
        known_tokens -= turn.least_tokens
        evicted_count += 1
        left = turns[evicted_count : evicted_count + 1]
        window_tokens = min(parts_tokens, known_tokens) + opening_tokens(left)
    return Fit(
        tuple(turns[:evicted_count]), tuple(turns[evicted_count:]), window_tokens, window_tokens
    )


def sum_tokens(turns: Sequence[Turn]) -> int:
    """Return the most that turns take together."""
    prompts, replies = attrgetter("prompt_tokens"), attrgetter("reply_tokens")
    tokens: int = sum(map(prompts, turns)) + sum(map(replies, turns))
    return tokens


def opening_tokens(turns: Sequence[Turn]) -> int:
    """Return the most that `NO_USER_MESSAGE` takes before `turns`; 0 if the user begins them."""
    said = turns[0].shown() if turns else ()
    begins = not turns or (said and said[0].role != "assistant")
    return 0 if begins else message_tokens(NO_USER_MESSAGE)


def continues(turn: Turn) -> bool:
    """Whether a turn begins with the output of a tool call, which the turn before made."""
    first = next((message for message in turn.messages if message is not None), None)
    return first is not None and first.call_id is not None


def least_turn_tokens(messages: Sequence[Message | None]) -> int:
    """Estimate from below what the messages of a turn take in a prompt, template included."""
    said = sum(least_tokens(message.content) for message in messages if message)
    sides = {message.role == "assistant" for message in messages if message}
    return said + (LEAST_TEMPLATE_TOKENS if len(sides) > 1 else 0)


def template_tokens(messages: Sequence[Message], vocabulary: Vocabulary) -> int:
    """Return the most that a template puts around the messages of a turn.

    What is known of a pair is known of a user's message with its reply, and of each of the two; of
    tool calls, their outputs and images it says nothing.
    """
    pair_tokens = vocabulary.pair_tokens or 2 * TEMPLATE_TOKENS
    one_tokens = min(TEMPLATE_TOKENS, pair_tokens)
    total_tokens, awaits_reply = 0, False
    for message in messages:
        is_reply = message.role == "assistant" and awaits_reply
        if is_more_than_text(message):
            total_tokens += TEMPLATE_TOKENS
        else:
            total_tokens += min(one_tokens, pair_tokens - one_tokens) if is_reply else one_tokens
        awaits_reply = message.role != "assistant" and not is_more_than_text(message)
    return total_tokens


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
        prompt_tokens=sum(said_tokens(message, vocabulary) for message in shown)
        + template_tokens(shown, vocabulary),
        reply_tokens=0,
        least_tokens=least_turn_tokens(messages),
        at=at,
    )


def as_shown(message: Message) -> str:
    """Return a message as text, with the role if templates lack it, and with its tool calls.

    Of an image it says only that there is one.
    """
    if message.calls:
        called = (f"(calls {call.name} with {call.arguments})" for call in message.calls)
        return "\n".join(filter(None, (message.content, *called)))
    if message.images:
        return "\n".join(filter(None, (message.content, *[IMAGE] * len(message.images))))
    if message.role in SIDES:
        return message.content
    return f"({message.role})\n{message.content}"


def shown_tokens(message: Message, vocabulary: Vocabulary = UNKNOWN) -> int:
    """Estimate from above what a message takes in a prompt, template included."""
    return said_tokens(message, vocabulary) + TEMPLATE_TOKENS


def said_tokens(message: Message, vocabulary: Vocabulary) -> int:
    """Estimate from above what a message takes, with all that it has, but without the template."""
    return estimate_tokens(break_up(as_shown(message)), vocabulary) + beside_text_tokens(message)


def beside_text_tokens(message: Message) -> int:
    """Estimate from above what a message takes beside its text.

    That is its images, and what a template puts around its tool calls, or around their output.
    """
    ids = [call.id for call in message.calls] + [message.call_id or ""]
    calls_tokens = sum([estimate_tokens(one) + CALL_TOKENS for one in ids if one])
    return calls_tokens + sum([image.tokens for image in message.images])


def is_more_than_text(message: Message) -> bool:
    """Whether a template may put more around a message: it has calls, an output, or images."""
    return bool(message.calls or message.images) or message.call_id is not None
