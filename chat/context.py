"""Decides which turns the model is shown: the token budget, and FIFO eviction by whole turns.

    context_length = system context + kept turns + the new prompt + the reserve for the reply

The system context and the new prompt are never evicted or cut. What earlier turns take is measured:
the model reports the tokens of each prompt, and two prompts differ by one turn. Only the new prompt
is estimated, from above, and the closer the more the model's counts have shown of its vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chat.errors import PromptTooLong
from chat.messages import Completion, Conversation, Message, Turn
from chat.prompt import break_up
from chat.tokens import UNKNOWN, Vocabulary, estimate_tokens, least_tokens

TEMPLATE_TOKENS = 24
"""The most that a prompt template puts around one message. Source: llama3 in `chat.prompt`."""
SIDES = ("user", "assistant")
"""The roles that every template has."""
NO_USER_MESSAGE = "(no message)"
"""Stands before an assistant's message that opens the context: templates begin with the user."""


@dataclass(frozen=True)
class Fit:
    """What is shown and what is evicted.

    Shapes: `evicted` and `kept` run oldest first; together they are the turns that were given.
    Units:  `prompt_tokens` is an upper estimate of the whole prompt, `fixed_tokens` of all in it
            that is no turn.
    """

    evicted: tuple[Turn, ...]
    kept: tuple[Turn, ...]
    prompt_tokens: int
    fixed_tokens: int


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
    """Keep the newest whole turns that fit beside system context, `prompt` and what is recalled.

    Errors: PromptTooLong if it does not fit with no turn at all.
    """
    prompt_tokens = message_tokens(prompt, conversation.vocabulary)
    fixed_tokens = conversation.context_tokens + prompt_tokens + recalled_tokens
    budget_tokens = context_length - max_reply_tokens - fixed_tokens
    if budget_tokens < 0:
        raise PromptTooLong(fixed_tokens + max_reply_tokens, context_length)
    return fit_turns(conversation.turns, budget_tokens, fixed_tokens, conversation.vocabulary)


def fit_turns(
    turns: Sequence[Turn], budget_tokens: int, fixed_tokens: int, vocabulary: Vocabulary
) -> Fit:
    """Keep the newest whole turns that fit in `budget_tokens`, beside what takes `fixed_tokens`.

    Shapes: `turns` run oldest first.
    Errors: none; a budget of 0 or less evicts every turn.
    """
    kept_from, taken_tokens = len(turns), 0
    while kept_from > 0:
        tokens = turns[kept_from - 1].tokens
        if taken_tokens + tokens > budget_tokens:
            break
        kept_from -= 1
        taken_tokens += tokens
    while 0 < kept_from < len(turns):
        margin_tokens = _boundary_margin(turns[kept_from - 1], turns[kept_from], vocabulary)
        if taken_tokens + margin_tokens <= budget_tokens:
            taken_tokens += margin_tokens
            break
        taken_tokens -= turns[kept_from].tokens
        kept_from += 1
    prompt_tokens = fixed_tokens + taken_tokens
    return Fit(tuple(turns[:kept_from]), tuple(turns[kept_from:]), prompt_tokens, fixed_tokens)


def _boundary_margin(newest_evicted: Turn, oldest_kept: Turn, vocabulary: Vocabulary) -> int:
    """Say what the oldest turn kept behind an evicted one may take beyond its measure.

    A prompt's measure makes up for what the reply before it was over-counted, as one that was cut
    is. Without that reply the prompt counts with up to that much more, but not over its estimate.
    """
    if not oldest_kept.is_measured:
        return 0
    estimated_tokens = sum(message_tokens(m.content, vocabulary) for m in oldest_kept.shown()[:-1])
    least = sum(least_tokens(message.content) for message in newest_evicted.shown()[-1:])
    overcounted_tokens = newest_evicted.reply_tokens - least
    return max(0, min(estimated_tokens - oldest_kept.prompt_tokens, overcounted_tokens))


