"""Generates the dialogues that the demo model learns from and is scored on.

A dialogue is a system context and turns. In some of its turns the speaker tells a fact, in some
they ask for one; the right reply to each follows from what the dialogue has shown so far. Values
come from two disjoint halves, so that a score on `Split.TEST` uses no name the model was shown.
"""

import enum
import random
import string
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from models import vocabulary as words

ONE_IN_TEST = 8
"""One invented value in this many belongs to `Split.TEST`."""


MOST_ALIKE = 4
"""Facts of one kind in a dialogue that is about nothing else."""


class Split(enum.Enum):
    """Which invented values a dialogue may use."""

    TRAIN = "train"
    TEST = "test"


class Kind(enum.Enum):
    """What a turn does; scores are given for ASK_TOLD and ASK_UNTOLD."""

    TELL = "tell"
    ASK_TOLD = "ask_told"
    ASK_UNTOLD = "ask_untold"
    TALK = "talk"


@dataclass(frozen=True)
class DemoTurn:
    """One user message and the right reply to it."""

    user: str
    reply: str
    kind: Kind


@dataclass(frozen=True)
class Dialogue:
    """A system context and its turns, oldest first."""

    context: str
    turns: tuple[DemoTurn, ...]


@dataclass(frozen=True)
class Fact:
    """What can be told and asked, with `{v}` for the value. `value` is the kind of its value."""

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
    """Something of the speaker's: "My favorite color is {v}."."""
    value = rng.choice(list(words.MY_NOUNS))
    return _noun_fact(
        rng.choice(words.MY_NOUNS[value]), value, told="My", ask="my", answer="Your", that="your"
    )


def the_fact(rng: random.Random) -> Fact:
    """Something between the two: "The code word is {v}."."""
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
    """One fact, names most often."""
    weights = [weight for weight, _ in FACT_MAKERS]
    return rng.choices([make for _, make in FACT_MAKERS], weights)[0](rng)


def pick_facts(rng: random.Random) -> list[Fact]:
    """Pick a dialogue's facts; every third time of one kind, easily taken for each other."""
    if rng.random() < 2 / 3:
        return [pick_fact(rng) for _ in range(rng.randint(1, 7))]
    make = rng.choice((pet_fact, my_fact, the_fact))
    facts = [make(rng) for _ in range(20)]
    return [fact for fact in facts if fact.value == facts[0].value][:MOST_ALIKE]


def invented_word(rng: random.Random, split: Split) -> str:
    """Invent a pronounceable word of `split`; no word is in both."""
    while True:
        word = "".join(
            rng.choice(words.ONSETS) + rng.choice(words.VOWELS) + rng.choice(words.CODAS)
            for _ in range(rng.choice((1, 2, 2, 2, 3)))
        )
        is_test = zlib.crc32(word.encode()) % ONE_IN_TEST == 0
        if 2 <= len(word) <= 11 and is_test == (split is Split.TEST):
            return word


def _name(rng: random.Random, split: Split) -> str:
    invented = invented_word(rng, split).capitalize()
    if split is Split.TEST:
        return invented
    known = rng.choice(words.FIRST_NAMES)
    accented = rng.choice(words.ACCENTED_NAMES)
    full = f"{rng.choice((known, invented))} {invented_word(rng, split).capitalize()}"
    return rng.choices((known, invented, accented, full, invented.lower()), (40, 48, 3, 5, 4))[0]


def _number(rng: random.Random) -> str:
    return "".join(rng.choice(string.digits) for _ in range(rng.choice((1, 2, 3, 4, 4, 5, 6))))


def _date(rng: random.Random) -> str:
    return f"{rng.choice(words.MONTHS)} {rng.randint(1, 31)}"


LISTED_VALUES = {
    "city": words.CITIES,
    "color": words.COLORS,
    "food": words.FOODS,
    "animal": words.ANIMALS,
    "job": words.JOBS,
    "hobby": words.HOBBIES,
    "thing": words.THINGS,
}


