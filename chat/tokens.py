"""Estimates how many tokens a text may be, without a tokenizer.

A count is an upper estimate: by class of character, so that real tokenizers stay below it. Once a
model has reported its own count, that is used instead; see `chat.context`.
"""

import re

PIECES = re.compile(
    r"(?P<word>[A-Za-z]+)|(?P<digits>[0-9]+)|(?P<space> )|(?P<ascii>[\x00-\x7f])"
    r"|(?P<other>[^\x00-\x7f]+)"
)
WORD_SHARE = 4, 3
"""This many letters of prose are at most that many tokens, in vocabularies from 1,000 pieces on."""


def estimate_tokens(text: str) -> int:
    """Estimate from above how many tokens `text` is.

    Units: tokens. A word is three for each four letters, a digit, a sign or a line break one; a
           space belongs to the word behind it; anything else is one for each UTF-8 byte,
           as a tokenizer with byte fallback makes of a character that it does not know.
    Errors: none.
    """
    count = 1
    for piece in PIECES.finditer(text):
        match piece.lastgroup:
            case "word":
                letters, tokens = WORD_SHARE
                count += -(-len(piece.group()) * tokens // letters)
            case "digits" | "ascii":
                count += len(piece.group())
            case "space":
                count += 0 if text[piece.end() : piece.end() + 1].isalnum() else 1
            case _:
                count += len(piece.group().encode())
    return count


def least_tokens(text: str) -> int:
    """Estimate from below how many tokens `text` is: long words of a large vocabulary.

    Units: tokens.
    """
    return len(text) // 16
