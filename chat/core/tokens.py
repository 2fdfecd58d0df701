"""Estimates how many tokens a text may be, without a tokenizer.

A count is an upper estimate: by class of character, so that real tokenizers stay below it. What
words take depends on the model's vocabulary. Nothing is known of it at first; what a model reports
of prose shows whether it is a large one, as those of all published models are. See `Vocabulary`.
"""

import functools
import re
from dataclasses import dataclass

from chat.core.word_pieces import BEGINNINGS, CONTINUATIONS, LONGEST

RUNS = re.compile(
    r"(?P<word> ?[A-Z]?[a-z]+)|(?P<capitals>[A-Z]+)|(?P<digits>[0-9]+)|(?P<space> )"
    r"|(?P<ascii>[\x00-\x7f])|(?P<other>[^\x00-\x7f]+)"
)
WORD_SHARE = 4, 3
"""This many letters of prose are at most that many tokens, in vocabularies from 1,000 pieces on."""
LETTERS = re.compile(r"[A-Za-z]+")
LETTERS_OF_PROSE = 0.7
"""Where fewer bytes are letters, the estimate is one of other things than words."""
LONG_WORD_LETTERS = 7
LONG_WORDS_OF_PROSE = 2
"""A text with fewer different long words says nothing: a small vocabulary may be made for it."""
LARGE_PIECES = 32_000
"""A vocabulary from this size on has `chat.core.word_pieces`."""
EVIDENCE_TOKENS = 64
"""So much prose, as estimated, is believed."""
SIGNS_BEHIND = re.compile(r"[A-Za-z][.,;:!?)\"]+(?=\s|$)")
LEAST_SHARE = 0.4
"""No vocabulary makes so little of prose that it is under this share of its estimate."""


@dataclass(frozen=True)
class Vocabulary:
    """What a model's counts have shown of its vocabulary so far.

    Units: `evidence_tokens` is the prose, as estimated for a large vocabulary, that was counted as
           no more than that; below 0 once it was counted as more.
    """

    evidence_tokens: int = 0

    @property
    def is_large(self) -> bool:
        """Say whether words may be estimated by the pieces that large vocabularies share."""
        return self.evidence_tokens >= EVIDENCE_TOKENS

    def observe(self, text: str, least_tokens: int, most_tokens: int) -> "Vocabulary":
        """Take in that a model counted `text` as a number of tokens in these bounds."""
        if self.evidence_tokens < 0 or not _is_prose(text):
            return self
        estimated_tokens = estimate_tokens(text, LARGE)
        if least_tokens > estimated_tokens:
            return SMALL
        if LEAST_SHARE * estimated_tokens <= most_tokens <= estimated_tokens:
            return Vocabulary(self.evidence_tokens + estimated_tokens)
        return self


UNKNOWN = Vocabulary()
LARGE = Vocabulary(EVIDENCE_TOKENS)
SMALL = Vocabulary(-1)


def _is_prose(text: str) -> bool:
    words = LETTERS.findall(text)
    long_words = {word for word in words if len(word) >= LONG_WORD_LETTERS}
    letters_count = sum(map(len, words))
    return len(long_words) >= LONG_WORDS_OF_PROSE and letters_count >= LETTERS_OF_PROSE * len(
        text.encode()
    )


def estimate_tokens(text: str, vocabulary: Vocabulary = UNKNOWN) -> int:
    """Estimate from above how many tokens `text` is.

    Units: tokens. A word is three for each four letters, or the pieces that it can be put together
           from; a further capital, a digit, a sign or a line break is one; a space belongs to the
           word behind it; anything else is one for each UTF-8 byte, as a tokenizer with byte
           fallback makes of a character that it does not know.
    Errors: none.
    """
    return _estimate(text, is_large=vocabulary.is_large)


@functools.lru_cache(maxsize=64)
def _estimate(text: str, *, is_large: bool) -> int:
    """Estimate; a turn asks several times for its prompt, its reply and what is said of a quote."""
    count = 1
    for run in RUNS.finditer(text):
        match run.lastgroup:
            case "word" if is_large:
                count += _count_pieces(run.group(), is_first=run.start() == 0)
            case "word":
                letters, tokens = WORD_SHARE
                count += -(-len(run.group().lstrip()) * tokens // letters)
            case "capitals" | "digits" | "ascii":
                count += len(run.group())
            case "space":
                count += 0 if text[run.end() : run.end() + 1].isalnum() else 1
            case _:
                count += len(run.group().encode())
    return count


def _count_pieces(run: str, *, is_first: bool) -> int:
    """Count the longest pieces that a word falls into from its front; a capital is one more."""
    word = run.lstrip()
    known = BEGINNINGS if is_first or word != run else CONTINUATIONS
    letters = word.lower()
    count = 0 if letters == word else 1
    begin = 0
    while begin < len(letters):
        end = min(len(letters), begin + LONGEST)
        while end > begin + 1 and letters[begin:end] not in known:
            end -= 1
        begin = end
        known = CONTINUATIONS
        count += 1
    return count


def least_tokens(text: str) -> int:
    """Estimate from below how many tokens `text` is.

    Units: tokens. No vocabulary has a token for two words, for a word and the sign behind it, or
           for more than 16 letters.
    """
    return max(len(text) // 16, len(text.split()) + len(SIGNS_BEHIND.findall(text)))
