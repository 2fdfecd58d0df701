"""Whatever the API accepts can be exported, imported by another owner, and exported unchanged."""

import dataclasses
import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat.core.heads import Change
from chat.core.json_text import MAX_DIGITS, render_json_text
from chat.core.memories import note_id
from chat.core.messages import ROLES, Memory, Message, Place
from chat.core.refusals import CallerError, UnknownMessage
from chat.http.bodies import parse_messages
from chat.http.fields import MAX_METADATA_BYTES, MAX_TITLE_CHARACTERS
from chat.usecases.change import change_conversation, forget_message
from chat.usecases.export import Line
from tests.chat.test_exporting import (
    LONG,
    NOW,
    SETTINGS,
    MakeWorld,
    World,
    add,
    exported,
    make_world,
    start,
    take,
    watched,
)

__all__ = ["make_world", "watched"]
OWNERS = itertools.count()
CONTENTS = st.text(min_size=1).filter(lambda text: bool(text.strip()))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**MAX_DIGITS) + 1, 10**MAX_DIGITS - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
TIMES = st.integers(0, int(NOW) * 1024).map(lambda number: number / 1024)
"""Times that Chroma returns unchanged; others it returns up to a quarter of a microsecond off."""
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(ROLES), "content": CONTENTS},
    optional={
        "created_at": TIMES | st.integers(0, int(NOW)),
        "metadata": st.dictionaries(st.text(), VALUES, max_size=3),
    },
)
CONVERSATIONS = st.fixed_dictionaries(
    {
        "context": st.text(),
        "title": st.none() | st.text(max_size=MAX_TITLE_CHARACTERS),
        "pinned": st.booleans(),
        "batches": st.lists(st.lists(MESSAGES, min_size=1, max_size=5), max_size=3),
        "forgotten": st.lists(st.tuples(st.integers(1, 8), st.integers(0, 3)), max_size=3),
    }
)
NOTES = st.lists(st.tuples(CONTENTS, TIMES, st.booleans()), max_size=3)


async def make(world: World, wanted: dict[str, Any]) -> None:
    """Make a conversation as the routes do."""
    taken = await start(world, "p")
    for batch in wanted["batches"]:
        body = render_json_text({"messages": batch}).encode()
        await add(world, taken, *parse_messages(body, LONG, NOW))
    title = wanted["title"]
    change = Change(wanted["context"], "" if title is None else title, wanted["pinned"])
    await change_conversation(world.store, SETTINGS, taken, change)
    for number, index in wanted["forgotten"]:
        try:
            await forget_message(world.store, taken, Place(number, index))
        except UnknownMessage:
            continue


async def note(world: World, content: str, at: float, *, is_pinned: bool) -> None:
    memory = Memory(note_id(content), "user", content, at, None)
    if await world.memory.add([memory]) == [memory.id] and is_pinned:
        await world.memory.change(dataclasses.replace(memory, is_pinned=True))


def without_ids(lines: Sequence[Line]) -> list[str]:
    """Return what lines say of conversations, memories and the end, sorted and without ids."""
    said: list[list[Line]] = []
    for line in lines[1:]:
        shown = {name: line[name] for name in line if name not in {"id", "conversation_id"}}
        if line["type"] == "memory":
            shown["place"] = line["id"].partition(".")[2] or line["id"]
        if line["type"] == "turn":
            said[-1].append(shown)
        else:
            said.append([shown])
    return sorted(json.dumps(one, sort_keys=True) for one in said)


async def round_trip(make_world: MakeWorld, world: World) -> tuple[list[str], list[str]]:
    """Export, let another owner import it, and export again."""
    before = await exported(world)
    other = make_world(f"{{o{next(OWNERS)}}}")
    as_sent = [json.loads(render_json_text(line)) for line in before]
    await take(other, as_sent)
    return without_ids(before), without_ids(await exported(other))


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(conversations=st.lists(CONVERSATIONS, max_size=2), notes=NOTES)
async def test_what_was_taken_goes_out_in_and_out_the_same(
    make_world: MakeWorld,
    conversations: list[dict[str, Any]],
    notes: list[tuple[str, float, bool]],
) -> None:
    world = make_world(f"{{o{next(OWNERS)}}}")
    try:
        for wanted in conversations:
            await make(world, wanted)
    except CallerError:
        return  # the routes would not let it in
    for content, at, is_pinned in notes:
        await note(world, content, at, is_pinned=is_pinned)

    before, after = await round_trip(make_world, world)

    assert before == after


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(Message("user", "x" * LONG), id="the longest content"),
        pytest.param(Message("user", "\0" * (LONG - 1) + "x"), id="characters that are escaped"),
        pytest.param(Message("user", "🏍" * (LONG // 4)), id="four bytes a character"),
        pytest.param(Message("tool", "x", 0.0), id="the earliest time"),
        pytest.param(Message("tool", "x", NOW + 300), id="the latest time"),
        pytest.param(
            Message("tool", "x", 1.5, {"a": "x" * (MAX_METADATA_BYTES - len('{"a": ""}'))}),
            id="the longest metadata",
        ),
        pytest.param(Message("tool", "x", None, nested(32)), id="the deepest metadata"),
        pytest.param(Message("tool", "x", None, {}), id="empty metadata"),
        pytest.param(
            Message("tool", "x", None, {"a": [10**307, -(10**307), 5e-324, -0.0, 1.0, 2**53 + 1]}),
            id="the largest numbers",
        ),
    ],
)
async def test_what_is_at_a_limit_goes_out_in_and_out_the_same(
    make_world: MakeWorld, message: Message
) -> None:
    world = make_world()
    taken = await start(world)
    sent = {name: value for name, value in message._asdict().items() if value not in (None, ())}
    body = render_json_text({"messages": [sent]}).encode()
    await add(world, taken, *parse_messages(body, LONG, NOW))
    await change_conversation(
        world.store, SETTINGS, taken, Change(None, "ü" * MAX_TITLE_CHARACTERS, is_pinned=True)
    )

    before, after = await round_trip(make_world, world)

    assert before == after
    assert any(json.dumps(message.content) in line for line in after)
