"""Estimates how many tokens a text may be, without a tokenizer.

The estimate is an upper bound, made by classes of characters so that real tokenizers stay below it.
How many tokens words take depends on the model's vocabulary, of which nothing is known at first.
The counts that a model reports of prose show whether its vocabulary is a large one, as those of
all published models are. See `Vocabulary`.
"""

import re
from dataclasses import dataclass, replace

from chat.core.memo import kept
from chat.core.word_pieces import BEGINNINGS, CONTINUATIONS, LONGEST

WORDS = re.compile(r" ?(?:(?<![A-Z])[A-Z])?[a-z]+")
"""Small letters, with a capital before them that does not end a row of capitals."""
FREE_SPACES = re.compile(r" (?=[^\W_])")
"""Spaces that belong to the word behind them."""
TOKENS_OF_FOUR = 3
"""Four letters of prose are at most so many tokens, in vocabularies of 1,000 pieces or more."""
LETTERS = re.compile(r"[A-Za-z]+")
LETTERS_OF_PROSE = 0.7
"""The share of a text's bytes that must be letters: with fewer, the count says little of words."""
LONG_WORD_LETTERS = 7
LONG_WORDS_OF_PROSE = 2
"""How many different long words prose has at least.

A text with fewer shows nothing: even a small vocabulary may have pieces made for exactly that text.
"""
LARGE_PIECES = 32_000
"""A vocabulary of this size or more has all of `chat.core.word_pieces`."""
EVIDENCE_TOKENS = 64
"""How much prose, as estimated, it takes to believe that a vocabulary is large."""
SIGNS_BEHIND = re.compile(r"(?<=[A-Za-z])[.,;:!?)\"]+(?=\s|$)")
LEAST_PAIRS = 4
"""How many messages with their replies a prompt has at least to show what a template takes."""
MERGED_TOKENS = 4
"""By how many tokens a template may take less around one pair than around another: at each end of a
message, one of its tokens may become one with one of the template's."""
LEAST_SHARE = 0.4
"""The least share of its estimate that prose takes in any vocabulary; a lower count is nonsense."""


@dataclass(frozen=True)
class Vocabulary:
    """What a model's counts have shown of its vocabulary and its template so far.

    Units: `evidence_tokens` is the estimate, for a large vocabulary, of all prose that the model
           counted as no more than that; below 0 once the model counted some prose as more.
           `pair_tokens` is the most that the template puts around a user's message and the reply
           to it together; 0 if that is not known.
    """

    evidence_tokens: int = 0
    pair_tokens: int = 0

    @property
    def is_large(self) -> bool:
        """Whether words may be estimated by the pieces that all large vocabularies have."""
        return self.evidence_tokens >= EVIDENCE_TOKENS

    def observe(self, text: str, least_tokens: int, max_tokens: int) -> "Vocabulary":
        """Return what is known after a model counted `text` as tokens within these bounds."""
        if self.evidence_tokens < 0 or not _is_prose(text):
            return self
        estimated_tokens = estimate_tokens(text, LARGE)
        if least_tokens > estimated_tokens:
            return replace(self, evidence_tokens=-1)
        if LEAST_SHARE * estimated_tokens <= max_tokens <= estimated_tokens:
            return replace(self, evidence_tokens=self.evidence_tokens + estimated_tokens)
        return self

    def observe_template(self, around_tokens: int, pairs: int) -> "Vocabulary":
        """Return what is known after `pairs` messages with their replies in one prompt.

        Units: `around_tokens` is the most that the template put around all of them.
        """
        if pairs < LEAST_PAIRS or around_tokens < 0:
            return self
        most = -(-around_tokens // pairs) + MERGED_TOKENS
        return replace(self, pair_tokens=min(most, self.pair_tokens or most))

    def together_with(self, other: "Vocabulary") -> "Vocabulary":
        """Return what both have shown of the same model; what one contradicts is not so."""
        evidence = (self.evidence_tokens, other.evidence_tokens)
        pairs = [one.pair_tokens for one in (self, other) if one.pair_tokens]
        return Vocabulary(
            min(evidence) if min(evidence) < 0 else max(evidence), min(pairs, default=0)
        )


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

    Units: tokens. A word counts as three for each four letters or, in a large vocabulary, as the
           known pieces that make it up. A further capital, a digit, a sign or a line break counts
           as one; a space belongs to the word behind it. Any other character counts as its UTF-8
           bytes, which is what a tokenizer with byte fallback makes of a character that it does
           not know.
    Errors: none.
    """
    return _estimate(text, is_large=vocabulary.is_large)


@kept
def _estimate(text: str, *, is_large: bool) -> int:
    """Estimate and keep the result: a turn asks several times for the same texts."""
    words = WORDS.findall(text)
    letters = [len(word.lstrip()) for word in words]
    if is_large:
        counts = [_count_pieces(word, is_first=False) for word in words[1:]]
        counts += [_count_pieces(word, is_first=text.startswith(word)) for word in words[:1]]
    else:
        counts = [-(-count * TOKENS_OF_FOUR // 4) for count in letters]
    others = len(text.encode()) - len(FREE_SPACES.findall(text)) - sum(letters)
    return 1 + others + sum(counts)


def _count_pieces(run: str, *, is_first: bool) -> int:
    """Count the pieces of a word, from its front the longest known one each; a capital adds one."""
    word = run.lstrip()
    known = BEGINNINGS if is_first or word != run else CONTINUATIONS
    letters = word.lower()
    count = 0 if letters == word else 1
    if letters in known:
        return count + 1
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

    Units: tokens. In no vocabulary does one token stand for two words, for a word and the sign
           behind it, or for more than 16 letters.
    """
    return max(len(text) // 16, len(text.split()) + len(SIGNS_BEHIND.findall(text)))
