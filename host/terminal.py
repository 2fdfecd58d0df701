"""Prints messages for the person at the terminal."""

import sys


def say(text: str) -> None:
    """Print a line to stderr at once; `spin up` prints its own messages there, too."""
    print(text, file=sys.stderr, flush=True)
