"""A conversation that nobody named is called after its first prompt."""

import dataclasses

import pytest

from chat.core.heads import Change
from chat.core.messages import Conversation, Place
from chat.core.titles import TITLE_CHARACTERS, make_title
from chat.usecases.change import forget_message
from tests.chat.native import NativeConnection
from tests.chat.stores import OWNER, MakeStores, Stores, make_stores_of
from tests.chat.test_branching import branch, commit, turn


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        pytest.param("Hello!", "Hello!", id="short"),
        pytest.param("  two\n\tlines \r\n", "two lines", id="one line"),
        pytest.param("x" * 60, "x" * 60, id="exactly full"),
        pytest.param("x" * 61, "x" * 59 + "…", id="one over"),
        pytest.param("word " * 20, "word word word word word word word word word word word word…"),
        pytest.param("wonderful " * 9, " ".join(["wonderful"] * 6) + "…", id="whole words"),
        pytest.param("a\u202eb\x00c\u200bd", "a b c d", id="what cannot be seen"),
        pytest.param("👩\u200d👧 mum", "👩\u200d👧 mum", id="an emoji of parts"),
        pytest.param("\u202e", "", id="nothing to be seen"),
    ],
)
def test_a_title_is_the_beginning_of_the_prompt_in_one_line(prompt: str, title: str) -> None:
    assert make_title(prompt) == title
    assert len(make_title(prompt)) <= TITLE_CHARACTERS


@pytest.fixture(params=["memory", "redis", "chroma"])
def make(request: pytest.FixtureRequest, connection: NativeConnection) -> MakeStores:
    """Make the stores of a request."""
    return make_stores_of(request.param, request, connection)


TITLE = make_title("prompt1 animal1")


async def start(stores: Stores) -> int:
    taken = await stores.turns.next_id()
    new = Conversation(taken, OWNER, "ctx", 9, 9, 0, ())
    await stores.turns.create(new, dataclasses.replace(commit(turn(1)), title=TITLE), None)
    return taken


async def title_of(stores: Stores, taken: int) -> str | None:
    title = (await stores.conversations.summarise(taken)).title
    listed, _ = await stores.conversations.list_page(None, 9)
    assert {one.id: one.title for one in listed}[taken] == title
    return title


async def test_a_new_conversation_has_its_title_until_it_is_named(make: MakeStores) -> None:
    stores = make()
    taken = await start(stores)

    made = await title_of(stores, taken)
    await stores.conversations.change(taken, Change(title="Zoo"))
    loaded = await stores.turns.load(taken)
    await stores.turns.commit(loaded, commit(turn(2)))

    assert made == TITLE
    assert await title_of(stores, taken) == "Zoo"


async def test_a_title_goes_with_the_message_that_it_was_made_of(make: MakeStores) -> None:
    stores = make()
    taken, named = await start(stores), await start(stores)
    await stores.conversations.change(named, Change(title="Zoo"))

    await forget_message(stores.conversations, taken, Place(1, 1))
    before = await title_of(stores, taken)
    for one in (taken, named):
        await forget_message(stores.conversations, one, Place(1, 0))

    assert before == TITLE
    assert await title_of(stores, taken) is None
    assert await title_of(stores, named) == "Zoo"


async def test_a_branch_with_nothing_said_gets_its_title_with_its_first_turn(
    make: MakeStores,
) -> None:
    stores = make()
    taken = await start(stores)
    whole, empty, named = [await branch(stores, taken, before) for before in (None, "1.0", "1.0")]
    await stores.conversations.change(named.id, Change(title="Zoo"))

    for one in (empty, named):
        loaded = await stores.turns.load(one.id)
        await stores.turns.commit(loaded, dataclasses.replace(commit(turn(1)), title="Other"))

    assert (whole.title, empty.title) == (TITLE, None)
    assert await title_of(stores, empty.id) == "Other"
    assert await title_of(stores, named.id) == "Zoo"
