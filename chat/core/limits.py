"""The limits on a minute's requests and on what an owner has, and how a caller is told of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

WINDOW_S = 60
"""The time over which a limit counts."""
Adds = Literal["", "conversation", "memory"]
"""What a request is about to add to its owner's stored data."""


@dataclass(frozen=True)
class Limits:
    """The most that is allowed in any 60 seconds; 0 means no limit.

    Units: `per_owner` and `of_all` are turns, of one owner and of all owners together.
           `credentials` are new credentials of one client's address, and `import_bytes` bytes that
           it imports.
    """

    per_owner: int
    of_all: int
    credentials: int = 0
    import_bytes: int = 0


@dataclass(frozen=True)
class Bounds:
    """The most that an owner may have in Redis; 0 means no bound."""

    conversations: int
    stored_bytes: int


NO_BOUNDS = Bounds(0, 0)


@dataclass(frozen=True)
class Replicas:
    """How many replicas have to have a turn before it is answered, and how long that may take."""

    count: int = 0
    wait_ms: int = 0


NO_REPLICAS = Replicas()


@dataclass(frozen=True)
class Quota:
    """How many turns a caller has left.

    Units: `reset_s` is seconds until the oldest turn that counts stops counting.
    """

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> Mapping[str, str]:
        """Render the quota as the headers that clients know.

        Source: draft-ietf-httpapi-ratelimit-headers-05.
        """
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.reset_s),
        }
