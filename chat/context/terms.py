"""Decides by which terms a text is found: its words without endings, except stop words."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import filterfalse
from operator import methodcaller

from chat.context.months import date_terms, month_terms
from chat.context.stop_words import STOP_WORDS
from chat.core.memo import kept
from chat.core.messages import Memory, Turn

WORD = re.compile(r"[^\W_]+")
UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")
"""Scripts without spaces between words, or where spaces do not separate words by meaning.

In these scripts, the terms are pairs of characters.
"""
LONGEST_TERM = 40
MAX_PROMPT_TERMS = 64
"""How many terms of a prompt are searched for at most."""


def terms_of(text: str) -> list[str]:
    """Return the terms by which a text is found, in order, with repetitions."""
    terms: list[str] = []
    for word in words_of(text):
        if word.isascii():
            terms.append(stem(word)[:LONGEST_TERM])
        else:
            terms += _terms_of_word(word)
    return terms


def words_of(text: str) -> list[str]:
    """Return the words of a text in small letters, in order, without the stop words."""
    return [*filterfalse(STOP_WORDS.__contains__, WORD.findall(text.lower()))]


def _terms_of_word(word: str) -> Iterator[str]:
    for part in UNSPACED.findall(word):
        yield from (part[n : n + 2] for n in range(max(1, len(part) - 1)))
    rest = UNSPACED.sub("", word)
    if rest:
        yield stem(rest)[:LONGEST_TERM]


def stem(word: str) -> str:
    """Return an English word without its ending of a plural, a verb or an adverb.

    Source: after the first step of M. F. Porter, An algorithm for suffix stripping (1980).
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
    """Replace the first of `endings` that the word has and that leaves enough of it."""
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


@kept
def prompt_terms(prompt: str) -> tuple[str, ...]:
    """Return the different terms of a prompt; of a long prompt, only the first ones."""
    return tuple(dict.fromkeys(terms_of(prompt)))[:MAX_PROMPT_TERMS]


def search_words(prompt: str) -> list[str]:
    """Return beginnings of the words of a prompt, in small letters and with a capital.

    Shapes: an ending is left out, as in a term.
    """
    found = dict.fromkeys(term.rstrip("i") or term for term in prompt_terms(prompt))
    return [form for word in found for form in dict.fromkeys((word, word.capitalize()))]


@kept
def recall_terms(prompt: str) -> tuple[str, ...]:
    """Return the different terms by which turns are recalled for a prompt: words and months."""
    return (*prompt_terms(prompt), *month_terms(prompt))


def turn_terms(turn: Turn) -> Mapping[str, int]:
    """Count the terms of a turn's messages, and those of the months in which they were said."""
    words = Counter([term for message in turn.shown() for term in terms_of(message.text)])
    words.update(date_terms(turn.times()))
    return words


def beginnings(terms: Sequence[str]) -> tuple[str, ...]:
    """Return what every word begins with that has one of some terms."""
    return tuple([term.rstrip("i") for term in terms])


def count_terms(turn: Turn, begun: tuple[str, ...]) -> tuple[Mapping[str, int], int]:
    """Count the terms of a turn that may be wanted, and all its terms, as `turn_terms` counts.

    It is quick, as nearly all words cannot have a wanted term: `begun` are its `beginnings`.
    """
    text = "\n".join([message.text for message in turn.shown()])
    if not text.isascii():
        counts = turn_terms(turn)
        return counts, sum(counts.values())
    words, dates = words_of(text), date_terms(turn.times())
    likely = filter(methodcaller("startswith", begun), words)
    counts = Counter([stem(word)[:LONGEST_TERM] for word in likely] + list(dates))
    return counts, len(words) + len(dates)


def memory_terms(memory: Memory) -> Mapping[str, int]:
    """Count the terms of a memory, and those of the month in which it was said."""
    words = Counter(terms_of(memory.content))
    words.update(date_terms([memory.at]))
    return words
