"""What only later turns need: it runs behind the answer, and is found again if it did not run."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from chat.core.errors import ModelUnavailable
from chat.http.call import Request
from chat.http.log_line import REQUEST_ID_HEADER
from chat.wiring.after_answer import MAX_AT_ONCE, NO_ROOM, AfterAnswer, Room
from chat.wiring.service import Service, begin_request
from tests.chat.native import NativeConnection
from tests.chat.native_host import ask, embed_at_once, make_service
from tests.chat.test_service import texts_of

TOKEN = "ada-credential-".ljust(43, "a")
FACT = "My sister has moved to Paris."
CHAT = "Now tell me something long about another thing, please, and then about a third one."


class Embedder:
    """Embeds once it may, and tells what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.is_asked = asyncio.Event()
        self.may_embed = asyncio.Event()
        self.may_embed.set()
        self.fault: Exception | None = None

    async def __call__(self, texts: Sequence[str]) -> list[Sequence[float]]:
        self.asked.append(list(texts))
        self.is_asked.set()
        await self.may_embed.wait()
        if self.fault:
            raise self.fault
        return await embed_at_once(texts)


async def reply(_: str) -> str:
    return "I see."


def hybrid(connection: NativeConnection, embedder: Embedder) -> Service:
    return make_service(
        connection, reply, embedder, recall="hybrid", context_length="300", max_reply_tokens="60"
    )


def turn(conversation_id: int | None, prompt: str, request_id: str = "one") -> Request:
    fields = {"id": conversation_id} if conversation_id else {"context": "c"}

    async def read_body(_: int) -> bytes:
        return json.dumps({**fields, "prompt": prompt}).encode()

    headers = {"authorization": f"Bearer {TOKEN}", REQUEST_ID_HEADER: request_id}
    return Request("POST", "/", headers, read_body)


async def take(
    service: Service, closing: AsyncExitStack, conversation_id: int | None, prompt: str
) -> Any:
    """Take a turn, and return its answer; what is to run behind it waits in `closing`."""
    asked = turn(conversation_id, prompt)
    begin_request(asked)
    response = await service.answer(asked, closing)
    assert response.status == 200, response.body
    return json.loads(response.body)


async def begin(service: Service) -> int:
    """Begin a conversation."""
    async with AsyncExitStack() as closing:
        return int((await take(service, closing, None, FACT))["id"])


async def evict(service: Service, taken: int) -> AsyncExitStack:
    """Take turns until one evicts the first; return what is to run behind that one."""
    for _ in range(20):
        behind = AsyncExitStack()
        if (await take(service, behind, taken, CHAT))["usage"]["evicted"]:
            return behind
        await behind.aclose()
    raise AssertionError("nothing was evicted")


def embedded(connection: NativeConnection) -> set[str]:
    """Return the places of the messages whose embeddings are kept."""
    [key] = [*connection.call("KEYS", [b"*:embeddings"]), b""][:1]
    fields = connection.call("HKEYS", [key]) if isinstance(key, bytes) else []
    return {str(field).strip("'").rpartition(":")[2] for field in fields}


async def test_neither_the_answer_nor_the_next_turn_waits_for_the_embeddings_of_what_was_evicted(
    connection: NativeConnection,
) -> None:
    embedder = Embedder()
    service = hybrid(connection, embedder)
    taken = await begin(service)
    behind = await evict(service, taken)
    assert embedder.asked == []
    embedder.may_embed.clear()

    running = asyncio.create_task(behind.aclose())
    await embedder.is_asked.wait()
    async with AsyncExitStack() as closing:
        await take(make_service(connection, reply), closing, taken, "Hm.")
    assert embedded(connection) == set()
    embedder.may_embed.set()
    await running

    assert embedder.asked == [[FACT, "I see."]]
    assert embedded(connection) == {"1.0", "1.1"}


