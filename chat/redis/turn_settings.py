"""What a store of turns needs to know."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chat.core.limits import Limits
from chat.core.served import Tally, uncounted


@dataclass(frozen=True)
class TurnStoreSettings:
    """What a store needs to know once.

    Shapes: a search finds up to `max_found` evicted turns; an owner has up to `max_memories`
            memories; `tags` are those of the embedding model and of the model; `rate_tag` names
            whose turns are limited; `owners` returns who a conversation may belong to. `tally`
            counts the request with a turn that it stores.
    """

    prefix: str
    fencing: str
    lock_ms: int
    archive_turns: int
    limits: Limits
    rate_tag: str
    owners: Callable[[int], Sequence[str]]
    max_found: int = 12
    max_memories: int = 0
    tags: tuple[str, str] = ("", "")
    tally: Tally = field(default_factory=uncounted)
