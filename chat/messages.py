"""The values that everything else is about: messages, turns, conversations."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Message:
    """One utterance."""

    role: Role
    content: str


@dataclass(frozen=True)
class Turn:
    """A user message and its reply.

    Units: `prompt_tokens` and `reply_tokens` are what the turn adds to a prompt, template included;
           `at` is seconds since 1970; `number` counts from 1 within the conversation.
    """

    number: int
    prompt: str
    reply: str
    prompt_tokens: int
    reply_tokens: int
    at: float

    @property
    def tokens(self) -> int:
        """What the turn takes in the context window."""
        return self.prompt_tokens + self.reply_tokens


@dataclass(frozen=True)
class Conversation:
    """A conversation as loaded for its next turn.

    Shapes: `turns` are those in the context window, oldest first; evicted ones are in the archive.
    Units:  `context_tokens` is at least what the system context takes; `active_at`, the time of
            the turn before, is seconds since 1970, and None for a new conversation.
    """

    id: int
    context: str
    context_tokens: int
    turn_count: int
    turns: tuple[Turn, ...]
    active_at: float | None = None


@dataclass(frozen=True)
class NewTurn:
    """A turn that is about to be stored, and what changes with it.

    Units: `context_tokens` as in `Conversation`; `lifetime_s` is 0 for ever.
    """

    turn: Turn
    context_tokens: int
    evicted_count: int
    lifetime_s: int


@dataclass(frozen=True)
class Completion:
    """A model's reply, and what the model counted; a count is 0 where it was not reported."""

    text: str
    prompt_tokens: int
    generated_tokens: int


@dataclass(frozen=True)
class Sampling:
    """How the model picks tokens."""

    max_reply_tokens: int
    temperature: float
    top_p: float
    top_k: int
    repeat_penalty: float
    repeat_last_n: int
