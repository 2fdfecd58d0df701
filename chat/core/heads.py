"""What describes a conversation as a whole, beside its turns."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chat.core.summaries import RunningSummary

Labels = Mapping[str, str]
"""What a caller notes of a conversation for itself."""


@dataclass(frozen=True)
class Head:
    """A conversation without its turns, as durable stores and exports have it.

    Units: the times are seconds since 1970. A value that is not known is None.
    """

    id: int
    context: str
    created_at: float | None
    active_at: float
    turn_count: int
    title: str | None = None
    is_pinned: bool | None = None
    metadata: Labels | None = None
    namespace: str | None = None

    @property
    def begun_at(self) -> float:
        """When it was created; where that is not known, the earliest time that is."""
        return self.active_at if self.created_at is None else self.created_at


@dataclass(frozen=True)
class Summary:
    """A conversation as its owner sees it in a list.

    Units: the times are seconds since 1970; `window_tokens` is an upper bound of what its context
           and the turns in its window take, None if these turns are not in Redis. `message_count`
           is how many messages can be read; None if that was not counted. A list leaves out
           `summary`, that of its evicted turns.
    """

    id: int
    title: str | None
    context: str
    created_at: float
    active_at: float
    expires_at: int | None
    turn_count: int
    message_count: int | None
    evicted_turns: int
    is_pinned: bool
    window_tokens: int | None
    metadata: Labels = field(default_factory=dict)
    namespace: str | None = None
    summary: RunningSummary | None = None

    @property
    def head(self) -> Head:
        """The part of the summary that durable stores and exports have."""
        return Head(
            id=self.id,
            context=self.context,
            created_at=self.created_at,
            active_at=self.active_at,
            turn_count=self.turn_count,
            title=self.title,
            is_pinned=self.is_pinned,
            metadata=self.metadata or None,
            namespace=self.namespace,
        )


@dataclass(frozen=True)
class Change:
    """What is to be changed of a conversation; None leaves it as it is.

    An empty title takes the title away. `metadata` takes the place of all that was there.
    """

    context: str | None = None
    title: str | None = None
    is_pinned: bool | None = None
    metadata: Labels | None = None


@dataclass(frozen=True)
class Forgotten:
    """What was removed with a conversation."""

    id: int
    window_turns: int
    archived_turns: int
    memories: int
    keys: int
