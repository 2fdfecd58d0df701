"""Generates the dialogues that the demo model learns from and is scored on.

A dialogue is a system context and turns. In some turns the speaker tells a fact, in others they ask
for one; the right reply follows from what the dialogue has shown so far. Values come from two
halves without a common value, so that a score on `Split.TEST` uses no name that the model has seen.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from models import vocabulary as words
from models.fact_values import Split, invented_word, pick_name, pick_value
from models.facts import NAME, Fact, pick_fact, pick_facts
from models.talk import DemoTurn, Kind, make_nonsense, make_statement, talk


@dataclass(frozen=True)
class Dialogue:
    """A system context and its turns, oldest first."""

    context: str
    turns: tuple[DemoTurn, ...]


def _tell(rng: random.Random, fact: Fact, value: str, split: Split) -> DemoTurn:
    told, reply = rng.choice(fact.tells).format(v=value), fact.reply.format(v=value)
    roll = rng.random()
    if roll < 0.06:
        told = f"{told} {make_statement(rng, split)}"
    elif roll < 0.09:
        told = f"{make_statement(rng, split)} {told}"
    elif roll < 0.12 and fact is NAME:
        told = f"{told.rstrip('.')} , {make_statement(rng, split).lower()}"
    return DemoTurn(told, reply, Kind.TELL)


def _tell_two(
    rng: random.Random, told: dict[Fact, str], facts: list[Fact], split: Split
) -> DemoTurn:
    one, two = rng.sample(facts, 2)
    for fact in (one, two):
        told[fact] = pick_value(rng, fact.value, split)
    joint = rng.choice((" ", " ", " and "))
    first = one.tells[0].format(v=told[one])
    second = two.tells[0].format(v=told[two])
    if joint == " and ":
        first, second = (
            first.rstrip("."),
            second[0].lower() + second[1:] if second[:2] != "I " else second,
        )
    return DemoTurn(
        first + joint + second,
        one.reply.format(v=told[one]) + " " + two.reply.format(v=told[two]),
        Kind.TELL,
    )


def _turns(
    rng: random.Random, count: int, told: dict[Fact, str], context_role: str | None, split: Split
) -> Iterator[DemoTurn]:
    """Yield `count` turns that tell and ask facts.

    `told` has the facts that the context tells already; the facts of the turns are added to it.
    """
    facts = list(dict.fromkeys([*told, *pick_facts(rng)]))
    talk_share = rng.choice((0.1, 0.3, 0.6))
    for _ in range(count):
        if rng.random() < talk_share:
            yield talk(rng, context_role, split)
            continue
        fact = rng.choice(facts)
        if rng.random() < 0.07 and len(facts) > 1:
            yield _tell_two(rng, told, facts, split)
        elif rng.random() < (0.12 if fact in told else 0.5):
            told[fact] = pick_value(rng, fact.value, split)
            yield _tell(rng, fact, told[fact], split)
        elif fact in told:
            yield DemoTurn(rng.choice(fact.asks), fact.answer.format(v=told[fact]), Kind.ASK_TOLD)
        else:
            yield DemoTurn(rng.choice(fact.asks), fact.untold, Kind.ASK_UNTOLD)


def _role(rng: random.Random, split: Split) -> str:
    kind = rng.choice(words.ROLES) if rng.random() < 0.85 else invented_word(rng, split)
    described = f"{rng.choice(words.ROLE_ADJECTIVES)} {kind}" if rng.random() < 0.7 else kind
    article = "an" if described[0] in "aeio" else "a"
    if rng.random() < 0.15:
        return f"{pick_name(rng, split)}, {article} {described}"
    return f"{article} {described}"


def _context(rng: random.Random, split: Split) -> tuple[str, str | None]:
    """Make a system context, and the role that it gives the model, if any."""
    roll = rng.random()
    if roll < 0.05:
        return "", None
    if roll < 0.15:
        return rng.choice(
            (rng.choice(words.INSTRUCTIONS), make_statement(rng, split), make_nonsense(rng))
        ), None
    role = _role(rng, split)
    tail = " ".join(rng.sample(words.INSTRUCTIONS, rng.choice((0, 0, 0, 1, 2))))
    return f"You are {role}. {tail}".strip() if rng.random() < 0.9 else f"You are {role}", role


def _age_words(rng: random.Random) -> str:
    number = rng.randint(1, 40)
    unit = rng.choice(("second", "minute", "hour", "day", "week", "month", "year"))
    plural = "" if number == 1 else "s"
    return rng.choice(("just now", "yesterday", "today", *[f"{number} {unit}{plural} ago"] * 7))


RECALL_HEADERS = (
    "Earlier in this conversation:",
    "From earlier in this conversation:",
    "Recalled from earlier:",
    "What was said before:",
    "Memories:",
    "Memory log:",
    "The assistant's memory log:",
    "",
)
RECALL_TAIL = (
    "During conversations between the user and the assistant, the assistant will try to remember "
    "the memory described above and naturally integrate it with the conversation."
)


def _quote(rng: random.Random, text: str, *, by_assistant: bool) -> str:
    speaker = (
        rng.choice(("assistant", "the assistant", "I"))
        if by_assistant
        else rng.choice(("you", "user", "the user"))
    )
    return f'{_age_words(rng)}, {speaker} said:{rng.choice((" ", chr(10)))}"{text}"'


def recall_block(rng: random.Random, told: dict[Fact, str], split: Split) -> str:
    """Make a text of recalled turns, quoted with speaker and age; add their facts to `told`."""
    lines = []
    for fact in {pick_fact(rng): None for _ in range(rng.randint(1, 3))}:
        told[fact] = pick_value(rng, fact.value, split)
        turn = _tell(rng, fact, told[fact], split)
        lines.append(_quote(rng, turn.user, by_assistant=False))
        if rng.random() < 0.3:
            lines.append(_quote(rng, turn.reply, by_assistant=True))
        if rng.random() < 0.3:
            lines.append(_quote(rng, make_statement(rng, split), by_assistant=False))
    header = rng.choice(RECALL_HEADERS)
    block = "\n".join(([header] if header else []) + lines)
    return f"{block}\n{RECALL_TAIL}" if rng.random() < 0.25 else block


def generate_dialogue(rng: random.Random, split: Split, turns_count: int) -> Dialogue:
    """Generate one dialogue of `turns_count` turns; all randomness comes from `rng`.

    Errors: none.
    """
    context, role = _context(rng, split)
    told: dict[Fact, str] = {}
    if rng.random() < 0.15:
        block = recall_block(rng, told, split)
        parts = [context, block] if rng.random() < 0.5 else [block, context]
        context = rng.choice(("\n", "\n\n")).join(part for part in parts if part)
    return Dialogue(context, tuple(_turns(rng, turns_count, told, role, split)))
