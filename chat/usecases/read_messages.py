"""Reads a conversation's messages, over the context window and the archive."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import aclosing
from typing import TypeVar

from chat.core.heads import Summary
from chat.core.messages import Memory, Place, Placed, Role, Turn
from chat.usecases.memory_port import LongTermMemory
from chat.usecases.ports import ConversationStore, Cursor, StoredTurn

PAGE_TURNS = 100
"""The most turns that one round trip brings."""
PAGE_ITEMS = 100
"""The most conversations, or memories, that one round trip brings."""

Item = TypeVar("Item")


async def read_messages(
    store: ConversationStore,
    conversation_id: int,
    *,
    last: int,
    before: Place | None,
    roles: Collection[Role],
) -> tuple[list[Placed], Place | None]:
    """Return the newest `last` messages of these roles before a place, in order of time.

    Shapes: the second value is `before` for the page of older messages; None if there are none.
    Errors: those of `ConversationStore.turns_page`.
    """
    newest_first: list[Placed] = []
    first_turns = min(last // 2 + 2, PAGE_TURNS)
    async with aclosing(_messages_before(store, conversation_id, before, first_turns)) as messages:
        async for placed in messages:
            if placed.message.role in roles:
                newest_first.append(placed)
                if len(newest_first) > last:
                    break
    found = newest_first[:last][::-1]
    has_older = len(newest_first) > last and bool(found)
    return found, found[0].place if has_older else None


async def read_messages_after(
    store: ConversationStore, conversation_id: int, after: Place | None, count: int
) -> list[Placed]:
    """Return up to `count` messages after a place, or from the first one on, in order of time.

    Errors: those of `ConversationStore`.
    """
    last_number = (await store.summarise(conversation_id)).turn_count
    first, size = after.turn_number if after else 1, min(count, PAGE_TURNS)
    found: list[Placed] = []
    while first <= last_number and len(found) < count:
        last = min(first + size - 1, last_number)
        turns = await _turns_between(store, conversation_id, first, last)
        found += [
            placed
            for turn in turns
            for placed in turn.placed()
            if after is None or _is_before(after, placed.place)
        ]
        first, size = last + 1, PAGE_TURNS if turns else 2 * size  # long gone turns cost little
    return found[:count]


async def _turns_between(
    store: ConversationStore, conversation_id: int, first: int, last: int
) -> list[Turn]:
    """Return the turns with these numbers and those between that are there, the oldest first."""
    newest_first: list[Turn] = []
    while first <= last and (
        page := await store.turns_page(conversation_id, last, min(last - first + 1, PAGE_TURNS))
    ):
        turns = [stored.turn for stored in page if stored.turn.number >= first]
        newest_first += reversed(turns)
        last = page[0].turn.number - 1
    return newest_first[::-1]


async def read_turn(store: ConversationStore, conversation_id: int, number: int) -> Turn | None:
    """Return one turn; None if it is not there.

    Errors: those of `ConversationStore.turns_page`.
    """
    page = await store.turns_page(conversation_id, number, 1)
    return page[0].turn if page and page[0].turn.number == number else None


async def all_messages(store: ConversationStore, conversation_id: int) -> list[Placed]:
    """Return every message, in order of time.

    Errors: those of `ConversationStore.turns_page`.
    """
    messages = _messages_before(store, conversation_id, None, PAGE_TURNS)
    return [placed async for placed in messages][::-1]


async def _messages_before(
    store: ConversationStore, conversation_id: int, before: Place | None, first_turns: int
) -> AsyncGenerator[Placed, None]:
    """Yield all messages before a place, the newest first; one round trip reads a page of turns."""
    number, count = before.turn_number if before else 0, first_turns
    while page := await store.turns_page(conversation_id, number, count):
        for stored in reversed(page):
            for placed in reversed(stored.turn.placed()):
                if before is None or _is_before(placed.place, before):
                    yield placed
        number, count = page[0].turn.number - 1, PAGE_TURNS
        if number < 1:
            return


def _is_before(place: Place, other: Place) -> bool:
    return (place.turn_number, place.index) < (other.turn_number, other.index)


async def every_turn(
    store: ConversationStore, conversation_id: int, last_number: int = 0
) -> list[Turn]:
    """Return all turns of a conversation up to `last_number`, the oldest first.

    0 for `last_number` is the newest turn.
    Errors: those of `ConversationStore.turns_page`.
    """
    newest_first: list[Turn] = []
    number = last_number
    while page := await store.turns_page(conversation_id, number, PAGE_TURNS):
        newest_first += [stored.turn for stored in reversed(page)]
        number = page[0].turn.number - 1
        if number < 1:
            break
    return newest_first[::-1]


async def newest_turns(
    store: ConversationStore, conversation_id: int, message_count: int
) -> list[StoredTurn]:
    """Return the newest turns, the oldest first, until they have more than so many messages.

    Errors: those of `ConversationStore.turns_page`.
    """
    newest_first: list[StoredTurn] = []
    number, left = 0, message_count
    while left >= 0 and (page := await store.turns_page(conversation_id, number, PAGE_TURNS)):
        for stored in reversed(page):
            if left >= 0:
                newest_first.append(stored)
                left -= len(stored.turn.shown())
        number = page[0].turn.number - 1
        if number < 1:
            break
    return newest_first[::-1]


def every_summary(store: ConversationStore, namespace: str | None = None) -> AsyncIterator[Summary]:
    """Yield all conversations, those with the latest activity first; contexts may be left out.

    With a `namespace`, only its conversations are yielded.
    """
    return _every(store.list_page, namespace)


def every_memory(memory: LongTermMemory, namespace: str | None = None) -> AsyncIterator[Memory]:
    """Yield all memories of an owner, or of one `namespace`, the newest first.

    Errors: those of `LongTermMemory.list_page`.
    """
    return _every(memory.list_page, namespace)


ListPage = Callable[[Cursor | None, int, str | None], Awaitable[tuple[list[Item], Cursor | None]]]


async def _every(list_page: ListPage[Item], namespace: str | None) -> AsyncIterator[Item]:
    cursor: Cursor | None = None
    while True:
        page, cursor = await list_page(cursor, PAGE_ITEMS, namespace)
        for item in page:
            yield item
        if cursor is None:
            return


def newest_page(
    items: Iterable[Item],
    place_of: Callable[[Item], tuple[float, str]],
    cursor: Cursor | None,
    limit: int,
) -> tuple[list[Item], Cursor | None]:
    """Return a page of unordered items, the newest first, and where the next page begins.

    Shapes: `place_of` returns an item's time and id; pages are ordered by time, then by id.
    """
    ordered = sorted(items, key=place_of, reverse=True)
    if cursor is not None:
        before = (float(cursor.at), cursor.id)
        ordered = [item for item in ordered if place_of(item) < before]
    if len(ordered) <= limit:
        return ordered, None
    at, name = place_of(ordered[limit - 1])
    return ordered[:limit], Cursor(repr(at), name)
