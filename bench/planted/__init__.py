"""Measures how much of what was said comes back, over dialogues in which facts are planted."""

import asyncio
import contextlib
import random
from collections.abc import Mapping, Sequence

from bench.planted.by_hand import dialogue_by_hand
from bench.planted.dialogues import Dialogue, make_dialogue
from bench.planted.native import NativeTalker, Talker
from bench.planted.parts import PARTS, shares
from bench.planted.states import STATES, Bring
from bench.tables import header, row
from chat.wiring.turn_stores import MAX_FOUND, MAX_FOUND_TO_RANK
from host.interfaces.resp import Connection, parse_address
from tests.chat.native import NativeConnection
from tests.chat.test_settings import parse
from tests.minilm import MiniLmEmbedder
from tests.running import RunningRedis

DIALOGUES = 6
ASKED_AFTER_S = 3 * 86_400
SMALL = {
    "context_length": "2000",
    "max_reply_tokens": "200",
    "archive_turns": "10000",
    "rate_per_owner_per_minute": "0",
    "rate_global_per_minute": "0",
}
HEAD = f"""
### What comes back

Of {DIALOGUES} generated dialogues, in which each of two speakers tells 16 facts in half a year:
the share of the questions for which the model is shown the message that answers them, in its window
or recalled; with a context of 2,000 tokens, by the state of the conversation. In brackets, the
share of what the best state shows of the same questions.
"""
PARTS_HEAD = """
What each part of the measure by words gives: the share of the evidence among the first 1, 5 and 10
turns, of all turns of a dialogue.
"""
Shown = Mapping[tuple[int, str, str], bool]
"""Whether the evidence was shown, by dialogue, question and evidence."""


class NoEmbedder:
    """The `Embedder` port of a chat that recalls by words only."""

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """Refuse."""
        raise AssertionError(texts)


def bench_planted(redis: RunningRedis) -> None:
    """Print both tables."""
    print(HEAD, end="")
    generated = [make_dialogue(seed) for seed in range(DIALOGUES)]
    named = [dialogue.with_names() for dialogue in generated]
    header("state", "texts as they are", "names in the texts", "`recall=hybrid`, as they are")
    with contextlib.closing(Connection(parse_address(redis.address))) as connection:
        native = NativeConnection(connection)
        lexical = NativeTalker(native, parse(**SMALL), NoEmbedder(), MAX_FOUND)
        hybrid = NativeTalker(
            native, parse(**SMALL, recall="hybrid"), MiniLmEmbedder(), MAX_FOUND_TO_RANK
        )
        columns = ((lexical, generated), (lexical, named), (hybrid, generated))
        print_states([asyncio.run(shown_by_state(*column)) for column in columns])
    print(PARTS_HEAD, end="")
    header("measure", "generated", "names in the texts", "by hand")
    for part in PARTS:
        sets = (generated, named, [dialogue_by_hand()])
        row(part.name, *(_as_shares(shares(dialogues, part)) for dialogues in sets))


def _as_shares(found: Sequence[float]) -> str:
    return " · ".join(f"{share:.2f}" for share in found)


async def shown_by_state(talker: Talker, dialogues: Sequence[Dialogue]) -> dict[str, Shown]:
    """Return what is shown in each state."""
    return {name: await shown_in(talker, bring, dialogues) for name, bring in STATES.items()}


async def shown_in(talker: Talker, bring: Bring, dialogues: Sequence[Dialogue]) -> Shown:
    """Ask the questions whose evidence was said by then, each in the same conversation as it is."""
    shown = {}
    for seed, dialogue in enumerate(dialogues):
        said_count = await bring(talker, dialogue, random.Random(seed))
        said = [one.text for one in dialogue.said[:said_count]]
        at = dialogue.said[-1].at + ASKED_AFTER_S
        for question in dialogue.questions:
            if any(question.evidence in text for text in said):
                context = await talker.ask(question.prompt, at)
                key = (seed, question.prompt, question.evidence)
                shown[key] = question.evidence in context
    return shown


def share_of_best(shown: Shown, by_state: Mapping[str, Shown]) -> float:
    """Return the share of what the best state of an archive shows of the same questions.

    In the state `just full`, most is still in the window, so it is not one of those.
    """
    archived = [of_state for name, of_state in by_state.items() if name != "just full"]
    best = max(sum(of_state[key] for key in shown) for of_state in archived)
    return sum(shown.values()) / best


def print_states(columns: Sequence[Mapping[str, Shown]]) -> None:
    """Print a row for each state."""
    for name in STATES:
        row(name, *(
            f"{sum(column[name].values()) / len(column[name]):.2f}"
            f" ({share_of_best(column[name], column):.2f})"
            for column in columns
        ))  # fmt: skip
