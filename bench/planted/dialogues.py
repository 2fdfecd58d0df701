"""Makes dialogues between two people over half a year, with planted facts; and reads one by hand.

All of it follows from a seed.
"""

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.planted.facts import CHAT, FACTS, NAMES, Fact

SESSIONS = 16
SESSION_DAYS = 12
CHAT_MESSAGES = 7, 13
"""How many messages of chat a session has, beside those that have to do with facts."""
BEGUN = dt.datetime(2023, 1, 9, 18, 30, tzinfo=dt.UTC)
SECONDS_APART = 40


@dataclass(frozen=True)
class Said:
    """What somebody said; `at` is seconds since 1970."""

    speaker: str
    text: str
    at: float


@dataclass(frozen=True)
class Question:
    """A question, and the text of the message that answers it; `kind` says what leads to it."""

    kind: str
    prompt: str
    evidence: str


@dataclass(frozen=True)
class Dialogue:
    """What was said between two people, in order, and questions about it.

    `is_named`: whether each message begins with the name of who says it.
    """

    pair: tuple[str, str]
    said: tuple[Said, ...]
    questions: tuple[Question, ...]
    is_named: bool = False

    def says(self, place: int, text: str, at: float) -> Said:
        """Return what one of the pair says to the other, at a later time."""
        speaker, you = self.pair[place], self.pair[1 - place]
        said = Said(speaker, text.format(you=you), at)
        return _named(said) if self.is_named else said

    def with_names(self) -> "Dialogue":
        """Return the same dialogue with the speakers' names in the texts."""
        said = tuple(map(_named, self.said))
        return replace(self, said=said, is_named=True)


def _named(said: Said) -> Said:
    return replace(said, text=f"{said.speaker}: {said.text}")


@dataclass(frozen=True)
class Planted:
    """A fact as one speaker tells it in a session."""

    fact: Fact
    teller: str
    other: str
    value: str

    def fill_in(self, text: str, day: dt.datetime) -> str:
        """Return a text of the fact with what stands for its names."""
        return text.format(me=self.teller, you=self.other, v=self.value, month=f"{day:%B %Y}")


def make_dialogue(seed: int) -> Dialogue:
    """Make a dialogue; each speaker tells each fact once, in sessions that are drawn."""
    rng = random.Random(seed)
    one, other = rng.sample(NAMES, 2)
    told: list[list[Planted]] = [[] for _ in range(SESSIONS)]
    for fact in FACTS:
        values = rng.sample(fact.values, 2)
        for speaker, value in zip((one, other), values, strict=True):
            pair = (speaker, other if speaker == one else one)
            told[rng.randrange(SESSIONS)].append(Planted(fact, *pair, value))
    said: list[Said] = []
    questions: list[Question] = []
    for number, facts in enumerate(told):
        day = BEGUN + dt.timedelta(days=number * SESSION_DAYS)
        spoken = _session(rng, (one, other), facts, day)
        at = day.timestamp()
        said += [Said(*line, at + place * SECONDS_APART) for place, line in enumerate(spoken)]
        questions += [
            Question(fact.fact.kind, fact.fill_in(fact.fact.ask, day), _told(fact, day))
            for fact in facts
        ]
    return Dialogue((one, other), tuple(said), tuple(questions))


def _told(planted: Planted, day: dt.datetime) -> str:
    return planted.fill_in(planted.fact.tell, day)


def _session(
    rng: random.Random, pair: tuple[str, str], facts: Sequence[Planted], day: dt.datetime
) -> list[tuple[str, str]]:
    """Return who says what: chat, facts, and messages that only have the words of some fact."""
    blocks: list[list[tuple[str, str]]] = [
        [(p.other, p.fill_in(p.fact.lead, day)), (p.teller, _told(p, day))] for p in facts
    ]
    blocks += [[line] for line in _chat(rng, pair)]
    for _ in range(4):
        fact = rng.choice(FACTS)
        blocks.append([(rng.choice(pair), rng.choice(fact.near))])
    rng.shuffle(blocks)
    return [line for block in blocks for line in block]


def _chat(rng: random.Random, pair: tuple[str, str]) -> Iterator[tuple[str, str]]:
    for _ in range(rng.randint(*CHAT_MESSAGES)):
        speaker = rng.choice(pair)
        you = pair[1] if speaker == pair[0] else pair[0]
        yield speaker, rng.choice(CHAT).format(you=you)
