"""The receipt of a turn: its usage as one short text, kept with the reply.

A window has a hundred receipts, and a turn needs none of them: so a receipt is read where it is
shown, and not before.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from chat.core.usage import Recalled, RecalledMemory, Usage

MAX_ROWS = 100
"""The most recalled turns, memories, and ranges of evicted turns that a receipt has of each."""
MAX_REASON_CHARACTERS = 40
MAX_EVICTED = 10_000
"""The most turns that a receipt names as evicted."""


def render_receipt(usage: Usage) -> str:
    """Render a usage: five counts, ranges of evicted turns, recalled turns, memories, the reason.

    For example `3500,120,30,5,2|1-2|7:0.8:300|12.3.0:0.9:60|stop`. With a summary there is a sixth
    count: how many turns it covers.
    """
    counts = (
        usage.context_length,
        usage.prompt_tokens,
        usage.generated_tokens,
        usage.window_turns,
        usage.evicted_turns,
        *([usage.summarised_turns] if usage.summarised_turns else []),
    )
    parts = (
        counts,
        list(_ranges(usage.evicted[:MAX_EVICTED]))[:MAX_ROWS],
        [f"{one.turn}:{one.score!r}:{one.age_s}" for one in usage.recalled[:MAX_ROWS]],
        [f"{one.memory}:{one.score!r}:{one.age_s}" for one in usage.memories[:MAX_ROWS]],
    )
    rows = [",".join(map(str, part)) for part in parts]
    return "|".join([*rows, usage.finish_reason[:MAX_REASON_CHARACTERS]])


def _ranges(numbers: Sequence[int]) -> Iterator[str]:
    """Yield the ranges of numbers that follow each other."""
    begin = 0
    for place, number in enumerate(numbers, 1):
        if place == len(numbers) or numbers[place] != number + 1:
            yield f"{numbers[begin]}-{number}"
            begin = place


def parse_receipt(text: str) -> Usage | None:
    """Parse a receipt; None if the text is none."""
    try:
        counts, ranges, recalled, memories, finish_reason = text.split("|", 4)
        length, prompt, generated, window, gone, *summarised = map(int, counts.split(","))
        return Usage(
            context_length=length,
            prompt_tokens=prompt,
            generated_tokens=generated,
            window_turns=window,
            evicted_turns=gone,
            finish_reason=finish_reason,
            evicted=tuple(number for row in _rows(ranges) for number in _numbers(row)),
            recalled=tuple(
                Recalled(int(turn), float(score), int(age))
                for turn, score, age in (row.split(":") for row in _rows(recalled))
            ),
            memories=tuple(
                RecalledMemory(memory, float(score), int(age))
                for memory, score, age in (row.split(":") for row in _rows(memories))
            ),
            summarised_turns=summarised[0] if summarised else 0,
        )
    except ValueError:
        return None


def usage_fields(usage: Usage) -> dict[str, Any]:
    """Return a usage as callers are given it; without a summary it says nothing of one."""
    fields = {
        **vars(usage),
        "recalled": [vars(one) for one in usage.recalled],
        "memories": [vars(one) for one in usage.memories],
    }
    if not usage.summarised_turns:
        del fields["summarised_turns"]
    return fields


def _rows(text: str) -> list[str]:
    return text.split(",") if text else []


def _numbers(row: str) -> range:
    first, last = row.split("-")
    return range(int(first), int(last) + 1)