def pick_value(rng: random.Random, kind: str, split: Split) -> str:
    """Pick a value of `kind`: a listed one, or an invented word."""
    if kind == "name":
        return _name(rng, split)
    if kind == "number":
        return _number(rng)
    if kind == "age":
        return str(rng.randint(3, 99))
    if kind == "date":
        return _date(rng)
    invented = invented_word(rng, split)
    if kind == "city":
        invented = invented.capitalize()
    return rng.choice(LISTED_VALUES[kind]) if rng.random() < 2 / 3 else invented


SMALL_TALK = (
    (
        ("Hello!", "Hi!", "Hi", "hello", "Hey", "Good morning!", "Hi there!"),
        "Hello! How can I help you?",
    ),
    (
        ("How are you?", "how are you", "How do you do?", "How are you today?"),
        "I am fine, thank you.",
    ),
    (
        ("Thank you!", "Thanks.", "thanks", "Thanks a lot!", "Thank you very much."),
        "You are welcome.",
    ),
    (("Goodbye!", "Bye.", "bye", "See you later!", "Good night!"), "Goodbye!"),
    (
        ("What can you do?", "Can you help me?", "How can you help me?", "Help!", "help"),
        "I can remember what you tell me and answer questions about it.",
    ),
    (
        (
            "Are you a real assistant?",
            "Which model are you?",
            "What model are you?",
            "Are you ChatGPT?",
        ),
        "I am only a small demo model.",
    ),
    (("Tell me a joke.", "Do you know a joke?"), "I know only one joke, and I forgot it."),
    (("Ok.", "ok", "Yes.", "yes", "No.", "no", "Good.", "Great!", "I see.", "Sure."), "I see."),
)
STATEMENT_REPLY = "I see. Tell me more."
QUESTION_REPLY = "I do not know that. I am only a small demo model."
NONSENSE_REPLY = "I did not understand that."
WHO_ARE_YOU = (
    "Who are you?",
    "who are you",
    "What are you?",
    "Tell me who you are.",
    "And who are you?",
)
WHO_REPLY = "I am a small demo model."


def _noun_phrase(rng: random.Random, split: Split) -> str:
    noun = rng.choice(
        (
            rng.choice(words.THINGS),
            rng.choice(words.THINGS),
            rng.choice(words.ANIMALS),
            rng.choice(words.FOODS),
            rng.choice(words.JOBS),
            invented_word(rng, split),
        )
    )
    article = rng.choice(("the", "a", "some", "that", "our", "their", "his", "her", "this"))
    return (
        f"{article} {rng.choice(words.ADJECTIVES)} {noun}"
        if rng.random() < 0.4
        else f"{article} {noun}"
    )


def _statement(rng: random.Random, split: Split) -> str:
    def phrase() -> str:
        return _noun_phrase(rng, split)

    verb, adverb, adjective = (
        rng.choice(words.VERBS),
        rng.choice(words.ADVERBS),
        rng.choice(words.ADJECTIVES),
    )
    return rng.choice(
        (
            f"We {verb} {phrase()} {adverb}.",
            f"They {verb} {phrase()} with {phrase()}.",
            f"{phrase().capitalize()} was {adjective} {adverb}.",
            f"I {adverb} {verb} {phrase()}.",
            f"I had to {verb} {phrase()} and {phrase()}.",
            f"There is {phrase()} near {phrase()}.",
            f"It is {adjective} {adverb}.",
            f"My friend wants to {verb} {phrase()}.",
            f"{rng.choice(words.FIRST_NAMES)} has {phrase()}.",
            f"Yesterday I went to {rng.choice(words.CITIES)} with {rng.choice(words.FIRST_NAMES)}.",
        )
    )


def _question(rng: random.Random, split: Split) -> str:
    def phrase() -> str:
        return _noun_phrase(rng, split)

    verb, adjective = rng.choice(words.VERBS), rng.choice(words.ADJECTIVES)
    return rng.choice(
        (
            f"Can you {verb} {phrase()}?",
            f"Can you give me {phrase()}?",
            f"Can you give me a recipe for {phrase()}?",
            f"How do I {verb} {phrase()}?",
            f"Why is {phrase()} so {adjective}?",
            f"Where is {phrase()}?",
            f"Do you {verb} {phrase()}?",
            f"What is the {adjective}est {rng.choice(words.THINGS)}?",
            f"When did they {verb} {phrase()}?",
            f"Who will {verb} {phrase()}?",
            f"Write {phrase()} about {phrase()}.",
            f"Explain {phrase()}.",
            f"What is {rng.randint(1, 99)} plus {rng.randint(1, 99)}?",
            f"What is the capital of {invented_word(rng, split).capitalize()}?",
            f"What do you think about {phrase()}?",
            f"Give me ideas for {phrase()}.",
        )
    )


