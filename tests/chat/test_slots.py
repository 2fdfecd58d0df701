"""Slots as Redis counts them, and what nodes say of them."""

import pytest

from chat.redis.slots import (
    SLOTS,
    Range,
    Redirection,
    SlotMap,
    describe_slots,
    key_of,
    parse_redirection,
    parse_slots,
    slot_of,
    tag_in,
)
from tests.clusters import RunningCluster

MOVED = "An error was signalled by the server - Moved: 15495 127.0.0.1:7003"
ASK = "An error was signalled by the server - Ask: 3300 127.0.0.1:7002"


@pytest.mark.parametrize(
    "key",
    [b"123456789", b"t:{owner}:1:turns", b"{}:{a}", b"a{b", b"a{}b", b"{{x}}", b"", b"\xff{\xfe}"],
)
def test_a_slot_is_the_one_that_redis_counts(shared_cluster: RunningCluster, key: bytes) -> None:
    assert shared_cluster.nodes[0].call("CLUSTER", "KEYSLOT", key) == [slot_of(key)]


@pytest.mark.parametrize(
    ("command", "arguments", "key"),
    [
        ("GET", [b"a"], b"a"),
        ("EVALSHA", [b"sha", b"2", b"a", b"b", b"x"], b"a"),
        ("EVAL", [b"return 1", b"0", b"x"], None),
        ("DBSIZE", [], None),
    ],
)
def test_the_first_key_is_found(command: str, arguments: list[bytes], key: bytes | None) -> None:
    assert key_of(command, arguments) == key


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (MOVED, Redirection("127.0.0.1:7003", is_once=False)),
        (ASK, Redirection("127.0.0.1:7002", is_once=True)),
        (MOVED.replace("127.0.0.1", ""), Redirection("10.0.0.1:7003", is_once=False)),
        (MOVED.replace("127.0.0.1", "?"), Redirection("10.0.0.1:7003", is_once=False)),
        (MOVED.replace("127.0.0.1", "fe80::1"), Redirection("[fe80::1]:7003", is_once=False)),
        (MOVED.replace("127.0.0.1", "r-1.svc"), Redirection("r-1.svc:7003", is_once=False)),
        ("WRONGTYPE: Operation against a key", None),
        ("CHATBUSY: a turn is running", None),
    ],
)
def test_a_redirection_is_told_from_other_errors(text: str, found: Redirection | None) -> None:
    assert parse_redirection(text, "10.0.0.1:7000") == found


def test_the_map_of_a_cluster_is_parsed(shared_cluster: RunningCluster) -> None:
    ranges = shared_cluster.ranges()

    assert [(one.first, one.last) for one in ranges] == [(0, 5460), (5461, 10922), (10923, 16383)]
    assert [one.node for one in ranges] == shared_cluster.primaries


def test_a_map_with_names_and_metadata_is_parsed() -> None:
    reply: list[bytes | int | str | None] = [
        5461, 10922, b"10.0.0.2", 7001, b"id2", b"hostname", b"two", b"10.0.0.5", 7004, b"id5",
        0, 5460, b"", 7000, b"id1", 10923, 16383, b"?", 7002, b"id3",
    ]  # fmt: skip

    assert parse_slots(reply, "10.0.0.9:7000") == [
        Range(0, 5460, "10.0.0.9:7000"), Range(5461, 10922, "10.0.0.2:7001"),
        Range(10923, 16383, "10.0.0.9:7002"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "ranges",
    [
        [Range(0, 5460, "a")],
        [Range(0, 0, "a"), Range(7, 7, "a"), Range(16_383, 16_383, "a")],
        [Range(9000, 9000, "a")],
    ],
)
def test_a_tag_leads_to_one_of_a_nodes_slots(ranges: list[Range]) -> None:
    slot = slot_of(f"chat:{{{tag_in(ranges)}}}:probe".encode())

    assert any(one.first <= slot <= one.last for one in ranges)


def test_the_slots_of_a_node_are_named_but_not_without_end() -> None:
    ranges = [Range(first, first + 9, "a") for first in range(0, 1000, 100)]

    assert describe_slots(ranges[:1]) == "0-9"
    assert describe_slots(ranges[:3]) == "0-9, 100-109, 200-209"
    assert describe_slots(ranges) == "0-9, 100-109, 200-209 and 7 more"


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
def test_an_even_split_is_the_one_that_clusters_are_made_with(count: int) -> None:
    slots = SlotMap([str(number) for number in range(count)])
    bounds = [round(number * SLOTS / count) for number in range(count + 1)]

    for number in range(count):
        assert slots.node_of(bounds[number]) == str(number)
        assert slots.node_of(bounds[number + 1] - 1) == str(number)


def test_what_was_learned_comes_before_the_even_split() -> None:
    slots = SlotMap(["a", "b"])

    slots.move(3, "c")
    assert (slots.node_of(3), slots.node_of(4)) == ("c", "a")
    slots.learn([Range(0, 99, "b"), Range(200, SLOTS - 1, "d")])
    assert [slots.node_of(slot) for slot in (3, 99, 100, 199, 200)] == ["b", "b", "a", "a", "d"]
    assert slots.nodes() == ["b", "d", "a"]
