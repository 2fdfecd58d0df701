"""The values that everything else is about: messages, turns, conversations.

Messages and turns are tuples: a window has a hundred of them, and a guest makes them all for each
turn. A frozen dataclass takes three times as long to make.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from chat.core.tokens import UNKNOWN, Vocabulary

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = get_args(Role)
SIDES = ("user", "assistant")
"""The roles that every template has."""
Adds = Literal["", "conversation", "memory"]
"""What a request is about to add to what is stored of its owner."""


def as_role(value: Any) -> Role:
    """Take one of the roles.

    Errors: ValueError.
    """
    return ROLES[ROLES.index(value)]


class Message(NamedTuple):
    """One utterance.

    Units: `created_at` is seconds since 1970; None for what is made for the model only.
    """

    role: Role
    content: str
    created_at: float | None = None
    metadata: Mapping[str, Any] | None = None


class Turn(NamedTuple):
    """A user message and its reply; or messages that were added, from one user message to the next.

    Shapes: `messages` are in order; one that was forgotten leaves None, so that the others keep
            their numbers.
    Units:  the tokens are the most that the turn adds to a prompt, template included; of them
            `reply_tokens` is the reply of a model, and `prompt_tokens` everything else;
            `least_tokens` is the least that it adds. `at` is seconds since 1970; `number` counts
            from 1 within the conversation.
    """

    number: int
    messages: tuple[Message | None, ...]
    prompt_tokens: int
    reply_tokens: int
    least_tokens: int
    at: float

    @property
    def tokens(self) -> int:
        """What the turn takes in the context window."""
        return self.prompt_tokens + self.reply_tokens

    def shown(self) -> tuple[Message, ...]:
        """Return the messages that are still there."""
        return tuple(message for message in self.messages if message is not None)

    def placed(self) -> "list[Placed]":
        """Return the messages that are still there, each with its place and its time.

        The time is the message's own, or that of the turn.
        """
        return [
            Placed(
                Place(self.number, index),
                message,
                self.at if message.created_at is None else message.created_at,
            )
            for index, message in enumerate(self.messages)
            if message is not None
        ]


@dataclass(frozen=True)
class Place:
    """Where a message stands: its turn's number, and its own within.

    As text it is the message's id, which stays when others are forgotten.
    """

    turn_number: int
    index: int

    def __str__(self) -> str:
        return f"{self.turn_number}.{self.index}"


class Placed(NamedTuple):
    """A message, where it stands, and when it was said: `created_at` is seconds since 1970."""

    place: Place
    message: Message
    created_at: float


@dataclass(frozen=True)
class Found:
    """An evicted turn that a search found; a higher score is a better match."""

    turn: Turn
    score: float


@dataclass(frozen=True)
class Conversation:
    """A conversation as loaded for its next turn.

    Shapes: `owner` is the tag in its keys; `turns` are those in the context window, oldest first;
            evicted ones are in the archive, and `found` those of them that the prompt's terms
            found, the best first.
    Units:  `context_tokens` is the most that the system context takes, `window_tokens` the most
            that it and the turns do; `active_at`, the time of the turn before, is seconds since
            1970, and None for a new conversation.
    """

    id: int
    owner: str
    context: str
    context_tokens: int
    window_tokens: int
    turn_count: int
    turns: tuple[Turn, ...]
    active_at: float | None = None
    is_pinned: bool = False
    vocabulary: Vocabulary = UNKNOWN
    found: tuple[Found, ...] = ()


@dataclass(frozen=True)
class Memory:
    """What an owner, or the assistant to it, once said, word for word.

    Shapes: `id` names the message it was, `12.3.0`; or begins with `note-` for what was remembered
            by request, of which `conversation_id` is None.
    Units:  `at` is seconds since 1970.
    """

    id: str
    role: Role
    content: str
    at: float
    conversation_id: int | None
    is_pinned: bool = False


@dataclass(frozen=True)
class FoundMemory:
    """A memory that a search found; `distance` is the cosine distance, from 0 to 2."""

    memory: Memory
    distance: float


@dataclass(frozen=True)
class Embedded:
    """A memory with its embedding."""

    memory: Memory
    embedding: Sequence[float]


@dataclass(frozen=True)
class Commit:
    """What is about to be stored of a conversation: new turns, and what changes with them.

    Shapes: `evicted` are the oldest turns of the window and the new ones together; `memories` are
            what the owner's long-term memory gets of the new turns; `counters` what counts.
    Units:  `context_tokens` and `window_tokens` as in `Conversation`; `at` is seconds since 1970;
            `lifetime_s` is 0 for ever.
    """

    turns: tuple[Turn, ...]
    context_tokens: int
    window_tokens: int
    vocabulary: Vocabulary
    evicted: tuple[Turn, ...]
    at: float
    lifetime_s: int
    memories: tuple[Embedded, ...] = ()
    counters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Completion:
    """A model's reply, and what the model counted; a count is 0 where it was not reported.

    `is_whole` says that the text is all that was generated; `finish_reason` is why it ends there,
    `stop`, `length` or another that an endpoint has, and None where nobody said. `has_prompt` says
    that the prompt came back before it, as Spin's own engine gives it.
    """

    text: str
    prompt_tokens: int
    generated_tokens: int
    is_whole: bool = True
    finish_reason: str | None = None
    has_prompt: bool = False


@dataclass(frozen=True)
class Sampling:
    """How the model picks tokens."""

    max_reply_tokens: int
    temperature: float
    top_p: float
    top_k: int
    repeat_penalty: float
    repeat_last_n: int


@dataclass(frozen=True)
class Recalled:
    """A turn that came back for a prompt, its score, and how many seconds ago it was."""

    turn: int
    score: float
    age_s: int


@dataclass(frozen=True)
class RecalledMemory:
    """A memory that came back for a prompt, its score, and how many seconds ago it was."""

    memory: str
    score: float
    age_s: int


@dataclass(frozen=True)
class Usage:
    """What the model saw, in tokens and turns; the turns that left and came back, by number.

    `memories` are those that came back from other conversations.

    `finish_reason` is `length` where the reply ended for want of room, `stop` where it was done.
    """

    context_length: int
    prompt_tokens: int
    generated_tokens: int
    window_turns: int
    evicted_turns: int
    finish_reason: str = "stop"
    evicted: tuple[int, ...] = ()
    recalled: tuple[Recalled, ...] = ()
    memories: tuple[RecalledMemory, ...] = ()


@dataclass(frozen=True)
class TurnResult:
    """A turn that was stored.

    Units: `expires_at` is seconds since 1970; None if the conversation is kept for ever.
    """

    conversation_id: int
    prompt: str
    context: str
    reply: str
    expires_at: int | None
    usage: Usage
