"""The states of a conversation in which questions are asked, and how a conversation gets there."""

import random
from collections.abc import Awaitable, Callable, Sequence

from bench.planted.dialogues import SECONDS_APART, Dialogue, Said
from bench.planted.facts import CHAT, SMALL_TALK
from bench.planted.native import Talker
from chat.core.messages import Role

MOST_TURNS = 400
"""How many turns of small talk it takes at most to fill a window."""

Bring = Callable[[Talker, Dialogue, random.Random], Awaitable[int]]
"""Brings a conversation to a state; returns how many messages of the dialogue were said."""


async def warm(talker: Talker, dialogue: Dialogue, rng: random.Random) -> int:
    """Say all of it turn by turn, and chat on until none of it is left in the window."""
    return await _say_all(talker, dialogue, rng, CHAT)


async def small_talk(talker: Talker, dialogue: Dialogue, rng: random.Random) -> int:
    """Say all of it turn by turn, and fill the window with small talk."""
    return await _say_all(talker, dialogue, rng, SMALL_TALK)


async def _say_all(
    talker: Talker, dialogue: Dialogue, rng: random.Random, texts: Sequence[str]
) -> int:
    turns = _in_pairs(dialogue.said)
    await talker.begin(*turns[0])
    evicted = 0
    for turn in turns[1:]:
        evicted += await talker.turn(*turn)
    at = dialogue.said[-1].at
    for number in range(MOST_TURNS):
        if evicted >= len(turns):
            break
        later = at + (number + 1) * SECONDS_APART
        prompt, reply = (dialogue.says(n, rng.choice(texts), later) for n in range(2))
        evicted += await talker.turn(prompt, reply)
    return len(dialogue.said)


async def just_full(talker: Talker, dialogue: Dialogue, _: random.Random) -> int:
    """Say it turn by turn until the first turn leaves the window."""
    turns = _in_pairs(dialogue.said)
    await talker.begin(*turns[0])
    for place, turn in enumerate(turns[1:], 2):
        if await talker.turn(*turn):
            return 2 * place
    return len(dialogue.said)


async def added(talker: Talker, dialogue: Dialogue, _: random.Random) -> int:
    """Add all of it in bulk, the one as the user and the other as the assistant."""
    first = dialogue.said[0].speaker
    await _add(talker, dialogue, lambda one: "user" if one.speaker == first else "assistant")
    return len(dialogue.said)


async def added_alternating(talker: Talker, dialogue: Dialogue, _: random.Random) -> int:
    """Add all of it in bulk, in the roles of user and assistant in turn."""
    roles: list[Role] = []

    def role(_: Said) -> Role:
        roles.append("assistant" if len(roles) % 2 else "user")
        return roles[-1]

    await _add(talker, dialogue, role)
    return len(dialogue.said)


async def added_as_user(talker: Talker, dialogue: Dialogue, _: random.Random) -> int:
    """Add all of it in bulk as the user's."""
    await _add(talker, dialogue, lambda _: "user")
    return len(dialogue.said)


async def added_as_assistant(talker: Talker, dialogue: Dialogue, _: random.Random) -> int:
    """Add all of it in bulk as the assistant's."""
    await _add(talker, dialogue, lambda _: "assistant")
    return len(dialogue.said)


async def _add(talker: Talker, dialogue: Dialogue, role: Callable[[Said], Role]) -> None:
    begin = dialogue.said[0].at - SECONDS_APART
    await talker.begin(Said("", "Hello!", begin), Said("", "Hello!", begin))
    await talker.add([(role(one), one) for one in dialogue.said])


def _in_pairs(said: Sequence[Said]) -> list[tuple[Said, Said]]:
    return list(zip(said[::2], said[1::2], strict=False))


STATES: dict[str, Bring] = {
    "warm, full of chat": warm,
    "full of small talk": small_talk,
    "just full": just_full,
    "added, by speaker": added,
    "added, alternating": added_alternating,
    "added, all as user": added_as_user,
    "added, all as assistant": added_as_assistant,
}
