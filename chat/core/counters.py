"""Decides what is counted of each turn, and what the counts say.

The name of a counter never tells whose turn was counted.
"""

import bisect
import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from chat.core.errors import FAULTS
from chat.core.usage import Usage

BOUNDS_MS = (
    5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000,
)  # fmt: skip
"""The bounds of the histograms: a time counts under the first bound that it does not exceed."""
OVER = "over"
"""The name of the counter for times that exceed every bound."""
SUM = "sum"
TURNS = "turns"
"""The counter of turns that were stored."""
PLAIN: Mapping[str, str] = {
    "conversations_started": "Conversations that were begun.",
    TURNS: "Turns that were stored.",
    "messages": "Messages that were stored.",
    "prompt_tokens": "Tokens that the model read.",
    "generated_tokens": "Tokens that the model wrote.",
    "evicted_turns": "Turns that left a context window.",
    "recalled_turns": "Evicted turns that were recalled.",
    "recalled_memories": "Long-term memories that were recalled.",
}
"""The counters that are one number each, and what each of them counts."""
ERROR = "error"
MODEL_TIME, TURN_TIME = "model_time", "turn_time"
THROTTLED = "rate_limited"
TAKING_TURNS = frozenset({"take_turn", "openai_respond"})
"""The actions that take turns, whose errors make the error rate."""
NEARLY_ALL = 0.95
DAY_S = 86_400

Counters = Mapping[str, int]
"""By how much each counter goes up, by its field's name in Redis."""


def turn_counters(usage: Usage, *, is_new: bool, model_ms: float, turn_ms: float) -> dict[str, int]:
    """Return by how much a turn raises each counter; counters that stay the same are left out."""
    counters = {
        "conversations_started": int(is_new),
        TURNS: 1,
        "messages": 2,
        "prompt_tokens": usage.prompt_tokens,
        "generated_tokens": usage.generated_tokens,
        "evicted_turns": usage.evicted_turns,
        "recalled_turns": len(usage.recalled),
        "recalled_memories": len(usage.memories),
        **_time_counters(MODEL_TIME, model_ms),
        **_time_counters(TURN_TIME, turn_ms),
    }
    return {name: count for name, count in counters.items() if count}


def completion_counters(
    prompt_tokens: int, generated_tokens: int, recalled_count: int, model_ms: float
) -> dict[str, int]:
    """Return by how much a reply that is not stored raises each counter."""
    counters = {
        "prompt_tokens": prompt_tokens,
        "generated_tokens": generated_tokens,
        "recalled_memories": recalled_count,
        **_time_counters(MODEL_TIME, model_ms),
    }
    return {name: count for name, count in counters.items() if count}


def _time_counters(name: str, taken_ms: float) -> dict[str, int]:
    return {f"{name} {bound_of(taken_ms)}": 1, f"{name} {SUM}": round(taken_ms)}


def bound_of(taken_ms: float) -> int | str:
    """Return the bound under which a time counts."""
    place = bisect.bisect_left(BOUNDS_MS, taken_ms)
    return BOUNDS_MS[place] if place < len(BOUNDS_MS) else OVER


def day_of(at: float) -> int:
    """Return the number of days from 1970 to a time."""
    return int(at // DAY_S)


def error_counter(action: str, code: str) -> str:
    """Return the name of an error's counter; `action` and `code` come from this code's tables."""
    return f"{ERROR} {action} {code}"


@dataclass(frozen=True)
class Times:
    """A histogram of times.

    Shapes: `counts` has one count for each bound, and a last one for times that exceed them all.
    Units:  `sum_ms` is ms.
    """

    counts: tuple[int, ...]
    sum_ms: int

    @property
    def count(self) -> int:
        """How many times were counted."""
        return sum(self.counts)

    @property
    def average_ms(self) -> float | None:
        """The mean time; None if nothing was counted."""
        return round(self.sum_ms / self.count, 1) if self.count else None

    @property
    def p95_ms(self) -> float | None:
        """The time that 95 of 100 do not exceed; None if nothing was counted.

        It is estimated as Prometheus estimates it. How long the times beyond the last bound were
        is not known: where the estimate falls among them, it is the last bound.
        """
        if not self.count:
            return None
        rank = NEARLY_ALL * self.count
        totals = list(itertools.accumulate(self.counts))
        place = next(place for place, total in enumerate(totals) if total >= rank)
        if place == len(BOUNDS_MS):
            return float(BOUNDS_MS[-1])
        low = BOUNDS_MS[place - 1] if place else 0
        within = (rank - (totals[place] - self.counts[place])) / self.counts[place]
        return round(low + (BOUNDS_MS[place] - low) * within, 1)


@dataclass(frozen=True)
class Counted:
    """What was counted: single numbers by name, errors by action and code, and times."""

    numbers: Mapping[str, int]
    errors: Mapping[tuple[str, str], int]
    model_time: Times
    turn_time: Times

    @property
    def throttled(self) -> int:
        """How many requests were over a limit."""
        return sum(count for (_, code), count in self.errors.items() if code == THROTTLED)

    @property
    def error_rate(self) -> float | None:
        """The share of the requests for a turn that failed by this service's fault.

        None if there were no such requests. Those that were refused count as asked, not as failed.
        """
        of_turns = {code: 0 for _, code in self.errors}
        for (action, code), count in self.errors.items():
            of_turns[code] += count if action in TAKING_TURNS else 0
        asked = sum(of_turns.values()) + self.numbers[TURNS]
        failed = sum(count for code, count in of_turns.items() if code in FAULTS)
        return round(failed / asked, 4) if asked else None


def parse_counted(fields: Mapping[str, int]) -> Counted:
    """Parse the counters of one Redis hash."""
    errors = {}
    for name, count in fields.items():
        kind, _, rest = name.partition(" ")
        if kind == ERROR:
            action, _, code = rest.partition(" ")
            errors[action, code] = count
    return Counted(
        numbers={name: fields.get(name, 0) for name in PLAIN},
        errors=errors,
        model_time=_parse_times(fields, MODEL_TIME),
        turn_time=_parse_times(fields, TURN_TIME),
    )


def _parse_times(fields: Mapping[str, int], name: str) -> Times:
    counts = tuple(fields.get(f"{name} {bound}", 0) for bound in (*BOUNDS_MS, OVER))
    return Times(counts, fields.get(f"{name} {SUM}", 0))
