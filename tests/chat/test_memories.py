"""What the port of long-term memories promises, on every store that has them."""

import dataclasses
import functools
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.chroma.collection import collection_of
from chat.chroma.memories import ChromaMemory
from chat.chroma.requests import base_path
from chat.context.ranking import By
from chat.core.cuts import Cut
from chat.core.errors import CorruptConversation, OtherLength
from chat.core.memories import make_memories
from chat.core.messages import Memory, Message, Place, Role, Turn
from chat.core.packed import distances
from chat.core.refusals import TextRemembered, UnknownMemory
from chat.core.vectors import unit
from chat.llm.once import OnceEmbedder
from chat.redis.connection import Redis, as_bytes
from chat.redis.conversations import RedisConversationStore
from chat.redis.fragments import PORTION
from chat.redis.memories import CANDIDATE_COUNT, RedisMemory
from chat.redis.memory_scripts import MANY
from chat.redis.rows import Rows
from chat.usecases.memory_port import LongTermMemory
from chat.usecases.ports import Embedder
from tests.chat.embedders import Embeddings
from tests.chat.native import NativeConnection, NativeHttp
from tests.chat.talk import english
from tests.minilm import MiniLmEmbedder, embed

pytestmark = pytest.mark.long

ADA, BOB = "{ada}", "{bob}"
BREAD = "Every Sunday I bake a dark rye bread with caraway seeds."


class MakeMemory(Protocol):
    def __call__(
        self, owner: str, embedder: Embedder | None = None, tag: str = "00000001"
    ) -> LongTermMemory: ...


def redis_memory(
    connection: NativeConnection,
    owner: str,
    embedder: Embedder | None = None,
    tag: str = "00000001",
    most: int = 0,
) -> RedisMemory:
    return RedisMemory(
        Redis(connection), embedder or MiniLmEmbedder(), prefix="t", owner=owner, tag=tag, most=most
    )


def chroma_memory(
    http: NativeHttp,
    database: str,
    owner: str,
    embedder: Embedder | None = None,
    tag: str = "00000001",
) -> ChromaMemory:
    collection = collection_of(http, base_path("default_tenant", database), "t", owner, tag)
    return ChromaMemory(collection, embedder or MiniLmEmbedder(), owner)


@pytest.fixture(params=["redis", "chroma"])
def make_memory(request: pytest.FixtureRequest) -> MakeMemory:
    if request.param == "redis":
        return functools.partial(redis_memory, request.getfixturevalue("connection"))
    http, database = (request.getfixturevalue(name) for name in ("chroma", "database"))
    return functools.partial(chroma_memory, http, database)


def memory(name: str, content: str, at: float = 5.0, role: Role = "user") -> Memory:
    conversation = None if name.startswith("note-") else int(name.partition(".")[0])
    return Memory(name, role, content, at, conversation)


TALK = [
    memory("1.1.0", BREAD, 1.5),
    memory("1.2.1", "Your rye bread needs an hour in the oven.", 2.5, "assistant"),
    memory("2.1.0", "My motorbike broke down on the way to work.", 3.5),
    memory("note-00", "I am allergic to peanuts and to cats.", 4.5),
]


PEANUTS, MOTORBIKE = TALK[3], TALK[2]


async def search(memory: LongTermMemory, text: str, **query: float | str) -> list[str]:
    options = {"count": 5, "max_distance": 2.0, "beside": None, **query}
    return [found.memory.id for found in await memory.search(text, **options)]  # type: ignore[arg-type]


async def test_the_nearest_come_first_and_only_those_nearer_than_asked(
    make_memory: MakeMemory,
) -> None:
    store = make_memory(ADA)
    assert await store.add(TALK) == [one.id for one in TALK]

    found = await store.search("How do I bake bread?", count=3, max_distance=2.0)

    assert [one.memory for one in found[:2]] in ([TALK[0], TALK[1]], [TALK[1], TALK[0]])
    apart = [one.distance or 0.0 for one in found]
    assert apart == sorted(apart)
    nearest = apart[0]
    assert await search(store, "How do I bake bread?", max_distance=nearest + 1e-3) == [
        found[0].memory.id
    ]
    assert await search(store, "How do I bake bread?", max_distance=nearest - 1e-3) == []
    assert await search(store, "How do I bake bread?", count=0) == []
    assert found[0].distance == pytest.approx(
        distances(embed(["How do I bake bread?"])[0], embed([found[0].memory.content]))[0],
        abs=2e-3,
    )


