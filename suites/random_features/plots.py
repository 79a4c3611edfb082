"""The suite's figures, drawn from the leaderboard's rows: error against D, and seconds against d.

``optathlon leaderboard --format json > rows.json``, then ``python -m optathlon.suites.random_features.plots rows.json FOLDER``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

Rows = Iterable[Mapping[str, Any]]

METHODS = {
    "rff-cos": ("tab:blue", "o"),
    "rff-cos-sin": ("tab:blue", "s"),
    "rbf-sampler": ("black", "+"),
    "nrff": ("tab:purple", "D"),
    "orf-cos": ("tab:green", "o"),
    "orf-cos-sin": ("tab:green", "s"),
    "fastfood-cos": ("tab:red", "o"),
    "fastfood-cos-sin": ("tab:red", "s"),
    "fastfood-numpy": ("tab:orange", "o"),
    "nystroem": ("grey", "P"),
}


class Figure(NamedTuple):
    """One figure: the workloads in it, whose group is the abscissa, in order of preference, and its labels."""

    workloads: tuple[str, ...]
    metric: str
    xlabel: str
    ylabel: str
    title: str


FIGURES = {
    "error.png": Figure(
        (r"gram-digits-(\d+)",),
        "gram-error",
        "features D",
        "relative Frobenius error",
        "Gram matrix of 500 digits, d = 64",
    ),
    "seconds.png": Figure(
        (r"maps-(\d+)x16384",),
        "transform-seconds",
        "dimensions d",
        "seconds",
        "Mapping 500 points to 16384 features, float32, one core",
    ),
}


def draw(rows: Rows, folder: Path) -> list[Path]:
    """Draw every figure whose rows are there; return the files."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    mine = [row for row in rows if row["suite"] == "random_features" and row["status"] == "ok" and row["value"] is not None]
    written = []
    for name, figure in FIGURES.items():
        lines = {method: curve(mine, figure, method) for method in METHODS}
        if not any(lines.values()):
            continue
        canvas, axes = pyplot.subplots(figsize=(6, 4.2), dpi=100, layout="constrained")
        for method, points in lines.items():
            if points:
                colour, marker = METHODS[method]
                style = "--" if method.endswith("-sin") else "-"
                axes.plot(*zip(*points, strict=True), color=colour, marker=marker, ls=style, lw=1, ms=5, label=method)
        axes.set(xscale="log", yscale="log", xlabel=figure.xlabel, ylabel=figure.ylabel, title=figure.title)
        ticks = sorted({x for points in lines.values() for x, _ in points})
        axes.set_xticks(ticks, labels=[str(x) for x in ticks], minor=False)
        axes.set_xticks([], minor=True)
        axes.legend(fontsize="x-small", ncols=2)
        axes.grid(alpha=0.3, which="both")
        canvas.savefig(folder / name)
        pyplot.close(canvas)
        written.append(folder / name)
    return written


def curve(rows: Rows, figure: Figure, method: str) -> list[tuple[int, float]]:
    """Return the sorted (abscissa, value) of a method; the last pattern that a method has rows for decides."""
    found: dict[int, float] = {}
    for pattern in figure.workloads:
        points = {
            int(match.group(1)): row["value"]
            for row in rows
            if row["method"] == method and row["metric"] == figure.metric and (match := re.fullmatch(pattern, row["workload"]))
        }
        found = points or found
    return sorted(found.items())


if __name__ == "__main__":
    for path in draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])):
        print(path)
