"""Decides for how long the rest of a body is waited for."""

NS_PER_S = 1_000_000_000
SILENCE_S = 10
"""Without a byte for so long, or with too few by then, a request's body is given up. A phone
between two cells is silent for a few seconds."""
SLOWEST_BYTES_PER_S = 8 * 1024
"""What any network in use carries: a mobile one at its edge, some 64 kbit/s. A body that comes more
slowly is held back, and its instance with it."""
UNTAKEN_S = 30
"""A client that takes nothing of its answer for so long is gone. It may be busy with what it has:
more than with a request, which it has at hand."""


def body_due_ns(begun_ns: int, now_ns: int, received_bytes: int) -> int:
    """Return until when the next byte of a request's body has to be there.

    Units:  nanoseconds of one clock; `now_ns` is when the last byte came.
    Errors: none.
    Source: the rule is that of Apache httpd's `mod_reqtimeout`: a time, and more for what has come.
    """
    earned_ns = received_bytes * NS_PER_S // SLOWEST_BYTES_PER_S
    return min(now_ns, begun_ns + earned_ns) + SILENCE_S * NS_PER_S
