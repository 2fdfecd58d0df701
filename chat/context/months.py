"""Decides by which terms a turn is found when a prompt names a month: when it was said.

A month's term has a sign that no word has; a year's is the year itself.
"""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from itertools import chain

from chat.core.memo import kept

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NAMED = re.compile(
    r"\b(?:(jan|feb|apr|jun|jul|aug|sep|oct|nov|dec)"
    r"(?:uary|ruary|il|e|y|ust|t|tember|ober|ember)?|(?<!^)(?-i:(Mar)ch|(May)))\b",
    re.IGNORECASE,
)
"""The names of months; `march` and `may` are other words as well, so they need a capital, and not
the one that begins the prompt."""
NUMBERED = re.compile(r"\b[12][0-9]{3}-(0[1-9]|1[0-2])\b")
DAY_S = 86_400
LATEST_S = 253_402_300_800
"""The end of the year 9999, in seconds since 1970."""


def month_terms(prompt: str) -> Sequence[str]:
    """Return the terms of the months that a prompt names."""
    named = (next(filter(None, found.groups())).lower() for found in NAMED.finditer(prompt))
    numbered = (MONTHS[int(found[1]) - 1] for found in NUMBERED.finditer(prompt))
    return list(dict.fromkeys(f"_{month}" for month in (*named, *numbered)))


def date_terms(times: Iterable[float]) -> Sequence[str]:
    """Return the terms of the months, and the years, of some times, in UTC.

    Units:  seconds since 1970.
    Errors: none; a time before 1970, or after the year 9999, has no terms.
    """
    days = dict.fromkeys([time // DAY_S for time in times])
    return list(dict.fromkeys(chain.from_iterable(map(_terms_of_day, days))))


@kept
def _terms_of_day(day: float) -> Sequence[str]:
    """Return the terms of a day; the turns of a window are of few days."""
    if not 0 <= day < LATEST_S // DAY_S:
        return ()
    date = dt.datetime.fromtimestamp(day * DAY_S, dt.UTC)
    return f"_{MONTHS[date.month - 1]}", str(date.year)