async def test_what_an_instance_left_undone_when_it_ended_is_done_by_the_turn_that_needs_it(
    connection: NativeConnection,
) -> None:
    gone = hybrid(connection, Embedder())
    taken = await begin(gone)
    (await evict(gone, taken)).pop_all()  # it ended right behind its answer
    assert embedded(connection) == set()
    embedder = Embedder()

    async with AsyncExitStack() as closing:
        service = hybrid(connection, embedder)
        await take(service, closing, taken, "Where has my sister moved?")
        assert embedded(connection) == {"1.0", "1.1"}, "before its answer"

    assert embedder.asked[:2] == [["Where has my sister moved?"], [FACT, "I see."]]


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (ModelUnavailable("away"), '"left_undone", "request_id": "one", "code": "model_unav'),
        (RuntimeError("a secret"), '"fault": "RuntimeError"'),
    ],
    ids=["known", "unknown"],
)
async def test_an_error_behind_an_answer_goes_to_the_log_and_leaves_the_conversation_free(
    connection: NativeConnection, capsys: pytest.CaptureFixture[str], fault: Exception, line: str
) -> None:
    embedder = Embedder()
    service = hybrid(connection, embedder)
    taken = await begin(service)
    behind = await evict(service, taken)
    embedder.fault = fault

    await behind.aclose()

    said = capsys.readouterr().err
    assert line in said
    assert '"request_id": "one"' in said
    assert "a secret" not in said
    assert embedded(connection) == set()
    async with AsyncExitStack() as closing:
        await take(service, closing, taken, "Hm.")


async def test_a_message_that_was_removed_meanwhile_leaves_no_embedding(
    connection: NativeConnection,
) -> None:
    embedder = Embedder()
    service = hybrid(connection, embedder)
    taken = await begin(service)
    behind = await evict(service, taken)
    embedder.may_embed.clear()
    running = asyncio.create_task(behind.aclose())
    await embedder.is_asked.wait()

    path = f"/conversations/{taken}/messages/1.0"
    removed, _ = await ask(service, "DELETE", path, token=TOKEN)
    embedder.may_embed.set()
    await running

    assert removed.status == 200
    assert embedded(connection) == {"1.1"}


async def test_a_turn_that_could_not_be_stored_leaves_nothing_to_do(
    connection: NativeConnection,
) -> None:
    embedder = Embedder()
    is_lost = False

    async def lose(_: str) -> str:
        if is_lost:
            connection.call("FLUSHDB", [])
        return "I see."

    service = make_service(
        connection, lose, embedder, recall="hybrid", context_length="300", max_reply_tokens="60"
    )
    taken = await begin(service)
    (await evict(service, taken)).pop_all()
    is_lost = True

    async with AsyncExitStack() as closing:
        response = await service.answer(turn(taken, CHAT), closing)

    assert response.status == 404
    assert embedder.asked == []


async def test_so_much_runs_at_once_in_an_instance_and_the_rest_is_left_undone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    room, may_end, begun = Room(), asyncio.Event(), []

    async def work() -> None:
        begun.append(1)
        await may_end.wait()

    async def run() -> None:
        async with AsyncExitStack() as closing:
            AfterAnswer(closing, room)(work)

    running = [asyncio.create_task(run()) for _ in range(MAX_AT_ONCE)]
    await asyncio.sleep(0)
    await run()
    assert len(begun) == MAX_AT_ONCE
    assert f'"left_undone", "code": "{NO_ROOM}"' in capsys.readouterr().err
    may_end.set()
    await asyncio.gather(*running)

    await run()

    assert len(begun) == MAX_AT_ONCE + 1


async def test_nothing_of_a_request_stays_behind_its_work(connection: NativeConnection) -> None:
    embedder = Embedder()
    service = hybrid(connection, embedder)
    behind = await evict(service, await begin(service))
    assert [text for text in texts_of(service) if FACT in text] == []

    await behind.aclose()
    embedder.asked.clear()

    assert [text for text in texts_of(service) if FACT in text or TOKEN in text] == []