ORDER = [
    memory("1.1.0", "My order number is KX-4471.", 1.5),
    memory("2.1.0", "I ordered a pizza for the children.", 2.5),
    memory("3.1.0", "Call me on my other number, the landline.", 3.5),
    memory("4.1.0", "The bakery sells rye bread.", 1_688_000_000.0),
]


async def found_by(memory: LongTermMemory, text: str, by: By, max_distance: float) -> list[str]:
    found = await memory.search(text, count=3, max_distance=max_distance, by=by)
    return [one.memory.id for one in found]


async def test_what_no_meaning_is_near_to_is_found_by_its_words(make_memory: MakeMemory) -> None:
    embedder = MiniLmEmbedder()
    store = make_memory(ADA, embedder=embedder)
    await store.add(ORDER)
    embedder.asked.clear()

    assert await found_by(store, "KX-4471", "meaning", 0.0) == []
    assert embedder.asked == ["KX-4471"]
    embedder.asked.clear()
    assert (await found_by(store, "Whose is KX-4471?", "words", 0.0))[0] == "1.1.0"
    assert embedder.asked == [], "words need no embedding"
    found = await store.search("Whose is KX-4471?", count=3, max_distance=2.0, by="both")
    assert found[0].memory.id == "1.1.0"
    assert found[0].distance
    assert (await found_by(store, "Whose is KX-4471?", "both", 0.0)) == ["1.1.0"]
    assert await found_by(store, "thank you", "words", 0.0) == []
    assert (await found_by(store, "bread", "words", 0.0)) == ["4.1.0"]


async def test_words_of_the_same_conversation_are_left_to_it(make_memory: MakeMemory) -> None:
    store = make_memory(ADA)
    await store.add(ORDER)

    found = await store.search("my number", count=5, max_distance=0.0, beside=1, by="words")

    assert [one.memory.id for one in found] == ["3.1.0"]


async def test_the_words_of_a_memory_go_with_it(connection: NativeConnection) -> None:
    store = redis_memory(connection, ADA)
    many = [memory(f"{n}.1.0", f"number {n} of the orders w{n}") for n in range(5, 150)]
    await store.add([*ORDER, *many])

    await store.change(dataclasses.replace(ORDER[0], content="My order was lost."))
    await store.forget("3.1.0")

    assert await found_by(store, "KX-4471 landline", "words", 0.0) == []
    assert "1.1.0" in await found_by(store, "lost", "words", 0.0)
    assert await found_by(store, "w77", "words", 0.0) == ["77.1.0"]
    fields = await connection.execute("HKEYS", [b"t:{ada}:memories:index"])
    assert not {b"4471", b"landlin"} & set(fields)
    for one in (*many, ORDER[0], ORDER[1], ORDER[3]):
        await store.forget(one.id)
    fields = await connection.execute("HKEYS", [b"t:{ada}:memories:index"])
    assert fields == []


async def test_a_memory_beside_one_that_is_found_is_found_if_both_were_said_together(
    connection: NativeConnection,
) -> None:
    store = redis_memory(connection, ADA)
    asked = memory("5.1.0", "Which instrument do you play?")
    told = memory("5.2.0", "I chose the oboe at last.")
    await store.add([*ORDER, asked, told, memory("6.1.0", "Nothing new here.")])

    assert await found_by(store, "instrument", "words", 0.0) == ["5.1.0", "5.2.0"]


async def test_a_memory_from_before_there_was_an_index_is_found_by_its_meaning(
    connection: NativeConnection,
) -> None:
    store = redis_memory(connection, ADA)
    await store.add(ORDER)
    await connection.execute("DEL", [b"t:{ada}:memories:index"])

    assert await found_by(store, "KX-4471", "words", 2.0) == []
    assert len(await found_by(store, "KX-4471", "both", 2.0)) == 3
    await store.forget("1.1.0")
    await store.add([memory("9.1.0", "It is KX-4471 again.")])
    assert await found_by(store, "KX-4471", "words", 2.0) == ["9.1.0"]


async def test_what_was_said_in_the_same_conversation_is_left_to_it(
    make_memory: MakeMemory,
) -> None:
    store = make_memory(ADA)
    await store.add([*TALK, memory("11.1.0", "Bread again, and again rye.")])

    assert (await search(store, "bread", beside=1))[0] == "11.1.0"
    assert {"1.1.0", "1.2.1"}.isdisjoint(await search(store, "bread", beside=1))
    assert len(await search(store, "bread", beside=99)) == 5


