"""Makes the `tokenizer.json` that splits text as SentencePiece does with a BPE model.

SentencePiece merges, again and again, the two neighbours whose union is the piece with the best
score, the leftmost first. Pieces are ordered by score, so that is a list of merges in the order of
the ids they make.

Source: sentencepiece `bpe_model.cc`; Hugging Face tokenizers `models/bpe`; llama.cpp
        `llm_tokenizer_spm`, which takes `<s>`, `</s>` and `<unk>` in a text as the tokens.
"""

from collections.abc import Iterator, Mapping
from typing import Any

NORMAL, UNKNOWN, CONTROL = 1, 2, 3
"""Types of pieces. Source: ggml `docs/gguf.md`, `tokenizer.ggml.token_type`."""
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
"""What stands for a space in pieces."""


def make_tokenizer(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Make the content of `tokenizer.json` from the vocabulary in a GGUF file's metadata."""
    pieces: list[str] = metadata["tokenizer.ggml.tokens"]
    types: list[int] = metadata["tokenizer.ggml.token_type"]
    unknown = pieces[metadata["tokenizer.ggml.unknown_token_id"]]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            _special(number, pieces[number])
            for number, kind in enumerate(types)
            if kind in {UNKNOWN, CONTROL}
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": SPACE},
                {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
            ],
        },
        "pre_tokenizer": None,
        "post_processor": _begin_with(metadata["tokenizer.ggml.bos_token_id"], pieces),
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": unknown,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": {piece: number for number, piece in enumerate(pieces)},
            "merges": [f"{left} {right}" for left, right in _merges(pieces, types)],
        },
    }


def _special(number: int, piece: str) -> dict[str, Any]:
    """Describe a piece that is found in a text before the text is changed in any way."""
    return {
        "id": number,
        "content": piece,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def _begin_with(number: int, pieces: list[str]) -> dict[str, Any]:
    """Put one piece in front of every text."""
    piece = pieces[number]
    begin, end = ({"SpecialToken": {"id": piece, "type_id": side}} for side in (0, 1))
    first, second = ({"Sequence": {"id": name, "type_id": side}} for side, name in enumerate("AB"))
    return {
        "type": "TemplateProcessing",
        "single": [begin, first],
        "pair": [begin, first, end, second],
        "special_tokens": {piece: {"id": piece, "ids": [number], "tokens": [piece]}},
    }


def _merges(pieces: list[str], types: list[int]) -> Iterator[tuple[str, str]]:
    """Yield every two pieces that make a third, in the order of the third's id."""
    normal = [piece for piece, kind in zip(pieces, types, strict=True) if kind == NORMAL]
    known = set(normal)
    for piece in normal:
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in known and right in known:
                yield left, right
