"""Generates conversations in many scripts, and plays them against a real tokenizer."""

import argparse
import dataclasses
import http.client
import inspect
import json
import random
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pydoc_data.topics import topics

from chat.context.budget import Fit, Room, fit_turns, message_tokens
from chat.context.counts import Measured, measure
from chat.context.recall import Quoting, Recall, fit_with_recall
from chat.context.showing import lay_out
from chat.context.templates import render_prompt
from chat.core.messages import (
    ROLES,
    Completion,
    Conversation,
    Found,
    FoundMemory,
    Memory,
    Message,
    Turn,
)
from chat.core.refusals import PromptTooLong
from chat.core.summaries import RunningSummary
from chat.usecases.add_messages import make_turns
from tests.chat.tokenizers import Count

Write = Callable[[random.Random, int], str]
"""Writes a text of about as many words as the number says."""

ENGLISH = [
    word for text in topics.values() for word in text.split() if word.strip(".,;:()").isalpha()
]
CODE = [
    line
    for module in (argparse, http.client, json.decoder, subprocess)
    for line in inspect.getsource(module).splitlines()
]
CHINESE = (
    "的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天"
    "而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与"
    "高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次"
)
ARABIC = (
    "مرحبا كيف حالك اليوم ذهبت إلى السوق مع أخي واشترينا الكثير من الأشياء الجميلة "
    "وكان الجو حارا جدا ولكننا استمتعنا بالوقت الذي قضيناه معا في المدينة القديمة "
    "وسوف نعود إليها في الصيف القادم إن شاء الله"
)
EMOJI = ["😀", "🎉", "❤️", "👍🏽", "👩‍👩‍👧", "🏳️‍🌈", "🤷🏻‍♀️", "🌍", "☕", "🇳🇱", "🐶", "✨"]


def english(rng: random.Random, words: int) -> str:
    start = rng.randrange(len(ENGLISH) - words)
    return " ".join(ENGLISH[start : start + words])


def code(rng: random.Random, words: int) -> str:
    lines = words // 6 + 1
    start = rng.randrange(len(CODE) - lines)
    return "\n".join(CODE[start : start + lines])


def chinese(rng: random.Random, words: int) -> str:
    return "".join(rng.choice(CHINESE) for _ in range(words)) + "。"


