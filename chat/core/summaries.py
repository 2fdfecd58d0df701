"""A running summary of the oldest turns of a conversation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RunningSummary:
    """What a model made of a conversation's evicted turns, up to the one with the number `last`."""

    last: int
    text: str
