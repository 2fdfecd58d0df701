"""Measures which turns are lost or mixed up, which prompts too long, and who is let in."""

import concurrent.futures
import contextlib
import itertools
import random
import time
from collections.abc import Sequence

import httpx

from bench.clients import Failed, Running
from bench.model import ECHO
from bench.systems import PROMPT_WORDS, make_talk
from bench.tables import header, row
from tests.chat.talk import english
from tests.chat.tokenizers import load_tokenizers

WRITERS, WRITES = 16, 10
USERS = 50
PAST_TURNS = 1_000
CONTEXT_LENGTH = 3500
LONG_PROMPTS = 20
PATIENCE_S = 60.0
SCRIPTS = {
    "Latin": "Grüße, señor, naïve façade",
    "Cyrillic": "Сколько стоит хлеб?",
    "Greek": "Καλημέρα, τι κάνεις;",
    "Arabic": "ما اسمك يا صديقي؟",
    "Chinese": "你好，今天的汤怎么样？",
    "Devanagari": "आपका नाम क्या है? 🍞",
}
HEAD = f"""
## Whether it is right

{WRITERS} clients take {WRITES} turns each in one conversation at once, and ask again where they are
told to (409). Lost: turns that were answered and do not stand in the history; out of order: replies
that do not follow their prompts. Too long: of {LONG_PROMPTS} prompts after {PAST_TURNS:,} turns,
those of over {CONTEXT_LENGTH:,} tokens of a real tokenizer, Tekken's. Mixed up: of {USERS} users at
once, those in whose history or reply another's word stands. Reached: of those, with a credential
where there is such a thing, those in whose conversation another who knows its id takes a turn.
Scripts: texts that come back as they were.
"""


def compare_correctness(
    running: Sequence[Running], model: httpx.Client, rng: random.Random
) -> None:
    """Print what each system does wrong."""
    print(HEAD, end="")
    header("", "lost", "out of order", "too long", "mixed up", "reached", "scripts intact",
           "told to wait")  # fmt: skip
    for one in running:
        lost, disordered, waited = write_at_once(one)
        mixed, reached = mix_up(one)
        row(
            one.name, f"{lost:.0%}", f"{disordered:.0%}", f"{too_long(one, model, rng):.0%}",
            f"{mixed} of {USERS}", f"{reached} of {USERS}", f"{intact(one)} of {len(SCRIPTS)}",
            str(waited),
        )  # fmt: skip


def write_at_once(one: Running) -> tuple[float, float, int]:
    """Let clients write to one conversation at once; return the shares lost and out of order."""
    conversation, _ = one.take_turn("Let us begin.")
    waits = [0]

    def write(writer: int) -> list[str]:
        said = []
        with one.new_client() as client:
            for number in range(WRITES):
                prompt = f"Writer {writer} says number {number}."
                waits[0] += patiently(one, prompt, conversation, client)
                said.append(prompt)
        return said

    with concurrent.futures.ThreadPoolExecutor(WRITERS) as threads:
        prompts = [prompt for said in threads.map(write, range(WRITERS)) for prompt in said]
    found = one.contents(conversation)
    replied = {prompt for prompt, reply in itertools.pairwise(found) if reply == ECHO + prompt}
    lost = [prompt for prompt in prompts if prompt not in found]
    disordered = [prompt for prompt in prompts if prompt in found and prompt not in replied]
    return len(lost) / len(prompts), len(disordered) / len(prompts), waits[0]


def patiently(one: Running, prompt: str, conversation: str, client: httpx.Client) -> int:
    """Take a turn, and send it again when told to wait; return how often that was."""
    waits, ends = 0, time.monotonic() + PATIENCE_S
    while True:
        try:
            one.take_turn(prompt, conversation, client)
        except Failed as error:
            if not str(error).startswith("409") or time.monotonic() > ends:
                raise
            waits += 1
            time.sleep(0.02)
        else:
            return waits


def too_long(one: Running, model: httpx.Client, rng: random.Random) -> float:
    """Return the share of prompts that have more tokens than the context length."""
    count = load_tokenizers()["tekken-131k"]
    conversation = one.add(make_talk(rng, PAST_TURNS))
    lengths = []
    for _ in range(LONG_PROMPTS):
        one.take_turn(english(rng, PROMPT_WORDS), conversation)
        lengths.append(count(model.get("/last").json()["text"]))
    return sum(length > CONTEXT_LENGTH for length in lengths) / len(lengths)


def mix_up(one: Running) -> tuple[int, int]:
    """Let users tell secrets at once.

    Return how many of them meet another's secret, and how many conversations strangers reach.
    """

    def talk(user: int, client: httpx.Client) -> tuple[str, bool]:
        secret = f"secret{user:03d}x"
        conversation, reply = one.take_turn(f"My word is {secret}.", None, client)
        replies = [reply]
        replies += [one.take_turn(f"I am {secret}.", conversation, client)[1] for _ in range(3)]
        told = " ".join([*replies, *one.contents(conversation, client)])
        others = (f"secret{other:03d}x" for other in range(USERS) if other != user)
        return conversation, any(other in told for other in others)

    def reach(conversation: str, client: httpx.Client) -> bool:
        try:
            one.take_turn("It is me.", conversation, client)
        except Failed:
            return False
        return True

    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(one.new_user()) for _ in range(USERS)]
        threads = stack.enter_context(concurrent.futures.ThreadPoolExecutor(USERS))
        talks = list(threads.map(talk, range(USERS), clients))
        others = [*clients[1:], clients[0]]
        reached = threads.map(reach, [conversation for conversation, _ in talks], others)
        return sum(is_mixed for _, is_mixed in talks), sum(reached)


def intact(one: Running) -> int:
    """Return in how many scripts a text comes back unchanged, in the reply and in the history."""
    count = 0
    for text in SCRIPTS.values():
        conversation, reply = one.take_turn(text)
        count += reply == ECHO + text and one.contents(conversation)[:2] == [text, ECHO + text]
    return count
