"""Runs scripts that forget a portion of many memories, so that no other request waits for long."""

from chat.redis.connection import Redis, as_int
from chat.redis.keys import Keys
from chat.redis.script import Script


async def run_in_portions(
    redis: Redis, script: Script, keys: Keys, at: int, **arguments: str | bytes | int
) -> list[int]:
    """Run a script until its last number says that nothing is left; return its other numbers.

    Shapes: `at` is the place of the number that is summed up over all portions.
    """
    total, is_left = 0, 1
    while is_left:
        *counts, is_left = map(as_int, await redis.run(script, keys, **arguments))
        total += counts[at]
    counts[at] = total
    return counts
