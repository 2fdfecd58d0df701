"""Adds messages to a conversation without asking for a reply."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from chat.context.budget import bounded_turn, fit_turns
from chat.core.lifetime import expires_at, lifetime_s
from chat.core.messages import Commit, Conversation, Message, Placed, Turn
from chat.core.tokens import Vocabulary
from chat.core.undoing import undone_on_error
from chat.settings import Settings
from chat.usecases.ports import Clock, TurnStore
from chat.usecases.turn_memory import Recaller


@dataclass(frozen=True)
class Added:
    """The result: the messages in their places, and how many turns left the window for them."""

    conversation_id: int
    placed: tuple[Placed, ...]
    evicted_turns: int
    expires_at: int | None


async def add_messages(
    store: TurnStore,
    recaller: Recaller,
    clock: Clock,
    settings: Settings,
    conversation_id: int,
    messages: Sequence[Message],
) -> Added:
    """Add messages after the last turn; whole turns leave the window for them, the oldest first.

    Errors: those of the ports and of the recaller; all messages are added, or none.
    """
    loaded = await store.load(conversation_id)
    async with undone_on_error(partial(store.release, loaded)):
        now = clock()
        turns = make_turns(messages, loaded.turn_count + 1, now, loaded.vocabulary)
        room_tokens = settings.context_length - settings.sampling.max_reply_tokens
        fit = fit_turns(loaded, (*loaded.turns, *turns), room_tokens)
        commit = Commit(
            turns=tuple(turns),
            context_tokens=loaded.context_tokens,
            window_tokens=fit.window_tokens,
            vocabulary=loaded.vocabulary,
            evicted=fit.evicted,
            at=now,
            lifetime_s=lifetime_s(settings.lifetimes, loaded, now),
            counters={"messages": len(messages), "evicted_turns": len(fit.evicted)},
        )
        await store.commit(loaded, await recaller.remember(loaded, commit))
    recaller.keep_evicted_later(loaded, commit)
    return make_added(loaded, commit)


def make_turns(
    messages: Sequence[Message], first_number: int, now: float, vocabulary: Vocabulary
) -> list[Turn]:
    """Put messages into turns, each of which begins with a user message."""
    return [
        bounded_turn(number, group, now, vocabulary)
        for number, group in enumerate(_groups(messages), first_number)
    ]


def _groups(messages: Sequence[Message]) -> Iterator[list[Message]]:
    group: list[Message] = []
    for message in messages:
        if message.role == "user" and group:
            yield group
            group = []
        group.append(message)
    yield group


def make_added(loaded: Conversation, commit: Commit) -> Added:
    """Make the result; a message's id has the number of its turn, and its place in that turn."""
    placed = (placed for turn in commit.turns for placed in turn.placed())
    ends = expires_at(commit.at, commit.lifetime_s)
    return Added(loaded.id, tuple(placed), len(commit.evicted), ends)
