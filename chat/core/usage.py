"""What came of a turn, and what the model was shown for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recalled:
    """A turn that was recalled for a prompt, its score, and its age in seconds."""

    turn: int
    score: float
    age_s: int


@dataclass(frozen=True)
class RecalledMemory:
    """A memory that was recalled for a prompt, its score, and its age in seconds."""

    memory: str
    score: float
    age_s: int


@dataclass(frozen=True)
class Usage:
    """What the model was shown, in tokens and turns.

    `evicted` are the numbers of the turns that left the context window, `recalled` the evicted
    turns that were shown again, and `memories` those that were recalled from other conversations.
    A summary of the first `summarised_turns` was shown; 0 without a summary.
    `finish_reason` is `length` if the reply was cut for want of room, and `stop` if it is complete.
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
    summarised_turns: int = 0


@dataclass(frozen=True)
class TurnResult:
    """A turn that was stored; `number` is 0 where it was not noted.

    Units: `expires_at` is seconds since 1970; None if the conversation is kept for ever.
    """

    conversation_id: int
    prompt: str
    context: str
    reply: str
    expires_at: int | None
    usage: Usage
    number: int = 0
