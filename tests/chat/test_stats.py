"""What the counters say: averages and quantiles out of buckets."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.core.counters import BOUNDS_MS, parse_counted, turn_counters
from chat.core.usage import Recalled, RecalledMemory, Usage

USAGE = Usage(3500, 34, 11, 1, 2, recalled=(Recalled(1, 0.5, 9),) * 3)


def counted(*times_ms: float) -> dict[str, int]:
    """Count turns that took so long, as Redis adds them up."""
    total: dict[str, int] = {}
    for taken_ms in times_ms:
        counters = turn_counters(USAGE, is_new=False, model_ms=taken_ms, turn_ms=taken_ms)
        for name, count in counters.items():
            total[name] = total.get(name, 0) + count
    return total


def test_a_turn_counts_as_what_the_model_saw() -> None:
    usage = Usage(3500, 34, 11, 1, 2, memories=(RecalledMemory("1.1.0", 0.5, 9),))

    assert turn_counters(usage, is_new=True, model_ms=12.4, turn_ms=120_001) == {
        "conversations_started": 1, "turns": 1, "messages": 2, "prompt_tokens": 34,
        "generated_tokens": 11, "evicted_turns": 2, "recalled_memories": 1,
        "model_time 25": 1, "model_time sum": 12, "turn_time over": 1, "turn_time sum": 120_001,
    }  # fmt: skip


def test_nothing_has_no_average() -> None:
    nothing = parse_counted({})

    assert nothing.numbers["turns"] == 0
    assert nothing.error_rate is None
    assert nothing.turn_time.average_ms is None
    assert nothing.turn_time.p95_ms is None


def test_errors_are_those_of_turns_where_the_rate_is_meant() -> None:
    fields = {"turns": 6, "error take_turn model_failed": 1, "error take_turn rate_limited": 1}
    got = parse_counted({**fields, "error show_memory memory_off": 5})

    assert got.error_rate == 0.25
    assert got.throttled == 1


@given(st.lists(st.floats(0.1, 119_000), min_size=1, max_size=60))
def test_the_95th_of_100_is_where_its_bucket_says(times_ms: list[float]) -> None:
    got = parse_counted(counted(*times_ms)).turn_time

    ordered = sorted(times_ms)
    exact = ordered[max(0, -(-95 * len(ordered) // 100) - 1)]
    upper = next(bound for bound in BOUNDS_MS if exact <= bound)
    lower = max((bound for bound in BOUNDS_MS if bound < exact), default=0)
    assert got.p95_ms is not None
    assert lower <= got.p95_ms <= upper
    assert got.average_ms == pytest.approx(statistics.mean(times_ms), abs=0.6)


def test_what_exceeds_every_bound_is_the_last_one() -> None:
    assert parse_counted(counted(500_000)).model_time.p95_ms == BOUNDS_MS[-1]
