"""Whatever a server in Chroma's place answers is either used or a store's error, nothing else."""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar

import pytest

from chat.chroma.collection import Collection, collection_of
from chat.chroma.conversations import parse_head, parse_turn_records
from chat.chroma.database import ChromaDatabase
from chat.chroma.memories import parse_memory
from chat.chroma.requests import base_path
from chat.core.errors import CorruptConversation, MemoryUnavailable

BASE = base_path("t", "d")
NONSENSE: Mapping[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "a number": b"7",
    "a text": b'"x"',
    "a list": b'[7,null,"x",[],{}]',
    "an empty object": b"{}",
    "other kinds": b'{"id":7,"metadata":7,"ids":7,"documents":{},"metadatas":"x","distances":1}',
    "lists of other kinds": b'{"ids":[7],"documents":[[]],"metadatas":["x"],"distances":[{}]}',
    "lists of lists": b'{"ids":[[7]],"documents":[["x"]],"metadatas":[[{}]],"distances":[["1"]]}',
    "lists side by side": b'{"ids":["a","b"],"documents":["x"],"metadatas":[{}]}',
    "labels of other kinds": b'[{"metadata":["prefix"]},{"metadata":{"prefix":"t"}}]',
    "not a number": b'{"ids":[["a"]],"documents":[["x"]],"metadatas":[[{}]],"distances":[[NaN]]}',
    "half of a pair": b'{"id":"\\ud800"}',
    "deeply nested": b"[" * 100_000,
}


Item = TypeVar("Item")


async def first(count: int, items: AsyncIterator[Item]) -> list[Item]:
    """Return the first `count` items, or as many as there are."""
    taken: list[Item] = []
    async for item in items:
        taken.append(item)
        if len(taken) == count:
            break
    return taken


class Saying:
    """A server that answers everything alike, except that it has a collection."""

    def __init__(self, said: bytes, *, is_there: bool) -> None:
        self._said = said
        self._is_there = is_there

    async def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        is_asked = method == "GET" and body is None and "/owner_" in path
        there = {"id": "c1", "metadata": {"made_by": "other"}}
        return 200, json.dumps(there).encode() if is_asked and self._is_there else self._said


ASKING: Mapping[str, Callable[[Collection], Awaitable[object]]] = {
    "take": lambda collection: collection.take(["a"]),
    "every": lambda collection: first(10**6, collection.every({})),
    "nearest": lambda collection: collection.nearest([1.0], 1, {}),
    "made otherwise": lambda collection: collection.made_otherwise({}, 1),
    "remove": lambda collection: collection.remove(["a"]),
    "is there": lambda collection: collection.is_there(),
    "erase": lambda collection: collection.erase(),
}


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize("is_there", [True, False])
async def test_nonsense_is_an_error_of_the_store(
    said: bytes, ask: Callable[[Collection], Awaitable[object]], *, is_there: bool
) -> None:
    collection = collection_of(Saying(said, is_there=is_there), BASE, "t", "{o}", "tag")

    with contextlib.suppress(MemoryUnavailable, CorruptConversation):
        await ask(collection)


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_among_all_collections_is_an_error_of_the_store(said: bytes) -> None:
    database = ChromaDatabase(Saying(said, is_there=False), "t", "d", "t")

    with contextlib.suppress(MemoryUnavailable):
        for owned in await first(9, database.every()):
            await database.count(owned)


MEMORY: Mapping[str, Any] = {
    "memory": True,
    "role": "user",
    "said_at": 5.0,
    "conversation": 0,
    "kind": "note",
}
HEAD: Mapping[str, Any] = {"created_at": 5.0, "active_at": 6.0, "turns": 1}
MESSAGE: Mapping[str, Any] = {
    "turn": 1, "index": 0, "role": "user", "at": 5.0, "said_at": 5.0, "has_time": True,
    "extra": None,
}  # fmt: skip


async def taken(document: str | None, metadata: Mapping[str, Any], name: str = "7") -> Any:
    said = {"ids": [name], "documents": [document], "metadatas": [metadata]}
    server = Saying(json.dumps(said).encode(), is_there=True)
    return await collection_of(server, BASE, "t", "{o}", "tag").take([name])


async def test_records_are_parsed() -> None:
    assert parse_memory((await taken("m", MEMORY))[0]).content == "m"
    assert parse_head((await taken(None, HEAD))[0]).context == ""
    assert parse_turn_records(await taken("p", MESSAGE))[0].messages[0] is not None


async def test_a_record_that_goes_while_chroma_searches_is_left_out() -> None:
    said = {
        "ids": [["gone", "there"]], "documents": [[None, "m"]], "metadatas": [[None, MEMORY]],
        "distances": [[0.1, 0.2]],
    }  # fmt: skip
    server = Saying(json.dumps(said).encode(), is_there=True)

    found = await collection_of(server, BASE, "t", "{o}", "tag").nearest([1.0], 9, {})

    assert [record.id for record in found] == ["there"]


class Losing(Saying):
    """A server whose reads fail so many times, as one does that loses a record on the way."""

    def __init__(self, said: bytes, failures: int) -> None:
        super().__init__(said, is_there=True)
        self.failures = failures

    async def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        if path.endswith(("/get", "/query")) and self.failures:
            self.failures -= 1
            lost = b"Error executing plan: Internal error: Error finding id"
            return 500, b'{"error":"InternalError","message":"%b"}' % lost
        return await super().request(method, path, body)


@pytest.mark.parametrize(
    ("failures", "error"), [(9, contextlib.nullcontext()), (10, pytest.raises(MemoryUnavailable))]
)
async def test_a_read_that_loses_a_record_is_made_again(
    failures: int, error: contextlib.AbstractContextManager[object]
) -> None:
    said = {"ids": ["7"], "documents": ["m"], "metadatas": [MEMORY]}
    server = Losing(json.dumps(said).encode(), failures)
    with error:
        found = await collection_of(server, BASE, "t", "{o}", "tag").take(["7"])
        assert [record.id for record in found] == ["7"]

    assert server.failures == 0


@pytest.mark.parametrize(("parse", "metadata"), [
    pytest.param(lambda found: parse_memory(found[0]), MEMORY, id="a memory"),
    pytest.param(parse_turn_records, MESSAGE, id="a turn"),
])  # fmt: skip
@pytest.mark.parametrize(
    "fields",
    [{"role": "bot"}, {"role": 7}, {"role": None}, {"said_at": "nan"}, {"said_at": True}],
    ids=str,
)
async def test_a_record_of_other_kinds_is_corrupt(
    parse: Callable[[Any], Any], metadata: Mapping[str, Any], fields: Mapping[str, Any]
) -> None:
    found = await taken("m", {**metadata, **fields})

    with pytest.raises(CorruptConversation):
        parse(found)


@pytest.mark.parametrize("fields", [{"created_at": "inf"}, {"active_at": None}], ids=str)
async def test_a_head_of_other_kinds_is_corrupt(fields: Mapping[str, Any]) -> None:
    with pytest.raises(CorruptConversation):
        parse_head((await taken("c", {**HEAD, **fields}))[0])


class Refusing:
    """A server that refuses the token."""

    async def request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        return 401, f"token s3cret is wrong for {method} {path} {body!r}".encode()


async def test_a_chroma_that_refuses_the_token_names_the_setting_and_says_no_more() -> None:
    collection = collection_of(Refusing(), BASE, "chat", "owner", "tag")
    with pytest.raises(MemoryUnavailable) as failed:
        await collection.is_there()

    assert str(failed.value) == "the long-term memory refuses the token (401): see `chroma_token`"