async def test_a_search_of_nothing_finds_nothing(make_memory: MakeMemory) -> None:
    embedder = MiniLmEmbedder()

    assert await search(make_memory(ADA, embedder=embedder), "bread") == []
    assert await make_memory(ADA).list_page(None, 5) == ([], None)
    assert await make_memory(ADA).forget_all() == 0


async def test_the_same_words_are_remembered_once(make_memory: MakeMemory) -> None:
    store = make_memory(ADA)
    await store.add(TALK[:1])

    kept = await store.add([memory("3.1.0", BREAD, 9.0), memory("3.1.1", "Bread!"), TALK[0]])

    assert kept == ["1.1.0", "3.1.1", "1.1.0"]
    assert await store.get("1.1.0") == TALK[0]
    assert await search(store, "bread") == ["3.1.1", "1.1.0"]
    await store.forget("1.1.0")
    assert await store.add([memory("3.1.0", BREAD)]) == ["3.1.0"]


async def test_a_memory_that_was_restated_is_not_put_back(make_memory: MakeMemory) -> None:
    store = make_memory(ADA)
    await store.add(TALK[:1])
    restated = dataclasses.replace(TALK[0], content="I gave up baking.", is_pinned=True)
    await store.change(restated)

    assert await store.add(TALK[:2]) == ["1.1.0", "1.2.1"]

    assert await store.get("1.1.0") == restated
    assert sorted(await search(store, "bread")) == ["1.1.0", "1.2.1"]
    assert await store.add([memory("8.1.0", BREAD)]) == ["8.1.0"], "its old words are free"


