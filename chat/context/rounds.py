"""Decides what a model is shown of messages that a caller sends as a whole.

Messages are shown as far as they fit, the newest ones first. They leave by turns: a user's messages
with all that follows up to the next. In the newest turn, rounds leave: a reply with the outputs of
its tool calls. So a call never loses its output, and the user's newest messages and the newest
round are always shown.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from chat.context.asked import Asked
from chat.context.budget import bounded_turn, fit_turns, shown_tokens
from chat.core.messages import Conversation, Message, Turn
from chat.core.refusals import PromptTooLong
from chat.core.tokens import Vocabulary


@dataclass(frozen=True)
class Rounds:
    """Messages, as they may leave.

    Shapes: in order, `turns` are the turns before the newest one, `asked` the user's newest
            messages, `rounds` the rounds behind these, and `newest` the newest round.
    """

    turns: tuple[Turn, ...]
    asked: tuple[Message, ...]
    rounds: tuple[Turn, ...]
    newest: tuple[Message, ...]

    @property
    def prompt(self) -> str:
        """The texts of the user's newest messages."""
        return "\n\n".join(message.content for message in self.asked if message.role == "user")

    def fixed_tokens(self, vocabulary: Vocabulary) -> int:
        """Return the most that what never leaves takes."""
        fixed = (*self.asked, *self.newest)
        return sum(shown_tokens(message, vocabulary) for message in fixed)


def parse_rounds(said: Sequence[Message], vocabulary: Vocabulary) -> Rounds:
    """Divide messages into what may leave."""
    *before, newest = [*_divided(said, "user")] or [[]]
    heads = [*_divided(newest, "assistant")]
    asked = heads.pop(0) if heads and heads[0][0].role != "assistant" else []
    last = heads.pop() if heads else []
    return Rounds(
        tuple(bounded_turn(at, one, 0.0, vocabulary) for at, one in enumerate(before, 1)),
        tuple(asked),
        tuple(bounded_turn(at, one, 0.0, vocabulary) for at, one in enumerate(heads, 1)),
        tuple(last),
    )


def _divided(said: Sequence[Message], role: str) -> Iterator[list[Message]]:
    """Yield the messages in groups; each but the first begins with one or more of a role."""
    group: list[Message] = []
    for message in said:
        begins = message.role == role and group and (role != "user" or group[-1].role != role)
        if begins:
            yield group
            group = []
        group.append(message)
    if group:
        yield group


def part(asked: Asked, vocabulary: Vocabulary) -> Asked:
    """Let the turns before the newest one leave; the system messages at the beginning stay."""
    messages = asked.messages
    count = next((at for at, one in enumerate(messages) if one.role != "system"), len(messages))
    turns = parse_rounds(messages[count:], vocabulary).turns
    if not turns:
        return asked
    texts = (asked.instructions, *(message.content for message in messages[:count]))
    return replace(
        asked,
        messages=messages[count + sum(len(turn.messages) for turn in turns) :],
        instructions="\n\n".join(filter(None, texts)),
        before=turns,
    )


@dataclass(frozen=True)
class Kept:
    """What is shown of messages, and how many others have left; the prompt's most tokens."""

    said: tuple[Message, ...]
    evicted_count: int
    prompt_tokens: int


def fit_rounds(
    conversation: Conversation, rounds: Rounds, *, context_length: int, beside_tokens: int
) -> Kept:
    """Keep as much as fits in the context.

    Shapes: the turns of `conversation` are those of `rounds`, and then its rounds.
    Units:  `beside_tokens` is what neither the messages nor the system context take: the reserve
            for the reply, and what is recalled.
    Errors: PromptTooLong if what never leaves does not fit.
    """
    fixed_tokens = rounds.fixed_tokens(conversation.vocabulary)
    room_tokens = context_length - beside_tokens
    fit = fit_turns(conversation, conversation.turns, room_tokens - fixed_tokens)
    if fit.window_tokens + fixed_tokens > room_tokens:
        raise PromptTooLong(fit.window_tokens + fixed_tokens + beside_tokens, context_length)
    gone = len(fit.evicted)
    turns, later = rounds.turns[gone:], rounds.rounds[max(0, gone - len(rounds.turns)) :]
    said = (
        *(message for turn in turns for message in turn.shown()),
        *rounds.asked,
        *(message for turn in later for message in turn.shown()),
        *rounds.newest,
    )
    evicted_count = sum(len(turn.messages) for turn in fit.evicted)
    return Kept(said, evicted_count, fit.window_tokens + fixed_tokens)
