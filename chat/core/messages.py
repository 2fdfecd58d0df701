"""The values that all other code works with: messages, turns and conversations.

Messages and turns are tuples because a window has a hundred of them, and the guest makes them all
anew for each turn: a frozen dataclass takes three times as long to make.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, cycle, islice
from operator import attrgetter
from typing import Any, Literal, NamedTuple, get_args

from chat.core.images import Image
from chat.core.matches import NO_MATCHES, Matches
from chat.core.summaries import RunningSummary
from chat.core.tokens import UNKNOWN, Vocabulary
from chat.core.tool_calls import ToolCall

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = get_args(Role)
SIDES: tuple[Role, ...] = ("user", "assistant")
"""The roles that every prompt template knows."""

IMAGE = "(an image)"
"""Stands for an image where there is only text."""


def as_role(value: Any) -> Role:
    """Return `value` if it is one of the roles.

    Errors: ValueError if it is not.
    """
    return ROLES[ROLES.index(value)]


class Message(NamedTuple):
    """One utterance.

    Shapes: `receipt` says how a reply came about, as `chat.core.receipts` writes it. `calls` are
            the tool calls of an assistant's message, whose `content` may then be empty; `call_id`
            is the id of the call whose output a tool's message is. `images` stand behind the text,
            which may then be empty.
    Units:  `created_at` is seconds since 1970; None for a message that is made for the model only.
    """

    role: Role
    content: str
    created_at: float | None = None
    metadata: Mapping[str, Any] | None = None
    receipt: str | None = None
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    images: tuple[Image, ...] = ()

    @property
    def text(self) -> str:
        """What the message says, by which it is searched for; tool calls are written out."""
        if not self.calls and not self.images:
            return self.content
        written = [f"{call.name}({call.arguments})" for call in self.calls]
        written += [IMAGE] * len(self.images)
        return "\n".join([self.content, *written] if self.content else written)


class Turn(NamedTuple):
    """A user message and its reply; or added messages, from one user message up to the next.

    Shapes: `messages` are in order; a forgotten message leaves None, so that the others keep their
            numbers.
    Units:  `reply_tokens` is an upper bound of what the model's reply adds to a prompt, and
            `prompt_tokens` one of what everything else in the turn adds, template included;
            `least_tokens` is a lower bound of both together. `at` is seconds since 1970; `number`
            counts from 1 within the conversation.
    """

    number: int
    messages: tuple[Message | None, ...]
    prompt_tokens: int
    reply_tokens: int
    least_tokens: int
    at: float

    @property
    def tokens(self) -> int:
        """The most that the turn takes in the context window."""
        return self.prompt_tokens + self.reply_tokens

    def shown(self) -> tuple[Message, ...]:
        """Return the messages that are still there."""
        return tuple([message for message in self.messages if message is not None])

    def times(self) -> list[float]:
        """Return when each message that is still there was said: its own time, or the turn's."""
        return [self.at if m.created_at is None else m.created_at for m in self.shown()]

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


def messages_of(turns: "Iterable[Turn]") -> tuple[Message, ...]:
    """Return the messages of turns that are still there, in order."""
    return tuple(filter(None, chain.from_iterable([turn.messages for turn in turns])))


def are_texts(messages: Sequence[Message]) -> bool:
    """Whether messages are no more than texts: no tool calls, no outputs of any, no images."""
    return not any(
        any(map(attrgetter(field), messages)) for field in ("calls", "call_id", "images")
    )


def take_turns(messages: Sequence[Message]) -> bool:
    """Whether user and assistant take turns, the user first, with no more than texts."""
    roles = list(map(attrgetter("role"), messages))
    return roles == list(islice(cycle(SIDES), len(roles))) and are_texts(messages)


@dataclass(frozen=True)
class Place:
    """Where a message stands: the number of its turn, and its own number within that turn.

    As text, a place is the message's id. The id does not change when other messages are forgotten.
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
            evicted turns are in the archive, and `found` are the evicted turns that a search for
            the prompt's terms found, the best first; `matches` is what else that search told.
            The conversation's memories are recalled in conversations of the same `namespace` only.
    Units:  `context_tokens` is the most that the system context takes, `window_tokens` the most
            that the system context and the turns take together; `active_at`, the time of the turn
            before, is seconds since 1970, and None for a new conversation.
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
    matches: Matches = NO_MATCHES
    namespace: str | None = None
    summary: RunningSummary | None = None


@dataclass(frozen=True)
class Memory:
    """What an owner once said, or the assistant in reply, word for word.

    Shapes: `id` is a conversation's id and a message's id, as `12.3.0`, or begins with `note-` if
            the memory is a note that was remembered by request; a note's `conversation_id` is None.
    Units:  `at` is seconds since 1970.
    """

    id: str
    role: Role
    content: str
    at: float
    conversation_id: int | None
    is_pinned: bool = False
    namespace: str | None = None


@dataclass(frozen=True)
class FoundMemory:
    """A memory that a search found.

    Units: `distance` is the cosine distance, from 0 to 2; None if only its words were looked at.
    """

    memory: Memory
    distance: float | None


@dataclass(frozen=True)
class Embedded:
    """A memory with its embedding."""

    memory: Memory
    embedding: Sequence[float]


@dataclass(frozen=True)
class Commit:
    """What is about to be stored of a conversation: new turns, and what changes with them.

    Shapes: `evicted` are the oldest turns of the window and the new turns together; `memories` are
            what the owner's long-term memory is to keep of the new turns; `counters` says by how
            much each counter goes up; `title` is for a conversation without one, '' for none.
    Units:  `context_tokens` and `window_tokens` are as in `Conversation`; `at` is seconds since
            1970; a `lifetime_s` of 0 means for ever.
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
    title: str = ""


@dataclass(frozen=True)
class Completion:
    """A model's reply, and the tokens that the model counted; 0 where it reported none.

    `is_whole`: whether the text is all that was generated. `finish_reason`: why the reply ends,
    `stop`, `length`, `tool_calls` or another word of the endpoint's; None if no reason was
    reported.
    `has_prompt`: whether the prompt stands before the reply in the text, as Spin's own engine
    returns it. `calls`: the tool calls that the model made, in order; the text may then be empty.
    """

    text: str
    prompt_tokens: int
    generated_tokens: int
    is_whole: bool = True
    finish_reason: str | None = None
    has_prompt: bool = False
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True)
class Sampling:
    """How the model picks tokens, and what else one call wants of it.

    Shapes: a reply ends before any of the texts in `stop`. `wishes` are fields of a request of
            `POST /v1/chat/completions`, checked and as OpenAI names them: `tools`, `tool_choice`,
            `parallel_tool_calls`, `response_format` and others. Only an endpoint can be asked so.
    """

    max_reply_tokens: int
    temperature: float
    top_p: float
    top_k: int
    repeat_penalty: float
    repeat_last_n: int
    stop: tuple[str, ...] = ()
    wishes: Mapping[str, Any] = field(default_factory=dict)
