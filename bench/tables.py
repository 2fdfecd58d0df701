"""Prints tables: a row for each measurement, medians with their spread, and ratios."""

import math
import statistics
from collections.abc import Sequence

SPREAD = "median (lower to upper quartile; p99)"
"""What a cell of `describe` has."""


def header(*names: str) -> None:
    """Print the head of a table."""
    print(f"\n| {' | '.join(names)} |")
    print("|" + "---|" * len(names))


def row(name: str, *cells: str) -> None:
    """Print a row."""
    print(f"| {name} | {' | '.join(cells)} |")


def describe(taken: Sequence[float]) -> str:
    """Return the median, the quartiles and the p99 of measurements, or of a single one."""
    low, median, high = statistics.quantiles(taken if len(taken) > 1 else [*taken, *taken], n=4)
    return f"{median:.1f} ({low:.1f} to {high:.1f}; {p99(taken):.1f})"


def describe_few(taken: Sequence[float]) -> str:
    """Return the median, the least and the most of measurements."""
    return f"{statistics.median(taken):.2f} ({min(taken):.2f} to {max(taken):.2f})"


def p99(taken: Sequence[float]) -> float:
    """Return the value that 99 of 100 do not exceed."""
    return sorted(taken)[min(len(taken) - 1, int(len(taken) * 0.99))]


def ratio(cell: float, base: float) -> str:
    """Return the ratio of `cell` to `base`, if both are known."""
    return "" if math.isnan(cell) or math.isnan(base) else f"{cell / base:.2f}"