def make_messages(context: str, turns: Sequence[Turn], prompt: str) -> list[Message]:
    """Lay out what the model is shown: the system context, then user and assistant in turn.

    Models are trained on nothing else. What was added in other roles is shown as the user's, with
    its role beside it, and messages of one side in a row become one. An empty context is left out.
    """
    shown: list[Message] = []
    for message in [*(m for turn in turns for m in turn.messages), Message("user", prompt)]:
        if message is None:
            continue
        said = message
        if message.role not in SIDES:
            said = Message("user", as_shown(message))
        if shown and shown[-1].role == said.role:
            said = Message(said.role, f"{shown.pop().content}\n\n{said.content}")
        shown.append(said)
    if shown[0].role == "assistant":
        shown.insert(0, Message("user", NO_USER_MESSAGE))
    return [Message("system", context), *shown] if context else shown


def as_shown(message: Message) -> str:
    """Give the text that stands for a message between those of user and assistant."""
    if message.role in SIDES:
        return message.content
    return f"({message.role})\n{message.content}"


@dataclass(frozen=True)
class Measured:
    """What a turn's parts turned out to take; the rest is what is now known for the next turn."""

    prompt_tokens: int
    reply_tokens: int
    context_tokens: int
    vocabulary: Vocabulary
    is_measured: bool


def measure(
    fit: Fit,
    conversation: Conversation,
    prompt: str,
    completion: Completion,
    *,
    is_recalling: bool = False,
) -> Measured:
    """Take the model's own counts apart, or estimate where it reported none, or nonsense.

    The prompt's share is what the model counted beyond the parts that are known. Whatever is not
    the kept turns' or the prompt's least is also the most that the system context can be. Beside
    turns that are only estimated, or what was recalled, nothing can be known of one part, and the
    prompt is estimated too.
    """
    vocabulary = conversation.vocabulary
    estimated_tokens = message_tokens(prompt, vocabulary)
    reply_tokens = message_tokens(completion.text, vocabulary)
    is_counted = completion.generated_tokens > 0
    if is_counted:
        counted_tokens = max(completion.generated_tokens, least_tokens(completion.text))
        vocabulary = vocabulary.observe(completion.text, counted_tokens - 1, counted_tokens)
        reply_tokens = min(reply_tokens, counted_tokens + _broken_up_tokens(completion.text))
    beside_tokens = completion.prompt_tokens - sum(turn.tokens for turn in fit.kept)
    least = least_tokens(prompt)
    context_tokens = min(conversation.context_tokens, max(0, beside_tokens - least))
    prompt_tokens = beside_tokens - context_tokens
    if is_recalling or not _is_believed(fit, prompt, completion) or prompt_tokens <= least - 1:
        context_tokens = conversation.context_tokens
        return Measured(
            estimated_tokens, reply_tokens, context_tokens, vocabulary, is_measured=False
        )
    if conversation.turn_count == 0:
        both, around_tokens = f"{conversation.context} {prompt}", 2 * TEMPLATE_TOKENS
        vocabulary = vocabulary.observe(both, beside_tokens - around_tokens, beside_tokens)
    else:
        vocabulary = vocabulary.observe(prompt, prompt_tokens - TEMPLATE_TOKENS, 0)
    return Measured(prompt_tokens, reply_tokens, context_tokens, vocabulary, is_measured=is_counted)


def _broken_up_tokens(text: str) -> int:
    """Say how many tokens more a reply may be once its markers are broken up, to be shown again."""
    shown = break_up(text)
    return estimate_tokens(shown) - estimate_tokens(text) if shown != text else 0


def _is_believed(fit: Fit, prompt: str, completion: Completion) -> bool:
    """Say whether the model's count of the prompt can be, and what it was added to is known."""
    if not all(turn.is_measured for turn in fit.kept):
        return False
    shown = sum(least_tokens(m.content) for turn in fit.kept for m in turn.messages if m)
    return completion.prompt_tokens > shown + least_tokens(prompt)
