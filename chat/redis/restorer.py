"""Puts whole conversations into Redis."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chat.core.heads import Head
from chat.core.json_text import render_compact
from chat.core.messages import Turn
from chat.core.owners import anyone
from chat.core.portions import MAX_CALL_BYTES, portions
from chat.redis.account import Account, account_of
from chat.redis.connection import Redis
from chat.redis.keys import Keys, conversation_keys, conversations_key, restored_key, started_key
from chat.redis.records import render_terms, render_turn
from chat.redis.script import Argument
from chat.redis.whole_scripts import RESTORE, STAGE
from chat.usecases.durable_ports import Whole

PART = 100
"""The most turns that one script takes, so that none keeps Redis from other work for long."""


NO_NOTES: Mapping[str, Argument] = {"repetition": "", "result": b"", "started": ""}
"""What is kept under an Idempotency-Key where there is none."""


class Rendered(NamedTuple):
    """A turn as it is stored, and its terms for the index; a turn in the window has no terms."""

    turn: bytes
    terms: bytes
    is_archived: bool


class Begun(NamedTuple):
    """What is there of a conversation before it is restored.

    Shapes: `is_locked` is whether this request has stored something of it, under its lock;
            `started` is the key where an Idempotency-Key leads, '' without one, and `notes` are
            the arguments that say what is kept under it.
    """

    is_locked: bool = False
    started: str = ""
    notes: Mapping[str, Argument] = NO_NOTES


NOT_BEGUN = Begun()


class RedisRestorer:
    """The `Restorer` port over one connection, for one owner."""

    def __init__(  # noqa: PLR0913 - all of it is known once, and by name
        self,
        redis: Redis,
        *,
        prefix: str,
        fencing: str,
        owner: str,
        part_ms: int,
        archive_turns: int,
        account: Account | None = None,
    ) -> None:
        """Take how long a part waits for the next one, in ms, and the archive's cap.

        If no part follows in time, what was stored expires. The cap is 0 for none.
        """
        self._account = account
        self._redis = redis
        self._prefix = prefix
        self._fencing = fencing
        self._owner = owner
        self._part_ms = part_ms
        self._archive_turns = archive_turns

    async def restore(self, whole: Whole, begun: Begun = NOT_BEGUN) -> None:
        """Restore in one round trip for each part of the turns; in more for a long part."""
        archived = self._archived(whole)
        turns = (
            _render(turn, is_archived=place < len(archived))
            for place, turn in enumerate((*archived, *whole.turns))
        )
        is_first, waiting = not begun.is_locked, list[Rendered]()
        for part in portions(turns, _size_bytes, MAX_CALL_BYTES, PART):
            if waiting:
                await self._restore(whole, begun, waiting, is_first=is_first, is_last=False)
                is_first = False
            waiting = part
        await self._restore(whole, begun, waiting, is_first=is_first, is_last=True)

    def _archived(self, whole: Whole) -> Sequence[Turn]:
        return whole.evicted[-self._archive_turns :]  # a cap of 0 keeps all of them

    async def _restore(
        self,
        whole: Whole,
        begun: Begun,
        part: Sequence[Rendered],
        *,
        is_first: bool,
        is_last: bool,
    ) -> None:
        terms = [rendered.terms for rendered in part if rendered.is_archived]
        pieces = [
            self._render_fields(whole) if is_last else b"",
            b"[" + b",".join(terms) + b"]",
            *(rendered.turn for rendered in part),
        ]
        keys, staged = self._keys(whole.head.id, begun)
        account_keys, account = account_of(self._account, self._owner)
        if sum(map(len, pieces)) > MAX_CALL_BYTES:
            data = b"".join(b"%d:%b" % (len(piece), piece) for piece in pieces)
            await self._stage(staged | account_keys, account, data)
            pieces = []
        await self._redis.run(
            RESTORE,
            keys | staged | account_keys,
            *pieces,
            fencing=self._fencing,
            part_ms=self._part_ms,
            is_first="1" if is_first else "",
            is_last="1" if is_last else "",
            archived_count=len(terms),
            lifetime_s=whole.lifetime_s,
            conversation_id=whole.head.id,
            account=account,
            **begun.notes,
        )

    def _render_fields(self, whole: Whole) -> bytes:
        head: Head = whole.head
        kept = (*self._archived(whole), *whole.turns)
        messages = whole.messages_before + sum(len(turn.shown()) for turn in kept)
        fields = {
            "context": head.context,
            "context_tokens": str(whole.context_tokens),
            "window_tokens": str(whole.window_tokens),
            "evidence_tokens": str(whole.vocabulary.evidence_tokens),
            "pair_tokens": str(whole.vocabulary.pair_tokens),
            "created_at": repr(head.begun_at),
            "active_at": repr(head.active_at),
            "turn_count": str(head.turn_count),
            "evicted_count": str(whole.evicted_before + len(whole.evicted)),
            "messages": f"{head.turn_count}:{messages}",
            "pinned": "1" if head.is_pinned else "0",
        }
        if head.title:
            fields["title"] = head.title
        if head.metadata:
            fields["metadata"] = render_compact(head.metadata)
        if head.namespace:
            fields["namespace"] = head.namespace
        return render_compact(fields).encode()

    def _keys(self, conversation_id: int, begun: Begun) -> tuple[Keys, Keys]:
        """Return the keys of a conversation, and that where a long part waits."""
        keys = conversation_keys(self._prefix, self._owner, conversation_id)
        keys["started"] = begun.started or started_key(self._prefix, self._owner, "")
        if self._owner != anyone(conversation_id):
            keys["conversations"] = conversations_key(self._prefix, self._owner)
        name = restored_key(self._prefix, self._owner, conversation_id, self._fencing)
        return keys, {"restored": name}

    async def _stage(self, keys: Keys, account: bytes, data: bytes) -> None:
        """Store the data of a part that is too long for one round trip, a piece in each."""
        for start in range(0, len(data), MAX_CALL_BYTES):
            piece = data[start : start + MAX_CALL_BYTES]
            await self._redis.run(
                STAGE, keys, begin=start, part_ms=self._part_ms, account=account, piece=piece
            )


def _render(turn: Turn, *, is_archived: bool) -> Rendered:
    terms = render_terms([turn])[1:-1] if is_archived else b""
    return Rendered(render_turn(turn), terms, is_archived)


def _size_bytes(rendered: Rendered) -> int:
    return len(rendered.turn) + len(rendered.terms)
