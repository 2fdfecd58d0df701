"""The token budget against real tokenizers: never over, the prompt whole, and well used."""

import random
import statistics
import struct

import pytest
import sentencepiece

from chat.context.budget import Room
from chat.context.counts import measure
from chat.context.recall import Recall
from chat.core.messages import Completion, Message, Role, Turn
from chat.core.word_pieces import BEGINNINGS, CONTINUATIONS
from host.engines.llama_cpp import DEMO_MODEL
from tests.chat.talk import SCRIPTS, add, begin, go_on, make_turn, play, show
from tests.chat.tokenizers import DEMO_TOKENIZER, Count, load_tokenizers, mistral_data
from tests.portioned import portion

pytestmark = pytest.mark.long

LENGTHS = (256, 512, 1024, 2048, 4096, 8192)
CONVERSATIONS = 1000
"""How many conversations a thorough run plays for each script, divided among the tokenizers.

Other runs play as many as their seconds allow, and never too few.
"""
LEAST_CONVERSATIONS = 60
SECONDS = 1.0
LONG = (3, 8, 20, 60, 150)
"""The numbers of words that a message may have."""
FILLS_IN_TURNS = 20
"""About this many turns fill the context length where its use is measured."""


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, Count]:
    return load_tokenizers()


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("tokenizer", ["sentencepiece-32k", "tekken-131k", "demo-1k"])
def test_no_prompt_and_its_reserve_are_over_the_context_length(
    tokenizers: dict[str, Count], tokenizer: str, script: str
) -> None:
    rng = random.Random(f"{tokenizer} {script}")
    write, count = SCRIPTS[script], tokenizers[tokenizer]
    turns = conversations = 0

    for number in portion(
        CONVERSATIONS // len(tokenizers), least=LEAST_CONVERSATIONS, seconds=SECONDS
    ):
        played = play(
            write,
            count,
            rng,
            context_length=LENGTHS[number % len(LENGTHS) if number % 2 else number % 3],
            turns=14,
            words=lambda rng: rng.choice(LONG),
            recall_tokens=500 if number % 4 == 0 else 0,
            memory_count=2 if number % 3 == 0 else 0,
            adds=6 if number % 5 == 0 else 0,
            summary_words=rng.choice(LONG) if number % 5 < 2 else 0,
        )
        assert played.over_tokens <= 0
        turns += played.turns
        conversations += 1

    assert turns > 3 * conversations


@pytest.mark.parametrize("prompt_format", ["llama2", "mistral", "plain"])
def test_added_messages_fill_most_of_the_window_once_a_model_has_counted_some_turns(
    tokenizers: dict[str, Count], prompt_format: str
) -> None:
    rng, count = random.Random(prompt_format), tokenizers["tekken-131k"]
    talk, archive = begin("Be brief."), list[Turn]()
    for number in range(1, 9):
        prompt, reply = (SCRIPTS["english"](rng, 12) for _ in range(2))
        fit = Room(talk, prompt, context_length=3500, max_reply_tokens=256).fit()
        shown = show(talk, prompt, fit, Recall(), prompt_format)
        completion = Completion(reply, count(shown), count(reply))
        measured = measure(fit, talk, prompt, completion)
        turns = (*fit.kept, make_turn(number, prompt, reply, measured))
        talk = go_on(talk, measured, turns, archive)
    roles: tuple[Role, Role] = ("user", "assistant")
    said = [Message(roles[n % 2], SCRIPTS["english"](rng, 12)) for n in range(400)]

    talk = add(talk, said, 3500 - 256, archive)

    assert archive, "it is full"
    fit = Room(talk, "So?", context_length=3500, max_reply_tokens=256).fit()
    used = count(show(talk, "So?", fit, Recall(), prompt_format))
    assert 0.55 * 3244 <= used <= 3244


@pytest.mark.parametrize("tokenizer", ["sentencepiece-32k", "tekken-131k"])
@pytest.mark.parametrize("recall_tokens", [0, 500])
@pytest.mark.parametrize("length", LENGTHS)
def test_english_uses_four_fifths_of_the_budget_while_turns_are_evicted(
    tokenizers: dict[str, Count], tokenizer: str, length: int, recall_tokens: int
) -> None:
    rng = random.Random(length)
    max_words = max(4, length // FILLS_IN_TURNS * 3 // 4)
    used: list[float] = []

    for _ in portion(4, least=2, seconds=SECONDS):
        played = play(
            SCRIPTS["english"],
            tokenizers[tokenizer],
            rng,
            context_length=length,
            turns=45,
            words=lambda rng: rng.randint(max_words // 5 + 1, max_words),
            recall_tokens=recall_tokens,
        )
        used += played.used

    assert len(used) > 30
    assert statistics.mean(used) >= 0.8


def test_every_piece_is_one_token_of_both_vocabularies() -> None:
    processor = sentencepiece.SentencePieceProcessor(
        model_file=str(mistral_data() / "tokenizer.model.v1")
    )
    pieces = {processor.id_to_piece(n) for n in range(processor.vocab_size())}

    assert {f"▁{beginning}" for beginning in BEGINNINGS} <= pieces
    assert pieces >= CONTINUATIONS


def test_the_demo_models_tokenizer_is_the_one_in_its_file() -> None:
    processor = sentencepiece.SentencePieceProcessor(model_file=str(DEMO_TOKENIZER))
    pieces = [processor.id_to_piece(n).encode() for n in range(processor.vocab_size())]
    written = b"".join(struct.pack("<Q", len(piece)) + piece for piece in pieces)

    assert written in DEMO_MODEL.read_bytes()
