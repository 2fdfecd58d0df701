"""The tokenizer for Spin's own engine gives the ids of SentencePiece and of llama.cpp."""

import random
from collections.abc import Iterator

import httpx
import pytest
import sentencepiece
import xllamacpp
from tokenizers import Tokenizer

from host.engines.llama_cpp import DEMO_MODEL
from models.spin.llama import llama_files
from tests.chat.tokenizers import DEMO_TOKENIZER
from tests.demo_prompts import prompts

TEXTS_PER_SEED = 1000
SPECIALS = ["<s>", "</s>", "<unk>"]
MARKERS = [
    *("[INST]", "[/INST]", "<<SYS>>\n", "\n<</SYS>>\n\n"),
    *("<0x0A>", "</s", "<s", "s>", "<|im_end|>", "<|eot_id|>"),
]
SPACES = [
    *(" ", "  ", " " * 17, "\t", "\n", "\r\n", "\n\n\n"),
    *("\u00a0", "\u3000", "\u2581", "\u2581\u2581", "\u200b"),
]
BY_HAND = [
    "",
    " ",
    "   ",
    "\u2581",
    "\u2581\u2581 a\u2581 b",
    "a",
    " a",
    "Hello, world!",
    "My name is Łukasz. 😀",
    "的一是不了人我在有他这",
    "שלום עולם",
    "e\u0301 \u00e9 \ufb01 \u2160",
    "\ufeffbehind a mark",
    "null \x00 and bell \x07",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "\U0010ffff\U000e0001",
    "a" * 23,
    "1234567890" * 20,
]
SPECIALS_BY_HAND = [
    *SPECIALS,
    "</s><s>",
    "a</s>b",
    "a </s> <s> b",
    " </s>  </s>",
    "<s>[INST] What is my name? [/INST] Your name is Ada. </s><s>[INST] Hi [/INST]",
    "<<s>>",
    "<s</s>s>",
    "<unk>\n<unk>",
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    files = llama_files(DEMO_MODEL.read_bytes())
    return Tokenizer.from_str(files["tokenizer.json"].decode())


@pytest.fixture(scope="module")
def llama_cpp() -> Iterator[httpx.Client]:
    """Run llama.cpp with the demo model, and connect to its own HTTP server."""
    params = xllamacpp.CommonParams()
    params.model.path = str(DEMO_MODEL)
    params.n_ctx = 256
    params.verbosity = -1
    params.warmup = False
    server = xllamacpp.Server(params)
    with httpx.Client(base_url=server.listening_address) as client:
        yield client
    del server


def random_character(rng: random.Random) -> str:
    """Return any character of Unicode but surrogates; those of living scripts are more frequent."""
    code = rng.randrange(rng.choice((0x250, 0x3100, 0x110000)))
    return chr(code) if not 0xD800 <= code < 0xE000 else "x"


def texts(tokenizer: Tokenizer, seed: int, markers: list[str]) -> list[str]:
    """Make texts of pieces, of any characters, of white space and of `markers`."""
    rng = random.Random(seed)
    pieces = [piece for piece in sorted(tokenizer.get_vocab()) if piece not in SPECIALS]

    def part() -> str:
        return rng.choice((rng.choice(pieces), random_character(rng), rng.choice(SPACES + markers)))

    return ["".join(part() for _ in range(rng.randrange(1, 40))) for _ in range(TEXTS_PER_SEED)]


def has_specials(text: str) -> bool:
    return any(special in text for special in SPECIALS)


def llama_cpp_ids(client: httpx.Client, text: str) -> list[int]:
    asked = {"content": text, "add_special": True, "parse_special": True}
    ids: list[int] = client.post("/tokenize", json=asked).json()["tokens"]
    return ids


@pytest.mark.parametrize("seed", range(4))
def test_a_text_has_the_ids_of_sentencepiece(tokenizer: Tokenizer, seed: int) -> None:
    reference = sentencepiece.SentencePieceProcessor(model_file=str(DEMO_TOKENIZER))
    given = [text for text in texts(tokenizer, seed, MARKERS) if not has_specials(text)]

    assert len(given) > TEXTS_PER_SEED * 0.9
    for text in given + BY_HAND:
        assert tokenizer.encode(text).ids == [1, *reference.encode(text)], text


@pytest.mark.parametrize("seed", range(4, 8))
def test_a_text_with_special_tokens_has_the_ids_of_llama_cpp(
    tokenizer: Tokenizer, llama_cpp: httpx.Client, seed: int
) -> None:
    given = texts(tokenizer, seed, MARKERS + 5 * SPECIALS)

    assert sum(map(has_specials, given)) > TEXTS_PER_SEED * 0.7
    for text in [*given, *BY_HAND, *SPECIALS_BY_HAND]:
        assert tokenizer.encode(text).ids == llama_cpp_ids(llama_cpp, text), text


def test_a_dialogue_has_the_ids_of_llama_cpp(tokenizer: Tokenizer, llama_cpp: httpx.Client) -> None:
    for prompt in prompts(100, seed=11):
        assert tokenizer.encode(prompt).ids == llama_cpp_ids(llama_cpp, prompt), prompt


@pytest.mark.parametrize("text", BY_HAND, ids=ascii)
def test_ids_are_decoded_to_their_text(tokenizer: Tokenizer, text: str) -> None:
    ids = tokenizer.encode(text).ids

    assert tokenizer.decode(ids, skip_special_tokens=True) == text.replace("\u2581", " ")
