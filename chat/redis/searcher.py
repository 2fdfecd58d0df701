"""Searches an owner's conversations in Redis: a script looks at some of them in each step."""

from collections.abc import Sequence

from chat.core.errors import CorruptConversation
from chat.core.json_text import PARSE_ERRORS, parse_own_json, render_compact
from chat.core.messages import Place, as_role
from chat.redis.connection import Redis, as_bytes, as_text
from chat.redis.keys import conversations_key
from chat.redis.whole_scripts import SEARCH_OWNER
from chat.usecases.ports import Cursor
from chat.usecases.search import Hit, Term


class RedisSearcher:
    """The `Searcher` port over one connection, for one owner."""

    def __init__(self, redis: Redis, prefix: str, owner: str, namespace: str | None = None) -> None:
        """Take the `namespace` whose conversations are searched; None for all."""
        self._redis = redis
        self._prefix = prefix
        self._owner = owner
        self._namespace = namespace

    async def step(
        self, terms: Sequence[Term], cursor: Cursor | None, limit: int
    ) -> tuple[list[Hit], Cursor | None]:
        """Search in one round trip."""
        after = cursor or Cursor("+inf", "")
        rows, at, name = await self._redis.run(
            SEARCH_OWNER,
            {"conversations": conversations_key(self._prefix, self._owner, self._namespace)},
            beginning=f"{self._prefix}:{self._owner}:",
            last_at=after.at,
            last_id=after.id,
            limit=limit,
            wanted=render_compact([[one.term, *one.beginnings] for one in terms]),
        )
        after_at, after_id = as_bytes(at).decode(), as_bytes(name).decode()
        return _parse_hits(as_text(rows)), Cursor(after_at, after_id) if after_id else None


def _parse_hits(text: str) -> list[Hit]:
    """Parse what a step found.

    Errors: CorruptConversation.
    """
    try:
        return [
            Hit(
                count=int(count),
                created_at=float(at),
                conversation_id=int(conversation_id),
                title=title or None,
                place=Place(int(number), int(index)),
                role=as_role(role),
                part=part,
                has_before=has_before,
                has_behind=has_behind,
            )
            for (
                count, at, conversation_id, title, number, index, role, part, has_before, has_behind
            ) in parse_own_json(text)
        ]  # fmt: skip
    except PARSE_ERRORS as error:
        raise CorruptConversation from error
