"""The token budget against real tokenizers: never over, the prompt whole, and well used."""

import random
import statistics
import struct

import pytest
import sentencepiece

from chat.core.word_pieces import BEGINNINGS, CONTINUATIONS
from host.engines.llama_cpp import DEMO_MODEL
from tests.chat.talk import SCRIPTS, play
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
            summary_words=rng.choice(LONG) if number % 5 < 2 else 0,
        )
        assert played.over_tokens <= 0
        turns += played.turns
        conversations += 1

    assert turns > 3 * conversations


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
