"""Decides by which terms a text is found: words without stop words and endings."""

import functools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from chat.context.stop_words import STOP_WORDS
from chat.core.messages import Turn

WORD = re.compile(r"[^\W_]+")
UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
"""Scripts that do not set words apart, or not by meaning: their terms are pairs of characters."""
LONGEST_TERM = 40
MOST_PROMPT_TERMS = 64
"""Terms of a prompt that are searched for."""


def terms_of(text: str) -> list[str]:
    """Give the terms that a text is found by, in order, repetitions included."""
    terms: list[str] = []
    for word in WORD.findall(text.lower()):
        if word in STOP_WORDS:
            continue
        if word.isascii():
            terms.append(stem(word)[:LONGEST_TERM])
        else:
            terms += _terms_of_word(word)
    return terms


def _terms_of_word(word: str) -> Iterator[str]:
    for part in UNSPACED.findall(word):
        yield from (part[n : n + 2] for n in range(max(1, len(part) - 1)))
    rest = UNSPACED.sub("", word)
    if rest:
        yield stem(rest)[:LONGEST_TERM]


def stem(word: str) -> str:
    """Take a plural's, a verb's and an adverb's ending off an English word.

    Source: after M. F. Porter, An algorithm for suffix stripping (1980), its first step.
    """
    if word[-1] not in LAST_OF_ENDINGS:
        return word
    if word[-1] == "s":
        word = _without(word, PLURALS)
    shorter = _without(word, VERBS) if word.endswith(LAST_OF_VERBS) else word
    if shorter != word and VOWEL.search(shorter):
        word = DOUBLED.sub(r"\1", shorter)
    if len(word) >= SHORTEST_WITH_ENDING and word[-1] in "ye":
        word = FINAL_Y.sub("i", word.removesuffix("e"))
    return word


def _without(word: str, endings: Sequence[tuple[str, str]]) -> str:
    """Replace the first ending that leaves enough of a word."""
    for ending, instead in endings:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_STEM:
            return word.removesuffix(ending) + instead
    return word


SHORTEST_STEM = 2
SHORTEST_WITH_ENDING = 4
PLURALS = (("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("us", "us"), ("s", ""))
VERBS = (("ied", "i"), ("ingly", ""), ("edly", ""), ("ing", ""), ("ed", ""), ("ly", ""))
LAST_OF_ENDINGS = "sdgye"
LAST_OF_VERBS = ("d", "g", "ly")
VOWEL = re.compile(r"[aeiouy]")
DOUBLED = re.compile(r"([bdfgmnprt])\1$")
FINAL_Y = re.compile(r"(?<=[^aeiou])y$")


@functools.lru_cache(maxsize=1)
def prompt_terms(prompt: str) -> tuple[str, ...]:
    """Give the different terms of a prompt, the first ones of a long one."""
    return tuple(dict.fromkeys(terms_of(prompt)))[:MOST_PROMPT_TERMS]


def turn_terms(turn: Turn) -> Mapping[str, int]:
    """Count the terms of a turn's messages."""
    return Counter(term for message in turn.shown() for term in terms_of(message.content))
