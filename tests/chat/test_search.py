"""A search finds what an owner said anywhere, by its words, in steps that are bounded."""

import dataclasses

import pytest

from chat.core.heads import Change
from chat.core.messages import Commit, Conversation, Message, Place, Turn
from chat.core.tokens import UNKNOWN
from chat.redis.connection import Redis
from chat.redis.searcher import RedisSearcher
from chat.redis.whole_scripts import BYTES_BEHIND, MAX_EACH, MAX_VISITED
from chat.usecases.change import forget_message
from chat.usecases.ports import Cursor
from chat.usecases.search import MAX_STEPS, Found, Hit, make_term, search
from tests.chat.native import NativeConnection
from tests.chat.stores import OTHER, OWNER, Stores, in_redis

HIT = Hit(1, 5.0, 1, None, Place(1, 0), "user", "", has_before=False, has_behind=False)


@pytest.fixture
def stores(connection: NativeConnection) -> Stores:
    return in_redis(connection, "one", OWNER, 0)


def make_commit(turns: tuple[Turn, ...], evicted: tuple[Turn, ...] = ()) -> Commit:
    return Commit(turns, 9, 77, UNKNOWN, evicted, turns[-1].at, 5000)


def turn(number: int, *said: str, at: float = 0.0) -> Turn:
    roles = ("user", "assistant")
    messages = tuple(Message(roles[n % 2], text) for n, text in enumerate(said))  # type: ignore[arg-type]
    return Turn(number, messages, 5, 0, 2, at or 1000.0 + number)


async def say(
    stores: Stores, *prompts: str, owner: str = OWNER, evict: bool = False, at: float = 0.0
) -> int:
    """Store a conversation; `evict`: whether only the last turn stays in the window."""
    taken = await stores.turns.next_id()
    new = Conversation(taken, owner, "ctx", 0, 0, 0, ())
    turns = [turn(number, text, at=at) for number, text in enumerate(prompts, 1)]
    await stores.turns.create(new, make_commit((turns[0],)), None)
    for one in turns[1:]:
        loaded = await stores.turns.load(taken)
        await stores.turns.commit(loaded, make_commit((one,), loaded.turns if evict else ()))
    return taken


async def find(
    connection: NativeConnection, prompt: str, limit: int = 20, owner: str = OWNER
) -> Found:
    return await search(RedisSearcher(Redis(connection), "t", owner), prompt, None, limit)


async def places(connection: NativeConnection, prompt: str) -> list[tuple[int, str]]:
    found = await find(connection, prompt)
    return [(hit.conversation_id, str(hit.place)) for hit, _ in found.hits]


async def test_words_are_found_in_windows_and_in_evicted_turns(
    stores: Stores, connection: NativeConnection
) -> None:
    shown = await say(stores, "I bake rye bread.", "It rains.")
    evicted = await say(stores, "Breads of Estonia", "It snows.", "It hails.", evict=True)
    await say(stores, "Nothing of it.")

    assert set(await places(connection, "bread")) == {(shown, "1.0"), (evicted, "1.0")}
    assert await places(connection, "snowing") == [(evicted, "2.0")]
    assert await places(connection, "of the") == [], "only words that everybody uses"
    assert await places(connection, "motorbike") == []


async def test_who_has_more_of_the_words_comes_first_and_then_who_is_newer(
    stores: Stores, connection: NativeConnection
) -> None:
    old = await say(stores, "rye", at=10.0)
    best = await say(stores, "bread made of rye", at=20.0)
    new = await say(stores, "rye", at=30.5)

    found = await find(connection, "rye bread")

    assert [(hit.conversation_id, score, hit.created_at) for hit, score in found.hits] == [
        (best, 1.0, 20.0), (new, 0.5, 30.5), (old, 0.5, 10.0),
    ]  # fmt: skip
    assert found.cursor is None
    assert len((await find(connection, "rye bread", limit=1)).hits) == 1


async def test_a_hit_says_what_was_said_where(stores: Stores, connection: NativeConnection) -> None:
    taken = await say(stores, "x")
    loaded = await stores.turns.load(taken)
    long = f"{'Before. ' * 60}Über Köln,\nmany words. {'Behind. ' * 60}"
    said = (Message("user", "Well?", 7.25), Message("tool", long, 1234567890.123456))
    await stores.turns.commit(loaded, make_commit((Turn(2, said, 5, 0, 2, 9.5),)))
    await stores.conversations.change(taken, Change(title="A trip"))

    ((hit, score),) = (await find(connection, "köln")).hits

    assert (hit.conversation_id, hit.title, str(hit.place), hit.role, score) == (
        taken, "A trip", "2.1", "tool", 1.0,
    )  # fmt: skip
    assert hit.created_at == 1234567890.123456
    assert hit.snippet().startswith("… Before. Before. ")
    assert "Über Köln, many words. Behind." in hit.snippet()
    assert hit.snippet().endswith("Behind. …")
    assert len(hit.snippet()) < 2 * BYTES_BEHIND


