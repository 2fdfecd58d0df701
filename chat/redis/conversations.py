"""Reads, changes and forgets an owner's conversations in Redis."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from chat.core.cuts import Cut, ForgottenMessages
from chat.core.heads import Change, Forgotten, Summary
from chat.core.memories import memory_id
from chat.core.messages import Place, Turn
from chat.core.owners import anyone
from chat.core.portions import MAX_CALL_BYTES
from chat.core.refusals import UnknownConversation
from chat.redis.account import Account, account_of
from chat.redis.connection import Redis, Value, as_bytes, as_int, as_text
from chat.redis.heads import parse_head, parse_reply, render_change
from chat.redis.keys import Keys, conversation_keys, conversations_key, owned_keys
from chat.redis.portioned import run_in_portions
from chat.redis.records import (
    parse_embedding,
    parse_turns,
    render_embedding,
    render_terms,
    render_turn,
)
from chat.redis.scripts import (
    CHANGE,
    CUT,
    FORGET,
    KEEP_EMBEDDINGS,
    LIST_IDS,
    LIST_PAGE,
    LOAD_EMBEDDINGS,
    LOCK,
    NOT_THERE,
    RELEASE,
    REPLACE,
    SUMMARISE,
    TURNS_PAGE,
)
from chat.usecases.ports import Cursor, StoredTurn

Outcome = TypeVar("Outcome")
HELD_MS = 60_000
"""How long a change may lock a conversation while the store behind Redis is changed."""


class RedisConversationStore:
    """The `ConversationStore` port over one connection, for one request."""

    def __init__(
        self,
        redis: Redis,
        *,
        prefix: str,
        fencing: str,
        owner: str | None,
        owners: Callable[[int], Sequence[str]],
        account: Account | None = None,
    ) -> None:
        """Take the caller's `owner`, and the `owners` whose conversations the caller may reach.

        `account` is the caller's account, if there is one.
        """
        self._account = account
        self._redis = redis
        self._prefix = prefix
        self._fencing = fencing
        self._owner = owner
        self._owners = owners

    async def list_page(
        self, cursor: Cursor | None, limit: int, namespace: str | None = None
    ) -> tuple[list[Summary], Cursor | None]:
        """Return a page, without contexts, in one round trip."""
        if self._owner is None:
            return [], None
        after = cursor or Cursor("+inf", "")
        key = conversations_key(self._prefix, self._owner, namespace)
        account_keys, account = account_of(self._account, self._owner)
        reply = await self._redis.run(
            LIST_PAGE,
            {"conversations": key, **account_keys},
            beginning=f"{self._prefix}:{self._owner}:",
            last_at=after.at,
            last_id=after.id,
            limit=limit,
            account=account,
        )
        rows = parse_reply(as_bytes(reply[0]))
        page = [parse_head(row) for row in rows[:limit]]
        last = rows[limit - 1] if len(rows) > limit else None
        return page, Cursor(str(last[-1]), str(last[0])) if last else None

    async def summarise(self, conversation_id: int) -> Summary:
        """Summarise, in one round trip."""
        return await self._summarise(conversation_id, "1")

    async def summarise_head(self, conversation_id: int) -> Summary:
        """Summarise a conversation even if Redis lost some of its turns, in one round trip."""
        return await self._summarise(conversation_id, "")

    async def _summarise(self, conversation_id: int, must_be_whole: str) -> Summary:
        async def summarise(_: str, keys: Keys) -> Summary:
            reply = await self._redis.run(
                SUMMARISE, keys, conversation_id=conversation_id, must_be_whole=must_be_whole
            )
            return parse_head(parse_reply(as_bytes(reply[0])))

        return await self._find(conversation_id, summarise)

    async def list_ids(self, namespace: str | None = None) -> list[int]:
        """Return all ids, in one round trip."""
        if self._owner is None:
            return []
        keys = {"conversations": conversations_key(self._prefix, self._owner, namespace)}
        return list(map(int, as_text((await self._redis.run(LIST_IDS, keys))[0]).split()))

    async def turns_page(
        self, conversation_id: int, last_number: int, count: int
    ) -> list[StoredTurn]:
        """Return turns of archive and window, in one round trip; fewer if they are long.

        A turn that is too long for one round trip is read in pieces, each in its own round trip.
        """

        async def page(_: str, keys: Keys) -> list[StoredTurn]:
            rendered = await self._rendered_turns(keys, last_number, count)
            return [StoredTurn(parse_turns(b"[" + data + b"]")[0], data) for data in rendered]

        return await self._find(conversation_id, page)

    async def _rendered_turns(self, keys: Keys, last_number: int, count: int) -> list[bytes]:
        async def read(offset: int) -> list[Value]:
            return await self._redis.run(
                TURNS_PAGE,
                keys,
                last_number=last_number,
                turn_count=count,
                max_bytes=MAX_CALL_BYTES,
                begin=offset,
            )

        size_bytes, mark, *found = await read(0)
        if not size_bytes:
            return list(map(as_bytes, found))
        turn = as_bytes(found[0])
        while len(turn) < as_int(size_bytes):
            _, now, *more = await read(len(turn))
            if now != mark:  # the turn was changed meanwhile
                return await self._rendered_turns(keys, last_number, count)
            turn += as_bytes(more[0])
        return [turn]

    async def change(
        self,
        conversation_id: int,
        change: Change,
        *,
        context_tokens: int = 0,
        lifetime_s: int | None = None,
    ) -> None:
        """Change, in one round trip."""

        async def change_it(owner: str, keys: Keys) -> None:
            named, account = self._with_owner(owner, conversation_id, keys)
            await self._redis.run(
                CHANGE,
                named,
                *render_change(change, context_tokens),
                fencing=self._fencing,
                lifetime_s="" if lifetime_s is None else lifetime_s,
                added_tokens=context_tokens,
                conversation_id=conversation_id,
                account=account,
            )

        await self._find(conversation_id, change_it)

    async def replace(
        self, conversation_id: int, place: Place, old: StoredTurn, new: Turn | None
    ) -> None:
        """Replace, in one round trip."""

        async def replace(owner: str, keys: Keys) -> None:
            named, account = self._with_owner(owner, conversation_id, keys)
            await self._redis.run(
                REPLACE,
                named,
                fencing=self._fencing,
                turn_number=old.turn.number,
                old=old.revision,
                new=b"" if new is None else render_turn(new),
                old_terms=render_terms([old.turn])[1:-1],
                new_terms=render_terms([new or old.turn])[1:-1],
                memory_id=memory_id(conversation_id, place),
                conversation_id=conversation_id,
                account=account,
            )

        await self._find(conversation_id, replace)

    async def hold(self, conversation_id: int) -> None:
        """Lock, in one round trip."""
        await self._find(
            conversation_id,
            lambda _, keys: self._redis.run(LOCK, keys, fencing=self._fencing, lock_ms=HELD_MS),
        )

    async def release(self, conversation_id: int) -> None:
        """Unlock what this request locked, in one round trip for each owner that may have it."""
        for owner in self._owners(conversation_id):
            lock = conversation_keys(self._prefix, owner, conversation_id)["lock"]
            await self._redis.run(RELEASE, {"lock": lock}, fencing=self._fencing)

    async def cut(self, conversation_id: int, cut: Cut) -> ForgottenMessages:
        """Cut, and unlock, in one round trip; in more for many memories."""

        async def cut_it(owner: str, keys: Keys) -> ForgottenMessages:
            named, account = self._with_owner(owner, conversation_id, keys)
            counts = await run_in_portions(
                self._redis, CUT, named, 1,
                fencing=self._fencing,
                first_number=cut.begin.turn_number,
                first_index=cut.begin.index,
                turn_count="" if cut.turn_count is None else cut.turn_count,
                old=cut.revision,
                new=render_turn(cut.left) if cut.left else b"",
                old_terms=render_terms(cut.turns),
                new_terms=render_terms([cut.left])[1:-1] if cut.left else b"",
                made_title=cut.title,
                conversation_id=conversation_id,
                account=account,
            )  # fmt: skip
            return ForgottenMessages(*counts)

        return await self._find(conversation_id, cut_it)

    async def forget(self, conversation_id: int) -> Forgotten:
        """Remove every key of a conversation, in one round trip; in more for many memories."""

        async def forget(owner: str, keys: Keys) -> Forgotten:
            named, account = self._with_owner(owner, conversation_id, keys)
            counts = await run_in_portions(
                self._redis, FORGET, named, 2, conversation_id=conversation_id, account=account
            )
            return Forgotten(conversation_id, *counts)

        return await self._find(conversation_id, forget)

    async def load_embeddings(
        self, conversation_id: int, names: Sequence[str]
    ) -> dict[str, Sequence[float]]:
        """Load in one round trip; in none without names."""

        async def load(_: str, keys: Keys) -> dict[str, Sequence[float]]:
            kept = as_text((await self._redis.run(LOAD_EMBEDDINGS, keys, *names))[0]).split(" ")
            pairs = zip(names, kept, strict=True)
            return {name: parse_embedding(text) for name, text in pairs if text != NOT_THERE}

        return await self._find(conversation_id, load) if names else {}

    async def keep_embeddings(
        self, conversation_id: int, embeddings: Mapping[str, Sequence[float]]
    ) -> None:
        """Keep in one round trip."""

        async def keep(owner: str, keys: Keys) -> None:
            pairs = [part for n, e in embeddings.items() for part in (n, render_embedding(e))]
            account_keys, account = account_of(self._account, owner)
            await self._redis.run(
                KEEP_EMBEDDINGS,
                keys | account_keys,
                *pairs,
                conversation_id=conversation_id,
                account=account,
            )

        await self._find(conversation_id, keep)

    async def _find(
        self, conversation_id: int, act: Callable[[str, Keys], Awaitable[Outcome]]
    ) -> Outcome:
        """Act on a conversation under the first owner that has it.

        Each owner without the conversation costs one more round trip.
        """
        for owner in self._owners(conversation_id):
            try:
                return await act(owner, conversation_keys(self._prefix, owner, conversation_id))
            except UnknownConversation:
                continue
        raise UnknownConversation

    def _with_owner(self, owner: str, conversation_id: int, keys: Keys) -> tuple[Keys, bytes]:
        """Return all keys that a change may touch, and the text of the account."""
        account_keys, account = account_of(self._account, owner)
        if owner == anyone(conversation_id):
            return keys, account
        return keys | owned_keys(self._prefix, owner) | account_keys, account
