"""The suite's figures, drawn from the leaderboard's rows.

``optathlon leaderboard --format json > rows.json``, then ``python -m optathlon.suites.binary_regression.plots rows.json FOLDER``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Rows = Iterable[Mapping[str, Any]]

PLAIN = ("least-squares", "box-relaxation", "straight-through", "bop", "semidefinite-relaxation")
LIMIT = {"figure1.png": 2.0, "figure2.png": 2.0}  # samples a weight, where state evolution has something to say

FIGURES = {
    "figure1.png": (
        r"(gaussian|fig1)-30x60-sigma",
        "Fig. 1: 30 weights from 60 samples, Gaussian noise",
        (*PLAIN, "exact", "maximin-gda", "maximin-adam", "message-passing"),
    ),
    "figure2.png": (
        r"(gaussian|fig2)-2000x4000-sigma",
        "Fig. 2: 2000 weights from 4000 samples, Gaussian noise",
        (*PLAIN, "tabu", "maximin-gda", "maximin-adam", "message-passing"),
    ),
    "figure3.png": (
        r"(laplace|fig3)-30x60-sigma",
        "Fig. 3: 30 weights from 60 samples, Laplace noise",
        (
            "least-squares",
            "least-deviations",
            "box-relaxation-l1",
            "straight-through-l1",
            "semidefinite-relaxation",
            "maximin-gda",
            "maximin-l1",
            "maximin-adam-l1",
        ),
    ),
}


def draw(rows: Rows, folder: Path) -> list[Path]:
    """Draw bit error rate against noise for every figure whose rows are there; return the files."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    scored = [row for row in rows if row["suite"] == "binary_regression" and row["status"] == "ok"]
    errors = [row for row in scored if row["metric"] == "bit-error-rate"]
    written = []
    for name, (pattern, title, methods) in FIGURES.items():
        lines = {method: curve(errors, pattern, method) for method in methods}
        if not any(lines.values()):
            continue
        figure, axes = pyplot.subplots(figsize=(6, 4), dpi=100, layout="constrained")
        for marker, (method, points) in zip("osv^DPX*<", lines.items(), strict=False):
            shown = [(sigma, value) for sigma, value in points if value > 0]  # zero has no place on a logarithmic axis
            axes.plot(*zip(*shown, strict=True) if shown else ([], []), marker=marker, markersize=4, linewidth=1, label=method)
        if name in LIMIT:
            sigmas = sorted({sigma for points in lines.values() for sigma, _ in points})
            axes.plot(
                *limit(sigmas, LIMIT[name]), color="black", linestyle="--", linewidth=1, label="state evolution, many weights"
            )
        least = min((value for points in lines.values() for _, value in points if value > 0), default=None)
        bottom = None if least is None else least / 3  # the limit goes on to where nobody has counted
        axes.set(yscale="log", ylim=(bottom, None), xlabel="noise sigma", ylabel="bit error rate", title=title)
        axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
        figure.savefig(folder / name)
        pyplot.close(figure)
        written.append(folder / name)
    return written


def limit(sigmas: Sequence[float], ratio: float) -> tuple[list[float], list[float]]:
    """Return the noises and the errors that message passing makes there in the limit of many weights."""
    from optathlon.baselines.binary_regression import state_evolution

    low, high = min(sigmas), max(sigmas)
    noises = [low + (high - low) * step / 40 for step in range(1, 41)]
    return noises, [state_evolution(ratio, noise) for noise in noises]


def curve(rows: Rows, pattern: str, method: str) -> list[tuple[float, float]]:
    """Return the sorted (sigma, error) of a method over the workloads of a figure; the published ones take precedence."""
    found = {}
    for row in sorted(rows, key=lambda row: str(row["workload"]), reverse=True):  # "gaussian" and "laplace", then "fig"
        match = re.fullmatch(pattern + r"([0-9.]+)", row["workload"])
        if match and row["method"] == method:
            found[float(match.groups()[-1])] = row["value"]
    return sorted(found.items())


if __name__ == "__main__":
    for path in draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])):
        print(path)
