"""Keeps an owner's long-term memories in Redis, which has no search of its own.

A search reads the signature of every memory, which has a few dozen bytes. It takes the memories
whose signatures differ least from the prompt's, and compares their embeddings with the prompt's.
Of many memories it reads the sketches first, the beginnings of the signatures, and the signatures
of those only whose sketches differ least.
"""

import itertools
from collections.abc import Iterable, Sequence

from chat.context.ranking import By, rank_memories
from chat.context.terms import recall_terms
from chat.core.errors import CorruptConversation
from chat.core.json_text import render_compact
from chat.core.messages import Embedded, FoundMemory, Memory
from chat.core.packed import distances
from chat.core.portions import MAX_CALL_BYTES, portions
from chat.core.refusals import UnknownMemory
from chat.core.vectors import check_length, signature
from chat.redis.account import Account, account_of
from chat.redis.connection import Redis, as_bytes, as_int, as_text
from chat.redis.keys import Keys, in_namespace, memory_keys
from chat.redis.memory_scripts import (
    CANDIDATES,
    FORGET_MEMORY,
    MEMORIES_PAGE,
    REMEMBER,
    RESTATE,
    ROWS,
    SIGNATURES,
)
from chat.redis.portioned import run_in_portions
from chat.redis.records import parse_embedding, parse_memories, render_embedded
from chat.redis.rows import Rows
from chat.redis.script import Script
from chat.usecases.ports import Cursor, Embedder

CANDIDATE_COUNT = 64
"""The most memories whose embeddings one search compares."""
SKETCHED_COUNT = 8 * CANDIDATE_COUNT
"""How many memories' signatures a search reads whose sketches are nearest."""
WORD_COUNT = 24
"""The most memories that one search finds by their words."""
PART = 100
"""The most memories that one script stores."""


