"""Turns that neither tell nor ask a fact."""

import enum
import random
from dataclasses import dataclass

from models import vocabulary as words
from models.fact_values import Split, invented_word


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


def make_statement(rng: random.Random, split: Split) -> str:
    """Make a sentence that tells no fact."""

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


def make_nonsense(rng: random.Random) -> str:
    """Make a text without meaning, of characters of one script."""
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
        return DemoTurn(make_nonsense(rng), NONSENSE_REPLY, Kind.TALK)
    many = rng.choices((1, 2, 3, 8), (10, 3, 2, 1))[0]
    return DemoTurn(
        " ".join(make_statement(rng, split) for _ in range(many)), STATEMENT_REPLY, Kind.TALK
    )
