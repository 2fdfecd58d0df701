"""Limits: on turns and costs of a minute, on what an owner has, and how a caller is told."""

from collections.abc import Mapping
from dataclasses import dataclass

WINDOW_S = 60
"""What a limit counts over."""


@dataclass(frozen=True)
class Limits:
    """Turns in any 60 seconds, and of a client's address new credentials and bytes of imports.

    0 for no limit.
    """

    per_owner: int
    of_all: int
    credentials: int = 0
    import_bytes: int = 0


@dataclass(frozen=True)
class Bounds:
    """What an owner may have in Redis; 0 for any."""

    conversations: int
    stored_bytes: int


NO_BOUNDS = Bounds(0, 0)


@dataclass(frozen=True)
class Quota:
    """What a caller has left.

    Units: `reset_s` is seconds until the oldest turn that counts does so no longer.
    """

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> Mapping[str, str]:
        """Render it as the headers that clients know.

        Source: draft-ietf-httpapi-ratelimit-headers-05.
        """
        return {
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.reset_s),
        }
