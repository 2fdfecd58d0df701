"""Facts that can be told and asked, in words."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from models import vocabulary as words

MAX_ALIKE = 4
"""The most facts in a dialogue whose facts are all of one kind."""


@dataclass(frozen=True)
class Fact:
    """The sentences that tell and ask a fact, with `{v}` in place of its value.

    `value` is the kind of the value.
    """

    tells: tuple[str, ...]
    reply: str
    asks: tuple[str, ...]
    answer: str
    untold: str
    value: str


NAME = Fact(
    tells=(
        "My name is {v}.",
        "My name is {v}.",
        "My name is {v}",
        "my name is {v}",
        "I am {v}.",
        "I'm {v}.",
        "Call me {v}.",
        "Hi, I am {v}.",
        "Hello, my name is {v}.",
        "Hi! My name is {v}.",
        "Hi I am {v}",
        "Please call me {v}.",
        "Actually, my name is {v}.",
    ),
    reply="Nice to meet you, {v}!",
    asks=(
        "What is my name?",
        "What is my name?",
        "What's my name?",
        "what is my name",
        "Who am I?",
        "Do you know my name?",
        "Do you remember my name?",
        "Can you tell me my name?",
        "And what is my name?",
        "What was my name again?",
        "Tell me my name.",
    ),
    answer="Your name is {v}.",
    untold="You have not told me your name yet.",
    value="name",
)
PLACE = Fact(
    tells=("I live in {v}.", "I live in {v}", "I am living in {v} now.", "I moved to {v}."),
    reply="I will remember that you live in {v}.",
    asks=(
        "Where do I live?",
        "where do I live",
        "Do you know where I live?",
        "Which city do I live in?",
    ),
    answer="You live in {v}.",
    untold="You have not told me where you live yet.",
    value="city",
)
AGE = Fact(
    tells=(
        "I am {v} years old.",
        "I'm {v} years old.",
        "I am {v} years old",
        "I turned {v} today.",
    ),
    reply="I will remember that you are {v} years old.",
    asks=("How old am I?", "how old am I", "What is my age?", "Do you know how old I am?"),
    answer="You are {v} years old.",
    untold="You have not told me how old you are yet.",
    value="age",
)
JOB = Fact(
    tells=("I work as a {v}.", "I work as a {v}", "My job is {v}.", "I found work as a {v}."),
    reply="I will remember that you work as a {v}.",
    asks=("What is my job?", "What do I do?", "What do I work as?", "Do you know my job?"),
    answer="You work as a {v}.",
    untold="You have not told me your job yet.",
    value="job",
)
LIKING = Fact(
    tells=("I like {v}.", "I like {v}", "I love {v}.", "I really like {v}."),
    reply="I will remember that you like {v}.",
    asks=("What do I like?", "what do I like", "Do you know what I like?"),
    answer="You like {v}.",
    untold="You have not told me what you like yet.",
    value="food",
)


def pet_fact(rng: random.Random) -> Fact:
    """Make the fact of a pet and what it is called."""
    pet = rng.choice(words.PETS)
    return Fact(
        tells=(
            f"I have a {pet} called {{v}}.",
            f"I have a {pet} named {{v}}.",
            f"My {pet} is called {{v}}.",
            f"My {pet}'s name is {{v}}.",
        ),
        reply=f"I will remember that your {pet} is called {{v}}.",
        asks=(
            f"What is my {pet} called?",
            f"How is my {pet} called?",
            f"What is my {pet}'s name?",
            f"What's my {pet}'s name?",
            f"Do you know my {pet}'s name?",
        ),
        answer=f"Your {pet} is called {{v}}.",
        untold=f"You have not told me what your {pet} is called yet.",
        value="name",
    )


def my_fact(rng: random.Random) -> Fact:
    """Make a fact about the speaker: "My favorite color is {v}."."""
    value = rng.choice(list(words.MY_NOUNS))
    return _noun_fact(
        rng.choice(words.MY_NOUNS[value]), value, told="My", ask="my", answer="Your", that="your"
    )


def the_fact(rng: random.Random) -> Fact:
    """Make a fact about neither speaker: "The code word is {v}."."""
    value = rng.choice(list(words.THE_NOUNS))
    return _noun_fact(
        rng.choice(words.THE_NOUNS[value]), value, told="The", ask="the", answer="The", that="the"
    )


def _noun_fact(noun: str, value: str, *, told: str, ask: str, answer: str, that: str) -> Fact:
    return Fact(
        tells=(
            f"{told} {noun} is {{v}}.",
            f"{told} {noun} is {{v}}.",
            f"{told} {noun} is {{v}}",
            f"{told.lower()} {noun} is {{v}}",
            f"Remember that {ask} {noun} is {{v}}.",
            f"Please remember that {ask} {noun} is {{v}}.",
            f"By the way, {ask} {noun} is {{v}}.",
        ),
        reply=f"I will remember that {that} {noun} is {{v}}.",
        asks=(
            f"What is {ask} {noun}?",
            f"What is {ask} {noun}?",
            f"What's {ask} {noun}?",
            f"what is {ask} {noun}",
            f"Do you know {ask} {noun}?",
            f"Do you remember {ask} {noun}?",
            f"Tell me {ask} {noun}.",
            f"What was {ask} {noun} again?",
        ),
        answer=f"{answer} {noun} is {{v}}.",
        untold=f"You have not told me {that} {noun} yet.",
        value=value,
    )


FACT_MAKERS: tuple[tuple[int, Callable[[random.Random], Fact]], ...] = (
    (5, lambda _: NAME),
    (1, lambda _: PLACE),
    (1, lambda _: AGE),
    (1, lambda _: JOB),
    (1, lambda _: LIKING),
    (2, pet_fact),
    (6, my_fact),
    (2, the_fact),
)


def pick_fact(rng: random.Random) -> Fact:
    """Pick a fact; facts with names are picked most often."""
    weights = [weight for weight, _ in FACT_MAKERS]
    return rng.choices([make for _, make in FACT_MAKERS], weights)[0](rng)


def pick_facts(rng: random.Random) -> list[Fact]:
    """Pick the facts of a dialogue; every third time, all are of one kind and easy to confuse."""
    if rng.random() < 2 / 3:
        return [pick_fact(rng) for _ in range(rng.randint(1, 7))]
    make = rng.choice((pet_fact, my_fact, the_fact))
    facts = [make(rng) for _ in range(20)]
    return [fact for fact in facts if fact.value == facts[0].value][:MAX_ALIKE]
