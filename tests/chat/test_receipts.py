"""A receipt says how a reply came about, in few bytes, and goes where its message goes."""

import dataclasses
import json

import pytest

from chat.core.messages import Message, Place, Turn
from chat.core.receipts import MAX_ROWS, parse_receipt, render_receipt
from chat.core.refusals import InvalidRequest, TooLarge
from chat.core.usage import Recalled, RecalledMemory, Usage
from chat.http.usage_fields import parse_usage
from chat.redis.records import parse_turns, render_turn
from chat.usecases.change import forget_message
from chat.usecases.take_back import with_moved_receipts
from tests.chat.native import NativeConnection
from tests.chat.stores import OWNER, MakeStores, make_stores_of
from tests.chat.test_branching import branch, talk
from tests.chat.test_branching import commit as commit_of

USAGE = Usage(
    3500, 120, 30, 5, 4, "stop", (1, 2, 3, 7), (Recalled(2, 0.8123, 300),),
    (RecalledMemory("12.3.0", 0.91, 60), RecalledMemory("note-0123456789abcdef", 0.5, 9)),
)  # fmt: skip
NO_USAGE = Usage(0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param(USAGE, id="all of it"),
        pytest.param(NO_USAGE, id="nothing"),
        pytest.param(dataclasses.replace(USAGE, finish_reason='a|"b"\\ü'), id="any reason"),
        pytest.param(dataclasses.replace(USAGE, evicted=(9, 3, 4)), id="in any order"),
    ],
)
def test_what_is_rendered_is_parsed(usage: Usage) -> None:
    assert parse_receipt(render_receipt(usage)) == usage


def test_a_receipt_is_short_however_much_was_recalled() -> None:
    many = dataclasses.replace(
        USAGE,
        finish_reason="r" * 9999,
        evicted=tuple(range(1, 40_000, 2)),
        recalled=USAGE.recalled * 5000,
        memories=USAGE.memories * 5000,
    )
    text = render_receipt(many)

    kept = parse_receipt(text)
    assert len(text) < 12_000
    assert kept is not None
    assert len(kept.evicted) == len(kept.recalled) == len(kept.memories) == MAX_ROWS
    assert len(render_receipt(dataclasses.replace(USAGE, evicted=tuple(range(9000))))) < 150


@pytest.mark.parametrize("text", ["", "x", "1,2|||", "1,2,3,4,5|a|b|c|d", "1,2,3,4,x||||stop"])
def test_what_is_no_receipt_shows_none(text: str) -> None:
    assert parse_receipt(text) is None


def test_only_messages_with_more_take_more_room() -> None:
    bare, full = Message("user", "p"), Message("assistant", "r", receipt=render_receipt(USAGE))
    turn = Turn(1, (bare, None, full), 5, 5, 2, 7.0)

    text = render_turn(turn)

    assert json.loads(text)["messages"][0] == ["user", "p"]
    assert parse_turns(b"[" + text + b"]") == (turn,)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("context_length", -1), ("prompt_tokens", True), ("generated_tokens", 0.5),
        ("window_turns", None), ("evicted_turns", 10**16), ("finish_reason", 5),
        ("finish_reason", "x" * 999), ("evicted", 5), ("evicted", [-1]), ("evicted", [1] * 10_001),
        ("recalled", [{"turn": 1}]), ("recalled", [{"turn": 1, "score": "1", "age_s": 1}]),
        ("recalled", [{"turn": 1, "score": 1e9, "age_s": 1}]),
        ("memories", [{"memory": "x", "score": 1, "age_s": 1}]), ("other", 1),
    ],
)  # fmt: skip
def test_a_usage_that_is_none_is_refused_by_field(field: str, value: object) -> None:
    given = json.loads(json.dumps(dataclasses.asdict(USAGE)))
    assert parse_usage(given, "usage") == USAGE

    with pytest.raises((InvalidRequest, TooLarge)) as refused:
        parse_usage(given | {field: value}, "usage")

    assert refused.value.param == f"usage.{field}"


def test_an_import_names_the_memories_of_a_receipt_anew() -> None:
    reply = Message("assistant", "r", receipt=render_receipt(USAGE))
    turn = Turn(1, (None, Message("user", "p"), reply), 5, 5, 2, 7.0)

    def memories(ids: dict[int, int], own: set[int], given_out: int) -> list[str]:
        message = with_moved_receipts(turn, ids, own, given_out).messages[2]
        usage = parse_receipt(message.receipt or "") if message else None
        return [row.memory for row in usage.memories] if usage else []

    note = "note-0123456789abcdef"
    assert memories({12: 40}, set(), 50) == ["40.3.0", note]
    assert memories({}, set(), 50) == ["12.3.0", note], "it expired before the export"
    assert memories({}, {12}, 50) == [note], "another conversation has that id here"
    assert memories({}, set(), 5) == [note], "it is of another service"


@pytest.fixture(params=["memory", "redis", "chroma"])
def make(request: pytest.FixtureRequest, connection: NativeConnection) -> MakeStores:
    """Make the stores of a request."""
    return make_stores_of(request.param, request, connection)


async def test_a_receipt_goes_with_its_message(make: MakeStores) -> None:
    stores = make()
    taken = await talk(stores, 1)
    receipt = render_receipt(USAGE)
    reply = Message("assistant", "It is this reply.", receipt=receipt)
    for number in (2, 3):
        loaded = await stores.turns.load(taken)
        new = Turn(number, (Message("user", "A prompt."), reply), 2000, 0, 2, 7.0)
        await stores.turns.commit(loaded, commit_of(new, loaded.turns[:1]))

    made = await branch(stores, taken, "3.1", OWNER)
    await forget_message(stores.conversations, taken, Place(2, 1))
    await forget_message(stores.conversations, taken, Place(3, 0))

    page = await stores.conversations.turns_page(taken, 0, 2)
    assert page[0].turn.shown() == (Message("user", "A prompt."),)
    assert page[1].turn.shown() == (reply,)
    branched = await stores.conversations.turns_page(made.id, 0, 2)
    assert [m and m.receipt for stored in branched for m in stored.turn.messages] == [
        None, receipt, None,
    ]  # fmt: skip
