"""How much of a long series of trials a run makes: what its seconds allow, or all of it."""

import os
import time
from collections.abc import Callable, Iterator

THOROUGH = bool(os.environ.get("THOROUGH"))
"""Whether all trials are made, however long they take: `THOROUGH=1 make test`."""


def portion(
    trials: int,
    *,
    least: int,
    seconds: float,
    is_thorough: bool = THOROUGH,
    clock: Callable[[], float] = time.process_time,
) -> Iterator[int]:
    """Yield 0, 1, … up to `trials`, and no more once `least` are done and the time has passed.

    Units: `seconds` are of this process's own work, so a busy machine makes no fewer trials.
    """
    end = clock() + seconds
    for number in range(trials):
        if number >= least and not is_thorough and clock() >= end:
            return
        yield number
