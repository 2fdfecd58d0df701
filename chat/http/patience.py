"""Decides how long to wait for the rest of a body."""

NS_PER_S = 1_000_000_000
SILENCE_S = 10
"""How long a request's body may bring nothing, or too few bytes, before it is given up.

A phone between two cells is silent for a few seconds.
"""
SLOWEST_BYTES_PER_S = 8 * 1024
"""The speed that any network in use has: a mobile one at its edge carries some 64 kbit/s.

A body that comes more slowly is held back on purpose, and keeps an instance busy.
"""
UNTAKEN_S = 30
"""How long a client may take nothing of its answer before it counts as gone.

It is longer than `SILENCE_S`, because a client may be busy with the part of the answer that it has,
while it has its whole request at hand.
"""


def body_due_ns(begun_ns: int, now_ns: int, received_bytes: int) -> int:
    """Return by when the next byte of a request's body has to come.

    Units:  nanoseconds of one clock; `now_ns` is when the last byte came.
    Errors: none.
    Source: the rule of Apache httpd's `mod_reqtimeout`: a fixed time, and more for each byte that
            has come.
    """
    earned_ns = received_bytes * NS_PER_S // SLOWEST_BYTES_PER_S
    return min(now_ns, begun_ns + earned_ns) + SILENCE_S * NS_PER_S
