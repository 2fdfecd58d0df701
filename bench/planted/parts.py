"""Measures what each part of the measure by words gives, over turns as values."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.planted.dialogues import Dialogue
from chat.context.measure import MEASURE, Measure, rank_by_words
from chat.context.terms import prompt_terms, recall_terms
from chat.core.messages import Conversation, Message, Turn

NOTHING = Conversation(0, "", "", 0, 0, 0, ())
FIRST = (1, 5, 10)


@dataclass(frozen=True)
class Part:
    """A measure; `has_months`: whether the months that a prompt names are terms of it."""

    name: str
    measure: Measure
    has_months: bool = True


PLAIN = Measure(k1=1.2, b=0.75, coverage=0.0, before=0.3, after=0.3)
COVERING = Measure(k1=1.2, b=0.75, coverage=0.5, before=0.3, after=0.3)
ASYMMETRIC = Measure(k1=1.2, b=0.75)
PARTS = (
    Part("BM25 with k1 1.2, b 0.75, and 0.3 of both neighbours", PLAIN, has_months=False),
    Part("+ times the share of the prompt, to the power of 0.5", COVERING, has_months=False),
    Part("+ 0.5 of the turn before, 0.2 of the turn after", ASYMMETRIC, has_months=False),
    Part("+ months and years as terms", ASYMMETRIC),
    Part("+ k1 0.9, b 0.4: as it is", MEASURE),
)


def places(dialogue: Dialogue, part: Part) -> list[int]:
    """Return the place that the evidence of each question has in the ranking of all turns.

    Shapes: places begin with 1; evidence that is not ranked has a place behind all turns.
    """
    turns = _turns(dialogue)
    found = []
    for question in dialogue.questions:
        terms = recall_terms if part.has_months else prompt_terms
        ranked = rank_by_words(NOTHING, turns, terms(question.prompt), part.measure)
        texts = ["\n".join(m.content for m in one.turn.shown()) for one in ranked]
        right = [n for n, text in enumerate(texts, 1) if question.evidence in text]
        found.append(right[0] if right else len(turns) + 1)
    return found


def _turns(dialogue: Dialogue) -> list[Turn]:
    pairs = zip(dialogue.said[::2], dialogue.said[1::2], strict=False)
    return [
        Turn(
            number,
            (Message("user", one.text, one.at), Message("assistant", other.text, other.at)),
            0, 0, 0, one.at,
        )
        for number, (one, other) in enumerate(pairs, 1)
    ]  # fmt: skip


def shares(dialogues: Sequence[Dialogue], part: Part) -> list[float]:
    """Return the share of all evidence that is among the `FIRST` so many turns."""
    found = [place for dialogue in dialogues for place in places(dialogue, part)]
    return [sum(place <= most for place in found) / len(found) for most in FIRST]
