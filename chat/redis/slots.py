"""Decides which slot of a cluster a key has, and which node a slot is asked at.

Source: the specification of Redis Cluster, "Key distribution model" and "MOVED Redirection".
"""

import binascii
import itertools
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

SLOTS = 16_384
SHOWN_RANGES = 3
"""How many ranges of a node's slots are named."""
SCRIPT_COMMANDS = ("EVALSHA", "EVAL")
REDIRECTION = re.compile(r" - (?P<kind>Moved|Ask): (?P<slot>[0-9]+) (?P<host>\S*):(?P<port>[0-9]+)")
"""How redis-rs words `MOVED` and `ASK`."""


class Redirection(NamedTuple):
    """Where a node sends a client: for good, or `is_once` for one command."""

    node: str
    is_once: bool


class Range(NamedTuple):
    """The slots from `first` to `last` are those of `node`."""

    first: int
    last: int
    node: str


def slot_of(key: bytes) -> int:
    """Return the slot of a key: that of its tag, the part in its first braces, if there is one."""
    begin = key.find(b"{")
    end = key.find(b"}", begin + 1)
    if begin >= 0 and end > begin + 1:
        key = key[begin + 1 : end]
    return binascii.crc_hqx(key, 0) % SLOTS


def key_of(command: str, arguments: Sequence[bytes]) -> bytes | None:
    """Return the first key of a command; None for one that has none."""
    if command not in SCRIPT_COMMANDS:
        return arguments[0] if arguments else None
    return arguments[2] if arguments[1] != b"0" else None


def parse_redirection(text: str, asked: str) -> Redirection | None:
    """Return where an error sends the client; None if it is no redirection."""
    found = REDIRECTION.search(text)
    if found is None:
        return None
    node = _node(found["host"], int(found["port"]), asked)
    return Redirection(node, found["kind"] == "Ask")


def _node(host: str, port: int, asked: str) -> str:
    """Return a node's `host:port`.

    One that has no name to tell leaves it out: then it is on the host that was `asked`.
    """
    is_told = host not in ("", "?")
    return authority(host if is_told else asked.rpartition(":")[0], port)


def authority(host: str, port: int) -> str:
    """Return host and port as an address has them: an IPv6 address is in brackets."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def parse_slots(reply: Sequence[bytes | int | str | None], asked: str) -> list[Range]:
    """Parse the reply of `CLUSTER SLOTS`, which comes flattened, in the order of the slots.

    Two numbers in a row begin a range; the node that has it follows, and then its replicas.
    """
    return sorted(_ranges(reply, asked))


def _ranges(reply: Sequence[bytes | int | str | None], asked: str) -> Iterator[Range]:
    for place in range(len(reply) - 3):
        first, last, host, port = reply[place : place + 4]
        if isinstance(first, int) and isinstance(last, int) and isinstance(port, int):
            named = host.decode() if isinstance(host, bytes) else ""
            yield Range(first, last, _node(named, port, asked))


def tag_in(ranges: Sequence[Range]) -> str:
    """Return a tag whose slot is in one of the ranges.

    For one slot in a thousand it takes a thousand tries, about.
    """
    tags = (str(number) for number in itertools.count())
    return next(tag for tag in tags if any(_has(one, slot_of(tag.encode())) for one in ranges))


def _has(one: Range, slot: int) -> bool:
    return one.first <= slot <= one.last


def describe_slots(ranges: Sequence[Range]) -> str:
    """Return the first ranges as text, and how many more there are."""
    shown = [f"{one.first}-{one.last}" for one in ranges[:SHOWN_RANGES]]
    more = len(ranges) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


class SlotMap:
    """Which node has which slot, as far as it is known; otherwise as in an even split.

    Shapes: `given` are nodes in the order of their slots, or one that knows the others.
    """

    def __init__(self, given: Sequence[str]) -> None:
        self.given = given
        self.ranges: Sequence[Range] = ()
        self._moved: dict[int, str] = {}

    def node_of(self, slot: int) -> str:
        """Return the node to ask first."""
        if slot in self._moved:
            return self._moved[slot]
        place = bisect_right(self.ranges, slot, key=lambda one: one.first) - 1
        if place >= 0 and slot <= self.ranges[place].last:
            return self.ranges[place].node
        return self.given[(2 * slot + 1) * len(self.given) // (2 * SLOTS)]

    def nodes(self) -> list[str]:
        """Return all nodes that are known, each once."""
        known = [*(one.node for one in self.ranges), *self._moved.values(), *self.given]
        return list(dict.fromkeys(known))

    def move(self, slot: int, node: str) -> None:
        """Note that a slot is another node's."""
        self._moved[slot] = node

    def learn(self, ranges: Sequence[Range]) -> None:
        """Note all slots anew."""
        self.ranges = ranges
        self._moved.clear()