def arabic(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice(ARABIC.split()) for _ in range(words // 2 + 1))


def emoji(rng: random.Random, words: int) -> str:
    return "".join(rng.choice(EMOJI) for _ in range(words // 2 + 1))


def white_space(rng: random.Random, words: int) -> str:
    return "".join(rng.choice(" \n\t  ab\r") for _ in range(words * 2)) + "x"


def markers(rng: random.Random, words: int) -> str:
    hostile = ("[INST]", "[/INST]", "<<SYS>>", "</s>", "<|im_start|>system", "\nUser:", "<0x0A>")
    return "".join(rng.choice(hostile) for _ in range(words // 3 + 1))


def mixed(rng: random.Random, words: int) -> str:
    kinds = (english, code, chinese, arabic, emoji, white_space, markers)
    return " ".join(rng.choice(kinds)(rng, words // 3 + 1) for _ in range(3))


SCRIPTS: dict[str, Write] = {
    write.__name__: write
    for write in (english, code, chinese, arabic, emoji, white_space, markers, mixed)
}


FOUND = 12
QUOTE = '{age}, {speaker} said:\n"{memory}"'


@dataclass
class Played:
    """How well a conversation used the context length.

    Units: `over_tokens` is by how much the largest prompt and the reserve exceeded the context
           length, negative if they did not; `used` has the share of the budget that a prompt took,
           for each turn from the third on that evicted turns.
    """

    over_tokens: int = -1_000_000
    used: list[float] = field(default_factory=list)
    turns: int = 0

    def add(self, prompt_tokens: int, context_length: int, reserve: int, *, is_used: bool) -> None:
        self.turns += 1
        if is_used:
            self.used.append(prompt_tokens / (context_length - reserve))
        self.over_tokens = max(self.over_tokens, prompt_tokens + reserve - context_length)


def play(
    write: Write,
    count: Count,
    rng: random.Random,
    *,
    context_length: int,
    turns: int,
    words: Callable[[random.Random], int],
    prompt_format: str = "llama2",
    recall_tokens: int = 0,
    memory_count: int = 0,
    adds: int = 0,
    summary_words: int = 0,
) -> Played:
    """Take turns as the component does, with a model that counts by `count` and writes as the user.

    Behind every fourth turn, up to `adds` messages are added in any roles. The newest evicted turns
    and `memory_count` of the oldest are recalled, and a summary of `summary_words` words is shown.
    """
    reserve = max(16, context_length // 10)
    talk, played, archive = begin(write(rng, 10)), Played(), list[Turn]()
    for number in range(1, turns + 1):
        prompt, memories = write(rng, words(rng)), list(map(as_memory, archive[:memory_count]))
        quoting = Quoting(recall_tokens, QUOTE, 1000, number * 1000.0)
        try:
            fit, recall = fit_with_recall(
                Room(talk, prompt, context_length, reserve), talk.found, memories, quoting
            )
        except PromptTooLong:
            continue
        prompt_tokens = 1 + count(show(talk, prompt, fit, recall, prompt_format))
        played.add(prompt_tokens, context_length, reserve, is_used=bool(fit.evicted) and number > 2)
        reply = cut(write(rng, words(rng)), count, reserve)
        completion = Completion(reply, prompt_tokens, count(reply))
        measured = measure(fit, talk, prompt, completion, recall.text())
        archive += fit.evicted
        turn = make_turn(talk.turn_count + 1, prompt, reply, measured)
        talk = go_on(talk, measured, (*fit.kept, turn), archive)
        if adds and number % 4 == 0:
            said = [Message(rng.choice(ROLES), write(rng, words(rng))) for _ in range(adds)]
            talk = add(talk, said[: rng.randint(1, adds)], context_length - reserve, archive)
        if archive and summary_words:
            talk = summarise(talk, archive[-1].number, write(rng, summary_words))
    return played


def summarise(talk: Conversation, last: int, text: str) -> Conversation:
    """Return the conversation with a summary of the turns up to the number `last`."""
    return dataclasses.replace(talk, summary=RunningSummary(last, text))


def add(
    talk: Conversation, messages: Sequence[Message], room_tokens: int, archive: list[Turn]
) -> Conversation:
    """Return the conversation with added messages, whose tokens no model has counted."""
    added = make_turns(messages, talk.turn_count + 1, 0.0, talk.vocabulary)
    fit = fit_turns(talk, (*talk.turns, *added), room_tokens)
    archive += fit.evicted
    return dataclasses.replace(
        talk,
        turns=fit.kept,
        window_tokens=fit.window_tokens,
        turn_count=added[-1].number,
        found=tuple(Found(turn, 1.0) for turn in archive[: -FOUND - 1 : -1]),
    )


def begin(context: str) -> Conversation:
    most = message_tokens(context)
    return Conversation(1, "{o}", context, most, most, 0, ())


def show(talk: Conversation, prompt: str, fit: Fit, recall: Recall, prompt_format: str) -> str:
    """Return what the model is shown, which has the whole prompt."""
    said = [*(message for turn in fit.kept for message in turn.shown()), Message("user", prompt)]
    messages = lay_out(recall.around(talk.context), said, has_tools=True)
    shown = render_prompt(messages, prompt_format)
    assert played_prompt_is_whole(shown, prompt)
    return shown


def go_on(
    talk: Conversation, measured: Measured, turns: tuple[Turn, ...], archive: list[Turn]
) -> Conversation:
    """Return the conversation after a turn, the last of `turns`; a search finds what is evicted."""
    return dataclasses.replace(
        talk,
        context_tokens=measured.context_tokens,
        window_tokens=measured.window_tokens,
        turn_count=turns[-1].number,
        turns=turns,
        vocabulary=measured.vocabulary,
        found=tuple(Found(turn, 1.0) for turn in archive[: -FOUND - 1 : -1]),
    )


def as_memory(turn: Turn) -> FoundMemory:
    """Make a memory of a turn's prompt, as if it had been said elsewhere."""
    said = turn.shown()[0]
    return FoundMemory(Memory(f"9.{turn.number}.0", said.role, said.content, turn.at, 9), 0.1)


def make_turn(number: int, prompt: str, reply: str, measured: Measured) -> Turn:
    said = (Message("user", prompt), Message("assistant", reply))
    tokens = (measured.prompt_tokens, measured.reply_tokens, measured.least_tokens)
    return Turn(number, said, *tokens, 0.0)


def played_prompt_is_whole(shown: str, prompt: str) -> bool:
    """Whether the model was shown the whole prompt, except for markers that were broken up."""
    joiner = "\N{WORD JOINER}"
    return prompt.replace(joiner, "") in shown.replace(joiner, "")


def cut(reply: str, count: Count, max_tokens: int) -> str:
    """Return a reply as a model with room for `max_tokens` would end it."""
    while count(reply) > max_tokens:
        reply = reply[: len(reply) * 9 // 10]
    return reply or "x"
