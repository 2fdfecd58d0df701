"""Writes to the component's log."""

import sys


def log(text: str) -> None:
    """Write a line."""
    sys.stderr.write(text + "\n")
