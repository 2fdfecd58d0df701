"""Makes the `tokenizer.json` that splits text as SentencePiece does with a BPE model.

SentencePiece merges two neighbours again and again: the pair whose union is the piece with the best
score, and of equal pairs the leftmost. Pieces are ordered by score, so the list of merges is in the
order of the ids that the merges make.

Source: sentencepiece `bpe_model.cc`; Hugging Face tokenizers `models/bpe`; llama.cpp
        `llm_tokenizer_spm`, which takes `<s>`, `</s>` and `<unk>` in a text as the tokens.
"""

from collections.abc import Iterator, Mapping
from typing import Any

NORMAL, UNKNOWN, CONTROL = 1, 2, 3
"""The types of pieces. Source: ggml `docs/gguf.md`, `tokenizer.ggml.token_type`."""
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
"""The character that is written for a space in pieces."""
NORMALIZERS = [
    {"type": "Prepend", "prepend": SPACE},
    {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
]
"""The steps from a text to what is split into pieces."""
DECODERS = [
    {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
    {"type": "ByteFallback"},
    {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0},
]
"""The steps from pieces back to a text."""


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
        "normalizer": {"type": "Sequence", "normalizers": NORMALIZERS},
        "pre_tokenizer": None,
        "post_processor": _begin_with(metadata["tokenizer.ggml.bos_token_id"], pieces),
        "decoder": {"type": "Sequence", "decoders": DECODERS},
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
    """Describe a piece that the tokenizer finds in a text before it changes the text."""
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
    """Describe the step that puts one piece in front of every text."""
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
    """Yield each pair of pieces that makes a third piece, in the order of the third piece's id."""
    normal = [piece for piece, kind in zip(pieces, types, strict=True) if kind == NORMAL]
    known = set(normal)
    for piece in normal:
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in known and right in known:
                yield left, right