@pytest.mark.parametrize(
    ("said", "prompt"),
    [
        pytest.param("MÜNCHEN im Mai", "münchen", id="capitals"),
        pytest.param("Ärger mit dem Auto", "ärger", id="a first letter"),
        pytest.param("我喜欢吃面包", "面包", id="no spaces"),
        pytest.param("two cities", "city", id="an ending"),
        pytest.param('He said "rye\\nbread"', "rye", id="behind a quotation mark"),
        pytest.param("first\nrye", "rye", id="behind a line break"),
        pytest.param("breadcrumbs", "bread", id="the beginning of a word"),
    ],
)
async def test_words_are_found_however_they_are_written(
    stores: Stores, connection: NativeConnection, said: str, prompt: str
) -> None:
    taken = await say(stores, said)

    assert await places(connection, prompt) == [(taken, "1.0")]


@pytest.mark.parametrize("prompt", ["user", "messages", "tokens", "art", "null", "n"])
async def test_nothing_is_found_that_nobody_said(
    stores: Stores, connection: NativeConnection, prompt: str
) -> None:
    await say(stores, "a party", "It rains.", evict=True)

    assert await places(connection, prompt) == []


async def test_of_one_conversation_some_messages_are_found(
    stores: Stores, connection: NativeConnection
) -> None:
    many = await say(stores, *(f"bread {n}" for n in range(20)))
    one = await say(stores, "bread")

    hits = await places(connection, "bread")

    assert [taken for taken, _ in hits].count(many) == MAX_EACH
    assert (one, "1.0") in hits
    assert (many, "20.0") in hits, "the newest"


async def test_what_is_forgotten_or_anothers_is_not_found(
    stores: Stores, connection: NativeConnection
) -> None:
    evicted = await say(stores, "bread one", "bread two", "bread three", evict=True)
    gone = await say(stores, "bread four")
    await say(in_redis(connection, "two", OTHER, 0), "bread five", owner=OTHER)

    await stores.conversations.forget(gone)
    for place in (Place(1, 0), Place(3, 0)):
        await forget_message(stores.conversations, evicted, place)

    assert await places(connection, "bread") == [(evicted, "2.0")]


async def test_a_search_of_many_conversations_goes_on_where_it_ended(
    stores: Stores, connection: NativeConnection
) -> None:
    count = 2 * MAX_VISITED + 50
    ids = [await say(stores, f"bread {n}", at=100.0 + n // 2) for n in range(count)]
    searcher, terms = RedisSearcher(Redis(connection), "t", OWNER), [make_term("bread")]
    connection.calls.clear()

    seen: list[int] = []
    hits, cursor = await searcher.step(terms, None, 1000)
    while cursor:
        seen += [hit.conversation_id for hit in hits]
        hits, cursor = await searcher.step(terms, cursor, 1000)
    seen += [hit.conversation_id for hit in hits]

    assert sorted(seen) == ids
    assert connection.calls.count("EVALSHA") == 3
    assert len((await find(connection, "bread", limit=100)).hits) == 100


async def test_a_step_looks_at_less_text_the_more_words_it_looks_for(
    stores: Stores, connection: NativeConnection
) -> None:
    for _ in range(20):
        await say(stores, "a" * 20_000)
    searcher, words = (
        RedisSearcher(Redis(connection), "t", OWNER),
        [f"{'a' * n}b" for n in range(16)],
    )

    assert (await searcher.step([make_term("bread")], None, 9))[1] is None
    cursor, steps = None, 0
    while cursor or not steps:
        _, cursor = await searcher.step([make_term(word) for word in words], cursor, 9)
        steps += 1
    assert steps == 3  # 400 KB for 16 words are 3.2 MB for two


async def test_one_search_takes_a_bounded_number_of_steps() -> None:
    class Endless:
        steps = 0

        async def step(self, terms: object, cursor: object, limit: int) -> tuple[list[Hit], Cursor]:
            assert terms != cursor
            assert limit == 5
            self.steps += 1
            hit = dataclasses.replace(HIT, created_at=float(self.steps))
            return [hit], Cursor(str(self.steps), "1")

    endless = Endless()
    found = await search(endless, "rye bread", None, 5)

    assert endless.steps == MAX_STEPS
    assert found.cursor == Cursor(str(MAX_STEPS), "1")
    assert [hit.created_at for hit, _ in found.hits] == [20.0, 19.0, 18.0, 17.0, 16.0]
    endless.steps = 0
    assert (await search(endless, "bread", None, 5)).cursor == Cursor("5", "1"), "none is better"


@pytest.mark.parametrize(
    ("part", "before", "behind", "snippet"),
    [
        pytest.param("all of it", False, False, "all of it", id="whole"),
        pytest.param("ut of it", True, False, "… of it", id="cut before"),
        pytest.param("all of i", False, True, "all of …", id="cut behind"),
        pytest.param("x" * 20, True, True, "… " + "x" * 20 + " …", id="one long word"),
        pytest.param("a\n\tb", False, False, "a b", id="one line"),
    ],
)
def test_a_snippet_has_whole_words(part: str, before: bool, behind: bool, snippet: str) -> None:
    hit = dataclasses.replace(HIT, part=part, has_before=before, has_behind=behind)

    assert hit.snippet() == snippet