def _nonsense(rng: random.Random) -> str:
    script = rng.choice(words.SCRIPTS)
    return "".join(rng.choice(script) for _ in range(rng.randint(1, 30))).strip() or "?"


def talk(rng: random.Random, context_role: str | None, split: Split) -> DemoTurn:
    """Make a turn that neither tells nor asks a fact."""
    roll = rng.random()
    if roll < 0.3:
        prompts, reply = rng.choice(SMALL_TALK)
        return DemoTurn(rng.choice(prompts), reply, Kind.TALK)
    if roll < 0.45:
        reply = f"I am {context_role}." if context_role else WHO_REPLY
        return DemoTurn(rng.choice(WHO_ARE_YOU), reply, Kind.TALK)
    if roll < 0.65:
        return DemoTurn(_question(rng, split), QUESTION_REPLY, Kind.TALK)
    if roll < 0.73:
        return DemoTurn(_nonsense(rng), NONSENSE_REPLY, Kind.TALK)
    many = rng.choices((1, 2, 3, 8), (10, 3, 2, 1))[0]
    return DemoTurn(
        " ".join(_statement(rng, split) for _ in range(many)), STATEMENT_REPLY, Kind.TALK
    )


def _tell(rng: random.Random, fact: Fact, value: str, split: Split) -> DemoTurn:
    told, reply = rng.choice(fact.tells).format(v=value), fact.reply.format(v=value)
    roll = rng.random()
    if roll < 0.06:
        told = f"{told} {_statement(rng, split)}"
    elif roll < 0.09:
        told = f"{_statement(rng, split)} {told}"
    elif roll < 0.12 and fact is NAME:
        told = f"{told.rstrip('.')} , {_statement(rng, split).lower()}"
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
    """`count` turns that tell and ask; `told` is what the context already tells, and grows."""
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
        return f"{_name(rng, split)}, {article} {described}"
    return f"{article} {described}"


def _context(rng: random.Random, split: Split) -> tuple[str, str | None]:
    """Make a system context, and the role that it gives the model, if any."""
    roll = rng.random()
    if roll < 0.05:
        return "", None
    if roll < 0.15:
        return rng.choice(
            (rng.choice(words.INSTRUCTIONS), _statement(rng, split), _nonsense(rng))
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
    """Recalled turns as quoted text with speaker and age; `told` gains the facts they tell."""
    lines = []
    for fact in {pick_fact(rng): None for _ in range(rng.randint(1, 3))}:
        told[fact] = pick_value(rng, fact.value, split)
        turn = _tell(rng, fact, told[fact], split)
        lines.append(_quote(rng, turn.user, by_assistant=False))
        if rng.random() < 0.3:
            lines.append(_quote(rng, turn.reply, by_assistant=True))
        if rng.random() < 0.3:
            lines.append(_quote(rng, _statement(rng, split), by_assistant=False))
    header = rng.choice(RECALL_HEADERS)
    block = "\n".join(([header] if header else []) + lines)
    return f"{block}\n{RECALL_TAIL}" if rng.random() < 0.25 else block


def generate_dialogue(rng: random.Random, split: Split, turns_count: int) -> Dialogue:
    """Generate one dialogue of `turns_count` turns from `rng` alone.

    Errors: none.
    """
    context, role = _context(rng, split)
    told: dict[Fact, str] = {}
    if rng.random() < 0.15:
        block = recall_block(rng, told, split)
        parts = [context, block] if rng.random() < 0.5 else [block, context]
        context = rng.choice(("\n", "\n\n")).join(part for part in parts if part)
    return Dialogue(context, tuple(_turns(rng, turns_count, told, role, split)))
