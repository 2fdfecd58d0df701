"""Draws the measurements."""

import pathlib
from collections.abc import Mapping, Sequence

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.ticker import LogLocator, StrMethodFormatter


def plot_lines(
    path: pathlib.Path,
    places: Sequence[int],
    lines: Mapping[str, Sequence[float]],
    labels: tuple[str, str],
) -> None:
    """Draw a line for each name over `places`, the first one boldest; both axes are logarithmic."""
    figure, axes = plt.subplots(figsize=(8, 5), dpi=120)
    for number, (name, values) in enumerate(lines.items()):
        axes.plot(places, values, marker="o", linewidth=1.5 if number else 3, label=name)
    axes.set(xscale="log", yscale="log", xlabel=labels[0], ylabel=labels[1])
    axes.set_xticks(places, [f"{place:,}" for place in places])
    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    plt.close(figure)
