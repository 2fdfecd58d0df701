"""Decides which turns the model is shown: the token budget, and FIFO eviction by whole turns.

    context_length = system context + kept turns + recalled text + the new prompt + the reserve

The system context and the new prompt are never evicted or cut. Nothing here counts tokens exactly:
all numbers are bounds that hold for any tokenizer. A model reports how many tokens it counted in
each prompt. So after each turn the size of the whole window is known: the model's count less what
stood in that prompt only. For the next turn, the upper bound of the new prompt is added, and the
lower bound of each evicted turn is taken off.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chat.context.markers import break_up
from chat.core.messages import SIDES, Completion, Conversation, Message, Turn
from chat.core.refusals import PromptTooLong
from chat.core.tokens import UNKNOWN, Vocabulary, estimate_tokens, least_tokens

TEMPLATE_TOKENS = 24
"""The most that a prompt template puts around one message: llama3 in `chat.context.templates`."""
LEAST_TEMPLATE_TOKENS = 3
"""The least that a template puts around a turn: a token before the prompt, one before the reply,
and one behind it. A turn of one side only may become one message with the turn next to it."""
MOST_TURNS_OBSERVED = 32
"""The most turns in a window whose texts are looked at for what the template takes."""
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
    window_tokens = min(parts_tokens, known_tokens) + opening_tokens(turns)
    while window_tokens > room_tokens and evicted_count < len(turns):
        turn = turns[evicted_count]
        parts_tokens -= turn.tokens
        known_tokens -= turn.least_tokens
        evicted_count += 1
        left = turns[evicted_count : evicted_count + 1]
        window_tokens = min(parts_tokens, known_tokens) + opening_tokens(left)
    return Fit(
        tuple(turns[:evicted_count]), tuple(turns[evicted_count:]), window_tokens, window_tokens
    )


def opening_tokens(turns: Sequence[Turn]) -> int:
    """Return the most that `NO_USER_MESSAGE` takes before `turns`; 0 if the user begins them."""
    said = turns[0].shown() if turns else ()
    begins = not turns or (said and said[0].role != "assistant")
    return 0 if begins else message_tokens(NO_USER_MESSAGE)


def least_turn_tokens(messages: Sequence[Message | None]) -> int:
    """Estimate from below what the messages of a turn take in a prompt, template included."""
    said = sum(least_tokens(message.content) for message in messages if message)
    sides = {message.role == "assistant" for message in messages if message}
    return said + (LEAST_TEMPLATE_TOKENS if len(sides) > 1 else 0)


def template_tokens(messages: Sequence[Message], vocabulary: Vocabulary) -> int:
    """Return the most that a template puts around the messages of a turn.

    What is known of a pair is known of a user's message with its reply, and of each of the two.
    """
    pair_tokens = vocabulary.pair_tokens or 2 * TEMPLATE_TOKENS
    one_tokens = min(TEMPLATE_TOKENS, pair_tokens)
    total_tokens, awaits_reply = 0, False
    for message in messages:
        is_reply = message.role == "assistant" and awaits_reply
        total_tokens += min(one_tokens, pair_tokens - one_tokens) if is_reply else one_tokens
        awaits_reply = message.role != "assistant"
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
        prompt_tokens=sum(estimate_tokens(break_up(as_shown(m)), vocabulary) for m in shown)
        + template_tokens(shown, vocabulary),
        reply_tokens=0,
        least_tokens=least_turn_tokens(messages),
        at=at,
    )


def make_messages(context: str, turns: Sequence[Turn], prompt: str) -> list[Message]:
    """Return the messages that the model is shown: the system context, then user and assistant.

    User and assistant take turns, because models are trained on nothing else. A message in another
    role is shown as the user's, with its role written before it, and several messages in a row of
    one side become one. An empty context is left out.
    """
    shown: list[Message] = []
    rows: dict[int, list[str]] = {}  # texts that become one message, by its place in `shown`
    for message in [*(m for turn in turns for m in turn.messages), Message("user", prompt)]:
        if message is None:
            continue
        said = message
        if message.role not in SIDES:
            said = Message("user", as_shown(message))
        if shown and shown[-1].role == said.role:
            rows.setdefault(len(shown) - 1, [shown[-1].content]).append(said.content)
        else:
            shown.append(said)
    for place, contents in rows.items():
        shown[place] = Message(shown[place].role, "\n\n".join(contents))
    if shown[0].role == "assistant":
        shown.insert(0, Message("user", NO_USER_MESSAGE))
    return [Message("system", context), *shown] if context else shown


def as_shown(message: Message) -> str:
    """Return a message's text as the model is shown it, with the role if templates lack it."""
    if message.role in SIDES:
        return message.content
    return f"({message.role})\n{message.content}"


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


