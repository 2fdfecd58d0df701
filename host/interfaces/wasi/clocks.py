"""`wasi:clocks` and `wasi:random`."""

import secrets
import time

from host.abi.instance import Instance
from host.interfaces.wasi.poll import Timer

NS_PER_S = 1_000_000_000


class WallClock:
    """`wasi:clocks/wall-clock`."""

    def __init__(self, _instance: Instance) -> None:
        pass

    def now(self) -> dict[str, int]:
        """Return the time since 1970 in UTC."""
        seconds, nanoseconds = divmod(time.time_ns(), NS_PER_S)
        return {"seconds": seconds, "nanoseconds": nanoseconds}

    def resolution(self) -> dict[str, int]:
        return {"seconds": 0, "nanoseconds": 1}


class MonotonicClock:
    """`wasi:clocks/monotonic-clock`, in nanoseconds since the instance's first call."""

    def __init__(self, instance: Instance) -> None:
        self._table = instance.table
        self._begun_ns = time.monotonic_ns()

    def now(self) -> int:
        """Return the time since the clock began."""
        return time.monotonic_ns() - self._begun_ns

    def resolution(self) -> int:
        return 1

    def subscribe_instant(self, when: int) -> int:
        """Make a pollable that is ready at `when`."""
        return self._table.push(Timer((self._begun_ns + when) / NS_PER_S))

    def subscribe_duration(self, when: int) -> int:
        """Make a pollable that is ready in `when` nanoseconds."""
        return self._table.push(Timer(time.monotonic() + when / NS_PER_S))


class Random:
    """`wasi:random/random` and `wasi:random/insecure`, which gets the same good numbers."""

    def __init__(self, _instance: Instance) -> None:
        pass

    def get_random_bytes(self, length: int) -> bytes:
        return secrets.token_bytes(length)

    def get_random_u64(self) -> int:
        return secrets.randbits(64)

    get_insecure_random_bytes = get_random_bytes
    get_insecure_random_u64 = get_random_u64

    def insecure_seed(self) -> tuple[int, int]:
        return secrets.randbits(64), secrets.randbits(64)
