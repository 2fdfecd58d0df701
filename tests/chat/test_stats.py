"""What the counters say: averages and quantiles out of buckets."""

import statistics
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.core.counters import BOUNDS_MS, TAKING_TURNS, parse_counted, turn_counters
from chat.core.errors import FAULTS, ChatError
from chat.core.served import Tally, parse_served
from chat.core.usage import Recalled, RecalledMemory, Usage
from chat.redis.counters import parse_info
from chat.wiring.surfaces import OPERATIONS

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


def test_the_error_rate_is_of_turns_and_of_what_is_this_services_fault() -> None:
    fields = {"turns": 6, "error take_turn model_failed": 1, "error take_turn rate_limited": 1}
    got = parse_counted({**fields, "error show_memory store_unavailable": 5})

    assert got.error_rate == 0.125
    assert got.throttled == 1


def below(error: type[ChatError]) -> Iterator[type[ChatError]]:
    for one in error.__subclasses__():
        yield one
        yield from below(one)


def test_faults_are_the_errors_with_a_status_of_500_or_more() -> None:
    assert {one.code for one in below(ChatError) if one.status >= 500} == FAULTS


def test_turns_are_taken_by_operations_that_are_there() -> None:
    actions = {operation.action for path in OPERATIONS.values() for operation in path.values()}

    assert actions >= TAKING_TURNS


def served(*asked: tuple[str, str, int, float]) -> dict[str, int]:
    """Count requests by method, route, status and seconds, as Redis adds them up."""
    total: dict[str, int] = {}
    for method, route, status, taken_s in asked:
        times = iter([0.0, taken_s])
        for name, count in Tally(method, route, 200, times.__next__).of_status(status).items():
            total[name] = total.get(name, 0) + count
    return total


def test_requests_are_counted_by_route_and_status_and_timed_by_route() -> None:
    fields = served(
        ("POST", "/", 200, 0.02), ("POST", "/", 200, 0.3), ("POST", "/", 503, 200.0),
        ("GET", "/conversations/{id}", 404, 0.001),
    )  # fmt: skip
    first, second = parse_served({**fields, "turns": 2, "error take_turn model_failed": 1})

    assert (first.method, first.route, first.statuses) == ("POST", "/", {"200": 2, "503": 1})
    assert (first.times.count, first.times.sum_ms, first.times.counts[-1]) == (3, 200_320, 1)
    assert (second.route, second.statuses) == ("/conversations/{id}", {"404": 1})
    assert second.times.counts[0] == 1


def test_a_turn_takes_its_request_along_once_and_nothing_else_does() -> None:
    tally = Tally("POST", "/", 200, iter(range(9)).__next__)

    assert tally.taken_along({"messages": 2}) == {}
    assert tally.taken_along({"turns": 1}) == {
        "served POST / 200 1000": 1,
        "served POST / sum": 1000,
    }
    assert not tally.is_counted, "it may yet fail to be stored"
    tally.note_stored({"messages": 2})
    assert not tally.is_counted
    tally.note_stored({"turns": 1})
    assert tally.is_counted
    assert tally.taken_along({"turns": 1}) == {}


def test_what_redis_tells_of_itself_is_names_and_values() -> None:
    told = b"# Memory\r\nused_memory:1024\r\nmaxmemory_policy:noeviction\r\n\r\nexecutable:/a:b\r\n"

    assert parse_info(told) == {
        "used_memory": "1024", "maxmemory_policy": "noeviction", "executable": "/a:b",
    }  # fmt: skip


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