class RedisMemory:
    """The `LongTermMemory` port over one connection, for one owner."""

    def __init__(  # noqa: PLR0913 - all of it is known once, and by name
        self,
        redis: Redis,
        embedder: Embedder,
        *,
        prefix: str,
        owner: str,
        tag: str,
        most: int,
        account: Account | None = None,
    ) -> None:
        """Take the `tag` of the embedding model, and how many memories there may be at `most`."""
        self._account = account
        self._redis = redis
        self._embedder = embedder
        self._keys = memory_keys(prefix, owner)
        self._tag = tag
        self._most = most
        self.owner = owner

    async def search(
        self,
        text: str,
        *,
        count: int,
        max_distance: float,
        beside: int | None = None,
        namespace: str | None = None,
        by: By = "meaning",
    ) -> list[FoundMemory]:
        """Search in two round trips; in one without memories, in more of many, or to embed anew."""
        own = "" if beside is None else f"{beside}."
        terms = () if by == "meaning" else recall_terms(text)
        keys = self._keys_of(SIGNATURES, namespace)
        reply = await self._redis.run(
            SIGNATURES, keys, *terms, tag=self._tag, max_found=WORD_COUNT, own=own
        )
        rows, names, scores = map(as_text, reply)
        words = dict(zip(names.split(), map(float, scores.split()), strict=True))
        if by == "words":
            found = {memory.id: memory for memory, _ in await self._candidates(words)}
            best = sorted(found, key=words.__getitem__, reverse=True)[:count]
            return [FoundMemory(found[name], None) for name in best]
        known = Rows(rows)
        if not known.count:
            return []
        wanted = (await self._embedder.embed([text]))[0]
        bits = signature(wanted)
        if known.is_sketched:
            known = await self._near(bits, known, own, namespace)
        likely = await self._likely(bits, known, own)
        candidates = await self._candidates(dict.fromkeys([*words, *likely]))
        check_length(wanted, (embedding for _, embedding in candidates))
        memories = [memory for memory, _ in candidates]
        far = distances(wanted, [embedding for _, embedding in candidates])
        scored = [words.get(memory.id, 0.0) for memory in memories]
        return rank_memories(memories, far, scored, max_distance)[:count]

    async def _near(self, bits: str, sketches: Rows, own: str, namespace: str | None) -> Rows:
        """Return the rows of the memories whose sketches are nearest, in one round trip.

        It takes more if the conversation itself has nearly all of them.
        """
        places, near = sketches.stale()[:CANDIDATE_COUNT], sketches.nearest(bits)
        while True:
            more = list(itertools.islice(near, max(SKETCHED_COUNT, 3 * len(places))))
            places += more
            reply = await self._redis.run(
                ROWS, self._keys_of(ROWS, namespace), *dict.fromkeys(places),
                tag=self._tag, count=sketches.count, own=own,
            )  # fmt: skip
            rows = Rows(as_text(reply[0]))
            if rows.count >= CANDIDATE_COUNT or not more:
                return rows

    async def _likely(self, bits: str, known: Rows, own: str) -> Iterable[str]:
        """Return the ids of the memories whose embeddings are worth a comparison."""
        stale = known.stale()
        anew = await self._embed_anew([known.name(place) for place in stale[:CANDIDATE_COUNT]])
        left = set(stale)
        near = (place for place in known.nearest(bits) if place not in left)
        names = itertools.chain(anew, map(known.name, near))
        others = (name for name in names if not (own and name.startswith(own)))
        return itertools.islice(others, CANDIDATE_COUNT)

    async def _embed_anew(self, names: Sequence[str]) -> list[str]:
        """Embed memories anew that another model embedded, and return their ids.

        Embeddings of two models do not compare.
        """
        memories = await self._load(names) if names else []
        for embedded in await self._embed(memories):
            await self._restate(render_embedded(embedded, self._tag))
        return [memory.id for memory in memories]

    async def _candidates(self, names: Iterable[str]) -> list[tuple[Memory, Sequence[float]]]:
        found: list[tuple[Memory, Sequence[float]]] = []
        left = list(names)
        while left:
            records, embeddings, looked_at = await self._redis.run(
                CANDIDATES, self._keys_of(CANDIDATES), *left, max_bytes=MAX_CALL_BYTES
            )
            memories = parse_memories(as_text(records))
            try:
                rows = as_text(embeddings).split(" ") if memories else []
                found += zip(memories, map(parse_embedding, rows), strict=True)
            except ValueError as error:
                raise CorruptConversation from error
            left = left[as_int(looked_at) :]
        return found

    async def list_page(
        self, cursor: Cursor | None, limit: int, namespace: str | None = None
    ) -> tuple[list[Memory], Cursor | None]:
        """Return a page, in one round trip; in more if the memories are long."""
        page: list[Memory] = []
        after, is_cut = cursor or Cursor("+inf", ""), 1
        while is_cut and len(page) <= limit:
            records, cut = await self._redis.run(
                MEMORIES_PAGE,
                {
                    "memories": self._keys["memories"],
                    "memory_times": in_namespace(self._keys["memory_times"], namespace),
                },
                last_at=after.at,
                last_id=after.id,
                limit=limit + 1 - len(page),
                max_bytes=MAX_CALL_BYTES,
            )
            page += parse_memories(as_text(records))
            is_cut = as_int(cut)
            if is_cut:
                after = _cursor_behind(page[-1])
        return page[:limit], _cursor_behind(page[limit - 1]) if len(page) > limit else None

    async def get(self, memory_id: str) -> Memory:
        """Return one memory, in one round trip."""
        found = await self._load([memory_id])
        if not found:
            raise UnknownMemory
        return found[0]

    async def _load(self, names: Sequence[str]) -> list[Memory]:
        rows = await self._redis.execute("HMGET", [self._keys["memories"], *names])
        return parse_memories(b"[" + b",".join(filter(None, map(as_bytes, rows))) + b"]")

    async def add(self, memories: Sequence[Memory]) -> list[str]:
        """Remember in one round trip; in more if the memories are many or long."""
        rows = (
            render_compact(render_embedded(embedded, self._tag)).encode()
            for embedded in await self._embed(memories)
        )
        keys, account = self._with_account()
        names: list[str] = []
        for part in portions(rows, len, MAX_CALL_BYTES, PART):
            reply = await self._redis.run(
                REMEMBER,
                keys,
                new_memories=b"[" + b",".join(part) + b"]",
                max_memories=self._most,
                account=account,
            )
            names += [as_bytes(name).decode() for name in reply]
        return names

    async def change(self, memory: Memory) -> None:
        """Change in two round trips; the memory is embedded anew only if its text changes."""
        if (await self.get(memory.id)).content == memory.content:
            await self._restate([*render_embedded(Embedded(memory, ()), self._tag)[:4], "", ""])
        else:
            await self._restate(render_embedded((await self._embed([memory]))[0], self._tag))

    async def forget(self, memory_id: str) -> None:
        """Forget one memory, in one round trip."""
        await self._forget(memory_id, "")

    async def forget_all(self, namespace: str | None = None) -> int:
        """Forget all memories, in one round trip; in more for many of one namespace."""
        return await self._forget("", namespace or "")

    async def _forget(self, memory_id: str, of_namespace: str) -> int:
        keys, account = self._with_account()
        (count,) = await run_in_portions(
            self._redis, FORGET_MEMORY, keys, 0,
            memory_id=memory_id, of_namespace=of_namespace, account=account,
        )  # fmt: skip
        return count

    async def _restate(self, row: Sequence[str]) -> None:
        keys, account = self._with_account()
        await self._redis.run(RESTATE, keys, new_memory=render_compact(row), account=account)

    def _keys_of(self, script: Script, namespace: str | None = None) -> Keys:
        return {name: in_namespace(self._keys[name], namespace) for name in script.keys}

    def _with_account(self) -> tuple[Keys, bytes]:
        keys, account = account_of(self._account, self.owner)
        return self._keys | keys, account

    async def _embed(self, memories: Sequence[Memory]) -> list[Embedded]:
        embeddings = await self._embedder.embed([memory.content for memory in memories])
        return list(map(Embedded, memories, embeddings))


def _cursor_behind(memory: Memory) -> Cursor:
    return Cursor(repr(memory.at), memory.id)