async def test_pages_go_from_the_newest_to_the_oldest_and_miss_none(
    make_memory: MakeMemory,
) -> None:
    store = make_memory(ADA)
    await store.add([memory(f"{n}.1.0", f"text {n}", float(n // 4)) for n in range(1, 12)])
    collected, cursor, pages = [], None, 0
    while pages == 0 or (cursor and pages < 9):
        page, cursor = await store.list_page(cursor, 3)
        collected += [one.id for one in page]
        pages += 1

    assert pages == 4
    assert len(set(collected)) == len(collected) == 11
    times = [int(name.partition(".")[0]) // 4 for name in collected]
    assert times == sorted(times, reverse=True)


async def test_a_memory_can_be_restated_and_pinned(make_memory: MakeMemory) -> None:
    embedder = MiniLmEmbedder()
    store = make_memory(ADA, embedder=embedder)
    await store.add(TALK)
    embedder.asked.clear()

    await store.change(Memory("1.1.0", "user", BREAD, 1.5, 1, is_pinned=True))
    assert embedder.asked == [], "a pin asks no model"
    assert (await store.get("1.1.0")).is_pinned
    await store.change(Memory("1.1.0", "user", "I collect old stamps.", 1.5, 1))

    assert await search(store, "stamps", count=1) == ["1.1.0"]
    assert (await store.get("1.1.0")).content == "I collect old stamps."
    assert not (await store.get("1.1.0")).is_pinned
    with pytest.raises(TextRemembered):
        await store.change(Memory("1.1.0", "user", TALK[2].content, 1.5, 1))
    assert (await store.get("1.1.0")).content == "I collect old stamps."
    assert await store.add([memory("4.1.0", BREAD)]) == ["4.1.0"], "its old words are free"
    assert await store.add([memory("5.1.0", "I collect old stamps.")]) == ["1.1.0"]


async def test_one_or_all_are_forgotten(make_memory: MakeMemory) -> None:
    store = make_memory(ADA)
    await store.add(TALK)

    await store.forget("2.1.0")

    assert sorted(await search(store, "bread")) == ["1.1.0", "1.2.1", "note-00"]
    for act in (store.get, store.forget):
        with pytest.raises(UnknownMemory):
            await act("2.1.0")
    with pytest.raises(UnknownMemory):
        await store.change(memory("2.1.0", "other words"))
    assert await store.forget_all() == 3
    assert await search(store, "bread") == []
    assert await store.list_page(None, 9) == ([], None)
    assert await store.add(TALK) == [one.id for one in TALK]


async def test_owners_have_nothing_of_each_other(make_memory: MakeMemory) -> None:
    mine, others = make_memory(ADA), make_memory(BOB)
    await mine.add(TALK)
    await others.add([memory("7.1.0", "I like bread, too.")])

    assert await search(others, BREAD) == ["7.1.0"]
    assert "7.1.0" not in await search(mine, "I like bread, too.")
    with pytest.raises(UnknownMemory):
        await others.get("1.1.0")
    assert await others.add([memory("8.1.0", BREAD)]) == ["8.1.0"], "the same words of another"
    assert await others.forget_all() == 2
    assert len(await search(mine, BREAD)) == 4


def of(namespace: str, name: str, content: str) -> Memory:
    return dataclasses.replace(memory(name, content), namespace=namespace)


async def test_a_namespace_finds_its_own_memories_and_nobody_else_does(
    make_memory: MakeMemory,
) -> None:
    store = make_memory(ADA)
    await store.add(TALK)
    chef, pirate = of("chef", "5.1.0", BREAD), of("pirate:2", "6.1.0", "Bread is for landlubbers.")

    assert await store.add([chef, pirate]) == ["5.1.0", "6.1.0"], "the same words, once in each"

    assert await store.add([of("chef", "7.1.0", BREAD)]) == ["5.1.0"]
    assert await search(store, "bread", namespace="chef") == ["5.1.0"]
    assert await search(store, "bread", namespace="pirate:2") == ["6.1.0"]
    assert await search(store, "bread", namespace="nobody") == []
    assert {"5.1.0", "6.1.0"}.isdisjoint(await search(store, "bread", count=9))
    assert (await store.list_page(None, 9, "chef"))[0] == [chef]
    assert {one.id for one in (await store.list_page(None, 9))[0]} >= {"5.1.0", "6.1.0", "1.1.0"}
    assert await store.get("6.1.0") == pirate


async def test_words_are_found_in_their_namespace_only(make_memory: MakeMemory) -> None:
    store = make_memory(ADA)
    await store.add(ORDER)
    await store.add(
        [of("chef", "5.1.0", "The order KX-4471 is of bread."), of("x", "6.1.0", BREAD)]
    )

    async def found(namespace: str | None) -> list[str]:
        by_words = await store.search(
            "KX-4471", count=9, max_distance=0.0, namespace=namespace, by="words"
        )
        return [one.memory.id for one in by_words]

    assert await found(None) == ["1.1.0"]
    assert await found("chef") == ["5.1.0"]
    assert await found("x") == await found("nobody") == []
    await store.change(of("chef", "5.1.0", "It is of bread."))
    assert await found("chef") == []


async def test_nothing_is_left_of_memories_that_were_forgotten(
    connection: NativeConnection,
) -> None:
    store = redis_memory(connection, ADA)
    await store.add([*ORDER, of("chef", "5.1.0", BREAD), of("x", "6.1.0", BREAD)])
    for namespace in (None, "chef"):
        await store.search(BREAD, count=9, max_distance=2.0, namespace=namespace, by="both")

    await store.forget_all()

    assert await connection.execute("KEYS", [b"t:{ada}:*"]) == []


async def test_a_memory_stays_in_its_namespace_when_it_is_restated_or_forgotten(
    make_memory: MakeMemory,
) -> None:
    store = make_memory(ADA)
    chef = of("chef", "5.1.0", BREAD)
    await store.add([*TALK, chef, of("chef", "6.1.0", "I boil rice."), of("x", "7.1.0", BREAD)])
    assert await search(store, "stamps", namespace="chef", count=1) != []

    await store.change(dataclasses.replace(chef, content="I collect old stamps.", is_pinned=True))

    assert await search(store, "stamps", namespace="chef", count=1) == ["5.1.0"]
    assert await store.add([of("chef", "8.1.0", BREAD)]) == ["8.1.0"], "its old words are free"
    with pytest.raises(TextRemembered):
        await store.change(of("chef", "8.1.0", "I boil rice."))
    await store.forget("5.1.0")
    assert sorted(await search(store, "bread", namespace="chef")) == ["6.1.0", "8.1.0"]
    assert await store.forget_all("chef") == 2
    assert await store.list_page(None, 9, "chef") == ([], None)
    assert await search(store, "bread", namespace="chef") == []
    assert await search(store, "bread", namespace="x") == ["7.1.0"]
    assert await store.forget_all() == len(TALK) + 1
    assert await search(store, "bread", namespace="x") == []
    assert await store.add([of("x", "9.1.0", BREAD)]) == ["9.1.0"]


async def test_memories_of_a_namespace_are_listed_page_by_page(make_memory: MakeMemory) -> None:
    store = make_memory(ADA)
    await store.add(
        [
            dataclasses.replace(memory(f"{n}.1.0", f"text {n}", float(n)), namespace=name)
            for n, name in enumerate(["a", "b", None] * 4, 1)
        ]
    )

    first, cursor = await store.list_page(None, 3, "a")
    rest, end = await store.list_page(cursor, 3, "a")

    assert [one.id for one in (*first, *rest)] == ["10.1.0", "7.1.0", "4.1.0", "1.1.0"]
    assert end is None


async def test_text_in_any_script_comes_back_as_it_was(make_memory: MakeMemory) -> None:
    store = make_memory(ADA)
    texts = [
        '}{ "quoted" \\n\n\x01',
        "你好，世界",
        "مرحبا",
        "Привет 👋🏽",
        "[INST] <|im_start|>system",
        " x ",
    ]
    await store.add([memory(f"{n}.1.0", text) for n, text in enumerate(texts, 1)])

    assert [one.content for one in (await store.list_page(None, 9))[0]] == texts[::-1]
    assert [(await store.get(f"{n}.1.0")).content for n in range(1, 7)] == texts


def test_what_is_said_in_enough_characters_becomes_a_memory() -> None:
    said = [
        Message("system", "x" * 200),
        Message("user", "y" * 100),
        Message("assistant", "z" * 99),
        Message("tool", "t" * 200),
        None,
        Message("assistant", "a" * 100, 7.5, {"k": 1}),
    ]
    turns = [Turn(3, tuple(said), 5, 5, 5, 9.5)]

    assert make_memories(12, turns, 100) == [
        Memory("12.3.1", "user", "y" * 100, 9.5, 12),
        Memory("12.3.5", "assistant", "a" * 100, 7.5, 12),
    ]


class PaddedEmbedder(MiniLmEmbedder):
    """Embeds as an engine that averages padding in: right for the longest text of a call only."""

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        vectors = await super().embed(texts)
        longest = max(map(len, texts))
        return [v if len(t) == longest else v[::-1] for t, v in zip(texts, vectors, strict=True)]


async def test_what_was_embedded_another_way_is_embedded_anew_and_not_compared(
    make_memory: MakeMemory,
) -> None:
    await make_memory(ADA, PaddedEmbedder(), "0000000a").add(TALK)
    embedder = MiniLmEmbedder()
    store = make_memory(ADA, embedder, "0000000b")

    assert await search(store, "bread", count=2, beside=2) in (
        ["1.1.0", "1.2.1"],
        ["1.2.1", "1.1.0"],
    )

    assert len(embedder.asked) == 5, "four memories, and the prompt"
    embedder.asked.clear()
    await search(store, "bread", beside=2)
    assert embedder.asked == ["bread"]


# Redis alone


async def test_the_oldest_that_are_not_pinned_make_room(connection: NativeConnection) -> None:
    store = redis_memory(connection, ADA, most=3)
    await store.add(TALK[:3])
    await store.change(Memory("1.1.0", "user", BREAD, 1.5, 1, is_pinned=True))

    await store.add([TALK[3], memory("9.1.0", "And now for something else.")])

    assert [one.id for one in (await store.list_page(None, 9))[0]] == ["9.1.0", "note-00", "1.1.0"]
    assert await connection.execute("HLEN", [b"t:{ada}:memories:texts"]) == [3]
    assert await connection.execute("HLEN", [b"t:{ada}:memories:signatures"]) == [3]
    assert await connection.execute("HLEN", [b"t:{ada}:memories:embeddings"]) == [3]


async def test_where_fewer_are_allowed_than_before_each_request_forgets_a_portion(
    connection: NativeConnection,
) -> None:
    count = 2 * PORTION
    notes = [memory(f"{n}.1.0", str(n), float(n)) for n in range(1, count + 1)]
    await redis_memory(connection, ADA, Directions()).add(notes)
    store = redis_memory(connection, ADA, Directions(), most=3)

    left = []
    for n in range(3):
        await store.add([memory(f"{900 + n}.1.0", f"later {n}", 900.0 + n)])
        left += await connection.execute("HLEN", [b"t:{ada}:memories"])

    assert left == [count - PORTION, 3, 3]


async def test_a_search_takes_two_round_trips_and_one_where_there_is_nothing(
    connection: NativeConnection,
) -> None:
    store = redis_memory(connection, ADA)
    await search(store, "bread")
    await store.add(TALK)
    for expected in (1, 2):
        await search(store, "bread")
        connection.calls.clear()
        await search(store if expected == 2 else redis_memory(connection, BOB), "bread")

        assert len(connection.calls) == expected


async def test_a_search_sees_what_was_written_since_the_last_one(
    connection: NativeConnection,
) -> None:
    store = redis_memory(connection, ADA)
    await store.add(TALK[:2])
    assert sorted(await search(store, "bread")) == ["1.1.0", "1.2.1"]

    await store.add(TALK[2:])
    assert sorted(await search(store, "bread")) == ["1.1.0", "1.2.1", "2.1.0", "note-00"]
    await store.change(dataclasses.replace(TALK[2], content="Bread and butter."))
    assert "2.1.0" in await search(store, "Bread and butter.", count=1)
    await store.forget("1.1.0")
    assert sorted(await search(store, "bread")) == ["1.2.1", "2.1.0", "note-00"]
    await store.forget_all()
    assert await search(store, "bread") == []
    assert await connection.execute("KEYS", [b"t:*"]) == []


async def test_many_memories_are_searched_as_if_each_were_compared(
    connection: NativeConnection,
) -> None:
    rng = random.Random(3)
    texts = [english(rng, 20) for _ in range(400)]
    store = redis_memory(connection, ADA)
    await store.add([memory(f"{n}.1.0", text) for n, text in enumerate(texts, 1)])
    embeddings = embed(texts)
    assert len(texts) > 5 * CANDIDATE_COUNT
    hits = 0
    for _ in range(40):
        prompt = english(rng, 8)
        wanted = embed([prompt])[0]
        ranked = sorted(range(400), key=distances(wanted, embeddings).__getitem__)

        found = await search(store, prompt, count=2)

        hits += len({f"{n + 1}.1.0" for n in ranked[:2]} & set(found))

    assert hits >= 76, "of 80"


@pytest.mark.parametrize(
    "part", ["", ":times", ":texts", ":signatures", ":embeddings", ":rows", ":sketches"]
)
async def test_keys_of_another_type_are_corrupt_and_stay_as_they_are(
    connection: NativeConnection, part: str
) -> None:
    key = f"t:{{ada}}:memories{part}".encode()
    await connection.execute("LPUSH", [key, b"x"])

    with pytest.raises(CorruptConversation):
        await redis_memory(connection, ADA).add(TALK)

    assert len(await connection.execute("KEYS", [b"t:*"])) == 1


ROWS = b"t:{ada}:memories:rows"
SKETCHES = b"t:{ada}:memories:sketches"
VERY_MANY = MANY + 400


@pytest.mark.parametrize("rows", [b"=TAG06x", b"=TAG06" + b"\xc3\xa9" * 35])
async def test_rows_that_are_none_are_corrupt(connection: NativeConnection, rows: bytes) -> None:
    await connection.execute("SET", [ROWS, rows.replace(b"TAG", b"00000001")])

    with pytest.raises(CorruptConversation):
        await search(redis_memory(connection, ADA), "bread")


@pytest.mark.parametrize("rows", [b"x", b"1.1.0 00", b"=abcdef0106x"])
async def test_rows_of_another_shape_or_model_are_made_anew(
    connection: NativeConnection, rows: bytes
) -> None:
    store = redis_memory(connection, ADA)
    await store.add(TALK)
    await connection.execute("SET", [ROWS, rows])

    assert (await search(store, "How do I bake bread?"))[0] == "1.1.0"


async def test_rows_that_change_with_a_memory_are_those_that_a_search_would_make(
    connection: NativeConnection,
) -> None:
    store = redis_memory(connection, ADA)
    await store.add(TALK[:2])
    await search(store, "bread")

    await store.add(TALK[2:])
    await store.forget(TALK[0].id)
    await store.change(dataclasses.replace(TALK[1], content="Rye needs time."))
    await search(store, "bread")
    changed = await connection.execute("GET", [ROWS])
    await connection.execute("DEL", [ROWS])
    await search(store, "bread")

    anew = await connection.execute("GET", [ROWS])
    head, width = 11, 7 + 64
    rows = [
        [text[at : at + width] for at in range(head, len(text), width)]
        for text in map(as_bytes, (*changed, *anew))
    ]
    assert sorted(rows[0]) == sorted(rows[1])
    assert len(rows[0]) == 3


class Directions:
    """Embeds `N` in a direction of its own, `near N` near that, and `all` somewhere else."""

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> Sequence[float]:
        kind, _, number = text.rpartition(" ")
        direction, noise = random.Random(number), random.Random(text)
        share = 1.0 if kind else 0.0
        return unit([direction.gauss(0, 1) + noise.gauss(0, share) for _ in range(384)])


def many_memories(own: int = 0) -> list[Memory]:
    """Return more memories than a search reads whole; the first `own` are of conversation 7."""
    ids = [f"{7 if n < own else 1000 + n}.{n}.0" for n in range(VERY_MANY)]
    return [memory(id_, str(n)) for n, id_ in enumerate(ids)]


async def test_of_very_many_memories_the_nearest_are_found(connection: NativeConnection) -> None:
    store, notes = redis_memory(connection, ADA, Directions()), many_memories()
    await store.add(notes)

    hits = 0
    for n in range(0, VERY_MANY, 60):
        hits += (await search(store, f"near {n}", count=1)) == [notes[n].id]

    assert len(as_bytes((await connection.execute("GET", [SKETCHES]))[0])) == 11 + 24 * VERY_MANY
    assert hits == 40


async def test_a_conversation_with_most_of_very_many_memories_hides_no_others(
    connection: NativeConnection,
) -> None:
    store, notes = redis_memory(connection, ADA, Directions()), many_memories(VERY_MANY - 3)
    await store.add(notes)

    found = await search(store, "near 5", beside=7)

    assert sorted(found) == sorted(note.id for note in notes[-3:])


async def test_sketches_that_change_with_a_memory_are_those_that_a_search_would_make(
    connection: NativeConnection,
) -> None:
    store, notes = redis_memory(connection, ADA, Directions()), many_memories()
    await store.add(notes[1:])
    await search(store, "near 9", count=1)

    await store.add(notes[:1])
    await store.forget(notes[3].id)
    await store.change(dataclasses.replace(notes[4], content="40000"))
    changed = await connection.execute("GET", [SKETCHES])
    await connection.execute("DEL", [SKETCHES])

    assert await search(store, "near 40000", count=1) == [notes[4].id]
    assert await connection.execute("GET", [SKETCHES]) == changed


@pytest.mark.parametrize("key", [ROWS, SKETCHES])
async def test_sketches_of_other_rows_are_made_anew(
    connection: NativeConnection, key: bytes
) -> None:
    store, notes = redis_memory(connection, ADA, Directions()), many_memories()
    await store.add(notes)
    await search(store, "near 9", count=1)
    text = as_bytes((await connection.execute("GET", [key]))[0])
    await connection.execute("SET", [key, text[: 11 + (len(text) - 11) // len(notes)]])
    await connection.execute("DEL", [ROWS])

    assert await search(store, "near 9", count=1) == [notes[9].id]


async def test_memories_of_another_model_are_found_among_very_many(
    connection: NativeConnection,
) -> None:
    before, notes = redis_memory(connection, ADA, Directions()), many_memories()
    await before.add(notes[:2])
    after = redis_memory(connection, ADA, Directions(), tag="00000002")
    await after.add(notes[2:])

    assert await search(after, "near 1", count=1) == [notes[1].id]


@given(st.lists(st.integers(0, 2**384 - 1), min_size=1, max_size=40), st.integers(0, 2**384 - 1))
def test_rows_tell_which_signatures_differ_least(signatures: list[int], wanted: int) -> None:
    shown = "".join(
        f"{n:<4}" + "".join(chr(48 + (one >> shift & 63)) for shift in range(378, -1, -6))
        for n, one in enumerate(signatures)
    )
    rows = Rows(f"=abcdef0104{shown}")

    order = list(rows.nearest(f"{wanted:096x}"))

    apart = [(signatures[place] ^ wanted).bit_count() // 2 for place in order]
    assert sorted(order) == list(range(len(signatures)))
    assert all(one <= other + 1 for one, other in itertools.pairwise(apart))
    assert [rows.name(place) for place in order] == [str(place) for place in order]


class FewEmbedder:
    """Embeds at once, all in one direction."""

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        return [[1.0] + [0.0] * 383 for _ in texts]


async def forget_conversation(store: RedisConversationStore) -> int:
    return (await store.forget(1)).memories


async def forget_messages(store: RedisConversationStore) -> int:
    return (await store.cut(1, Cut(Place(1, 0)))).memories


@pytest.mark.parametrize("forget", [forget_conversation, forget_messages])
@pytest.mark.parametrize("count", [PORTION - 1, PORTION, PORTION + 1, 2 * PORTION + 1])
async def test_all_memories_of_a_conversation_are_forgotten_in_portions(
    connection: NativeConnection,
    count: int,
    forget: Callable[[RedisConversationStore], Awaitable[int]],
) -> None:
    memories, owner = redis_memory(connection, ADA, FewEmbedder()), ADA
    said = [memory(f"1.{n}.0", f"Loaf {n} is rye bread.") for n in range(1, count + 1)]
    await memories.add([*said, memory("2.1.0", "Rye bread of another day.")])
    key = f"t:{owner}:1".encode()
    await connection.execute("HSET", [key, b"context", b"", b"turn_count", b"1"])
    store = RedisConversationStore(
        Redis(connection), prefix="t", fencing="f", owner=owner, owners=lambda _: [owner]
    )

    forgotten = await forget(store)

    assert forgotten == count
    page, _ = await memories.list_page(None, 100)
    assert [one.id for one in page] == ["2.1.0"]
    found = await memories.search("rye bread", count=9, max_distance=2.0, by="words")
    assert [one.memory.id for one in found] == ["2.1.0"]
    await memories.forget("2.1.0")
    assert await connection.execute("KEYS", [b"t:*memories*"]) == []


@pytest.mark.parametrize("count", [PORTION, PORTION + 1])
async def test_all_memories_of_a_namespace_are_forgotten_in_portions(
    connection: NativeConnection, count: int
) -> None:
    memories = redis_memory(connection, ADA, FewEmbedder())
    said = [memory(f"1.{n}.0", f"Loaf {n} is rye bread.") for n in range(1, count + 1)]
    await memories.add([dataclasses.replace(one, namespace="bread") for one in said])
    await memories.add(TALK[2:])

    assert await memories.forget_all("bread") == count

    assert {one.id for one in (await memories.list_page(None, 100))[0]} == {"2.1.0", "note-00"}


@pytest.mark.parametrize("record", [b"[]", b"{}", b"x", b'{"id":1}'])
async def test_what_is_no_memory_is_corrupt(connection: NativeConnection, record: bytes) -> None:
    await redis_memory(connection, ADA).add(TALK)
    await connection.execute("HSET", [b"t:{ada}:memories", b"1.1.0", record])

    with pytest.raises(CorruptConversation):
        await redis_memory(connection, ADA).get("1.1.0")


# embeddings of another length


@pytest.mark.parametrize("lengths", [(3, 2), (2, 3), (1, 2)])
async def test_a_memory_of_another_length_is_not_kept(
    make_memory: MakeMemory, lengths: tuple[int, int]
) -> None:
    first, second = ([1.0] * length for length in lengths)
    await make_memory("{ada}", OnceEmbedder(Embeddings(first))).add([PEANUTS])
    later = make_memory("{ada}", OnceEmbedder(Embeddings(second)))

    with pytest.raises(OtherLength):
        await later.add([MOTORBIKE])

    assert [one.id for one in (await later.list_page(None, 9))[0]] == [PEANUTS.id]


async def test_a_prompt_of_another_length_finds_nothing_and_says_so(
    make_memory: MakeMemory,
) -> None:
    await make_memory("{ada}", OnceEmbedder(Embeddings([1.0, 2.0, 3.0]))).add([PEANUTS])
    later = make_memory("{ada}", OnceEmbedder(Embeddings([1.0, 2.0])))

    with pytest.raises(OtherLength):
        await later.search("peanuts", count=3, max_distance=2.0)


async def test_a_memory_changed_to_another_length_stays_as_it_was(make_memory: MakeMemory) -> None:
    await make_memory("{ada}", OnceEmbedder(Embeddings([1.0, 2.0, 3.0]))).add([PEANUTS])
    later = make_memory("{ada}", OnceEmbedder(Embeddings([1.0, 2.0])))

    with pytest.raises(OtherLength):
        await later.change(Memory(PEANUTS.id, "user", "Of cats only.", 5.0, None))

    assert await later.get(PEANUTS.id) == PEANUTS


async def test_an_empty_embedding_that_was_kept_before_harms_no_search(
    connection: NativeConnection,
) -> None:
    kept = redis_memory(connection, "{ada}", OnceEmbedder(Embeddings([1.0, 2.0])))
    await kept.add([PEANUTS, MOTORBIKE])
    await connection.execute("HSET", [b"t:{ada}:memories:embeddings", MOTORBIKE.id.encode(), b""])
    later = redis_memory(connection, "{ada}", OnceEmbedder(Embeddings([2.0, 1.0])))

    found = await later.search("cats", count=3, max_distance=1.5)

    assert [one.memory.id for one in found] == [PEANUTS.id]
