"""What the host tells the person at the terminal."""

import sys


def say(text: str) -> None:
    """Print a line to stderr at once, as `spin up` does for its own words."""
    print(text, file=sys.stderr, flush=True)
