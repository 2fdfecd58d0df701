"""Brings whole conversations back into Redis."""

from collections.abc import Iterator, Sequence

from chat.archive_ports import Whole
from chat.json_text import render_compact
from chat.keys import conversation_keys, conversations_key
from chat.messages import Head, Turn
from chat.records import render_terms, render_turn
from chat.redis import Redis
from chat.restoring_script import RESTORE

PART = 100
"""Turns that one script takes: none keeps Redis from other work for long."""


class RedisRestorer:
    """The `Restorer` port over one connection, for one owner."""

    def __init__(
        self,
        redis: Redis,
        *,
        prefix: str,
        fencing: str,
        owner: str,
        part_ms: int,
        archive_turns: int,
    ) -> None:
        """Take how long a part may stand that no other one follows, in ms; and the archive's cap.

        The cap is 0 for none.
        """
        self._redis = redis
        self._prefix = prefix
        self._fencing = fencing
        self._owner = owner
        self._part_ms = part_ms
        self._archive_turns = archive_turns

    def restore(self, whole: Whole) -> None:
        """Restore, in one round trip for each hundred turns."""
        head = whole.head
        keys = conversation_keys(self._prefix, self._owner, head.id).all()
        keys.append(conversations_key(self._prefix, self._owner))
        parts = list(_parts(whole.evicted[-self._archive_turns :]))  # 0 is all of them
        for number, archived in enumerate(parts):
            is_last = number == len(parts) - 1
            kept = whole.turns if is_last else ()
            self._redis.run(RESTORE, keys, [
                self._fencing,
                self._part_ms,
                "1" if number == 0 else "",
                _render_fields(whole) if is_last else "",
                render_terms(archived),
                len(archived),
                whole.lifetime_s,
                head.id,
                *map(render_turn, (*archived, *kept)),
            ])  # fmt: skip


def _parts(turns: Sequence[Turn]) -> Iterator[Sequence[Turn]]:
    yield turns[:PART]
    for start in range(PART, len(turns), PART):
        yield turns[start : start + PART]


def _render_fields(whole: Whole) -> str:
    head: Head = whole.head
    fields = {
        "context": head.context,
        "context_tokens": str(whole.context_tokens),
        "window_tokens": str(whole.window_tokens),
        "evidence_tokens": "0",
        "created_at": repr(head.active_at if head.created_at is None else head.created_at),
        "active_at": repr(head.active_at),
        "turn_count": str(head.turn_count),
        "evicted_count": str(len(whole.evicted)),
        "pinned": "1" if head.is_pinned else "0",
    }
    if head.title:
        fields["title"] = head.title
    return render_compact(fields)