def measure(
    fit: Fit, conversation: Conversation, prompt: str, completion: Completion, recalled: str = ""
) -> Measured:
    """Return the bounds after a turn, narrowed by what the model counted.

    Without counts, or with impossible ones, the estimates stay. What was counted beyond the upper
    bounds of all other parts is a lower bound of the prompt. The first prompt's count also bounds
    the system context, and shows what the vocabulary is like.
    """
    vocabulary = conversation.vocabulary
    prompt_tokens = message_tokens(prompt, vocabulary)
    reply_tokens = message_tokens(completion.text, vocabulary)
    least_reply_tokens = least_tokens(completion.text)
    counted_tokens = max(completion.generated_tokens, least_reply_tokens)
    if completion.generated_tokens > 0:
        vocabulary = vocabulary.observe(completion.text, counted_tokens - 1, counted_tokens)
        if completion.is_whole and counted_tokens <= reply_tokens:
            # The model may have counted the marker that ends its reply
            least_reply_tokens = max(least_reply_tokens, counted_tokens - 1)
        reply_tokens = min(reply_tokens, counted_tokens + _broken_up_tokens(completion.text))
    least_prompt_tokens = least_tokens(prompt) + LEAST_TEMPLATE_TOKENS
    context_tokens, window_tokens = conversation.context_tokens, fit.window_tokens + prompt_tokens
    shown_tokens = completion.prompt_tokens - least_tokens(recalled)
    beside_tokens = shown_tokens - sum([turn.least_tokens for turn in fit.kept])
    if beside_tokens >= least_tokens(prompt):
        window_tokens = shown_tokens
        if completion.prompt_tokens > fit.prompt_tokens:  # it was not this model that showed it
            vocabulary = replace(vocabulary, pair_tokens=0)
        vocabulary = _observe_template(vocabulary, fit.kept, shown_tokens - least_tokens(prompt))
        if completion.prompt_tokens <= fit.prompt_tokens:  # a larger count is impossible: ignored
            most_beside = fit.prompt_tokens - prompt_tokens
            least_prompt_tokens = max(least_prompt_tokens, completion.prompt_tokens - most_beside)
        if conversation.turn_count == 0:
            context_tokens = min(context_tokens, shown_tokens - least_tokens(prompt))
            both, around_tokens = f"{conversation.context} {prompt}", 2 * TEMPLATE_TOKENS
            vocabulary = vocabulary.observe(both, shown_tokens - around_tokens, shown_tokens)
    return Measured(
        prompt_tokens=prompt_tokens,
        reply_tokens=reply_tokens,
        least_tokens=least_prompt_tokens + least_reply_tokens,
        context_tokens=context_tokens,
        window_tokens=window_tokens + reply_tokens,
        vocabulary=vocabulary,
    )


def _observe_template(vocabulary: Vocabulary, kept: Sequence[Turn], tokens: int) -> Vocabulary:
    """Return what is known after `kept`, and all that the template puts around them, took `tokens`.

    Shapes: of many turns nothing is learned, as it would take long.
    """
    if len(kept) > MOST_TURNS_OBSERVED:
        return vocabulary
    pairs = [turn for turn in kept if _is_pair(turn)]
    others_tokens = sum([turn.least_tokens for turn in kept if not _is_pair(turn)])
    said_tokens = sum([least_tokens(m.content) for turn in pairs for m in turn.shown()])
    return vocabulary.observe_template(tokens - others_tokens - said_tokens, len(pairs))


def _is_pair(turn: Turn) -> bool:
    """Whether a turn is one message with its reply, around which a template puts all it has."""
    return [message.role for message in turn.shown()] == ["user", "assistant"]


def _broken_up_tokens(text: str) -> int:
    """Return how many tokens breaking up its markers may add to a reply that is shown again."""
    shown = break_up(text)
    return estimate_tokens(shown) - estimate_tokens(text) if shown != text else 0
