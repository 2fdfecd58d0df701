"""Parses the usage of a reply, as an export has it."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from chat.core.memories import MEMORY_ID
from chat.core.receipts import MAX_EVICTED, MAX_REASON_CHARACTERS, MAX_ROWS
from chat.core.refusals import InvalidRequest
from chat.core.usage import Recalled, RecalledMemory, Usage
from chat.http.fields import parse_text, refuse_others
from chat.http.log_line import Fact

MAX_COUNT = 10**15
MAX_SCORE = 10.0**6
COUNTS = ("context_length", "prompt_tokens", "generated_tokens", "window_turns", "evicted_turns")


def parse_usage(value: Any, name: str) -> Usage:
    """Parse a usage with all its fields.

    Errors: InvalidRequest and TooLarge, which name the field, as a field of `name`.
    """
    if not isinstance(value, dict):
        raise InvalidRequest(f"`{name}` must be an object", name)
    refuse_others(value, tuple(field.name for field in fields(Usage)), f"{name}.")
    counts = {one: _count(value.get(one), f"{name}.{one}") for one in COUNTS}
    reason = parse_text(
        value.get("finish_reason"), f"{name}.finish_reason", 4 * MAX_REASON_CHARACTERS
    )
    evicted = _list(value.get("evicted"), f"{name}.evicted", MAX_EVICTED)
    recalled = _list(value.get("recalled"), f"{name}.recalled", MAX_ROWS)
    memories = _list(value.get("memories"), f"{name}.memories", MAX_ROWS)
    return Usage(
        **counts,
        finish_reason=reason,
        evicted=tuple(_count(number, f"{name}.evicted") for number in evicted),
        recalled=tuple(_recalled(row, f"{name}.recalled") for row in recalled),
        memories=tuple(_memory(row, f"{name}.memories") for row in memories),
        summarised_turns=_count(value.get("summarised_turns", 0), f"{name}.summarised_turns"),
    )


def _recalled(row: Any, name: str) -> Recalled:
    turn, score, age_s = _row(row, "turn", name)
    return Recalled(_count(turn, name), score, age_s)


def _memory(row: Any, name: str) -> RecalledMemory:
    memory, score, age_s = _row(row, "memory", name)
    if not isinstance(memory, str) or not MEMORY_ID.fullmatch(memory):
        raise InvalidRequest(f"`{name}` must have ids of memories", name)
    return RecalledMemory(memory, score, age_s)


def _row(row: Any, what: str, name: str) -> tuple[Any, float, int]:
    if not isinstance(row, dict) or set(row) != {what, "score", "age_s"}:
        raise InvalidRequest(f"`{name}` must have objects with `{what}`, `score`, `age_s`", name)
    score = row["score"]
    is_number = isinstance(score, int | float) and not isinstance(score, bool)
    if not is_number or not -MAX_SCORE <= score <= MAX_SCORE:
        raise InvalidRequest(f"`{name}` must have scores that are numbers", name)
    return row[what], float(score), _count(row["age_s"], name)


def _list(value: Any, name: str, most: int) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise InvalidRequest(f"`{name}` must be a list of up to {most}", name)
    return value


def _count(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_COUNT:
        raise InvalidRequest(f"`{name}` must be a whole number from 0 to {MAX_COUNT}", name)
    return value


def usage_facts(usage: Usage) -> dict[str, Fact]:
    """Return what the log says of a turn."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "generated_tokens": usage.generated_tokens,
        "evicted_turns": usage.evicted_turns,
        "recalled_turns": len(usage.recalled),
        "recalled_memories": len(usage.memories),
    }
