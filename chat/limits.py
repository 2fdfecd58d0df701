"""Limits on turns: how many a minute may have, and how a caller is told."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Turns in any 60 seconds; 0 for no limit."""

    per_owner: int
    of_all: int


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
