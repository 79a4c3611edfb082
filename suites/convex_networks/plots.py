"""The slides' figures from the records: objective against seconds, and where sampled arrangements end.

Run ``python -m optathlon.suites.convex_networks.plots results`` after ``optathlon run convex_networks``; the pictures go
beside this file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from optathlon.store import finished_runs

COLOURS = {
    "convex-ssnal": "tab:red",
    "convex-lifted": "tab:red",
    "convex-three-layer": "tab:red",
    "convex-pooled": "tab:pink",
    "sgd-8": "tab:orange",
    "sgd-50": "tab:blue",
    "adam-8": "tab:olive",
    "adam-50": "tab:green",
    "lbfgs-50": "tab:purple",
    "sgd-k2": "tab:orange",
    "sgd-k15": "tab:blue",
}

PANELS = (
    ("toy-line-beta0.1", "5 points on a line (Figure 1)", ("convex-ssnal", "sgd-8", "sgd-50")),
    ("toy-gauss-8x2-beta0.1", "8 Gaussian points in the plane", ("convex-ssnal", "sgd-8", "sgd-50")),
    ("quadratic-100x10-beta1", "quadratic activation", ("convex-lifted", "sgd-50", "adam-50", "lbfgs-50")),
    ("three-layer-0", "three layers, K = 2, 15", ("convex-three-layer", "sgd-k2", "sgd-k15")),
)

SAMPLED = ("planted-100x10-beta0.1", "planted-100x10-beta2", "breast-cancer", "digits-odd")
ENDS = ("convex-ssnal", "convex-pooled", "sgd-50", "adam-50", "lbfgs-50")


def traces(results: Path, folder: Path) -> Path:
    """Draw the gap to the certified optimum against seconds: a line a run, a cross where a convex solver is done."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(9, 6.4), sharey=True, layout="constrained")
    for axis, (workload, title, methods) in zip(axes.flat, PANELS, strict=True):
        for method in methods:
            for index, run in enumerate(finished_runs(results, "convex_networks", workload, method)[:5]):
                label = method if index == 0 else None
                if method.startswith("convex"):
                    gap = max(run["scores"]["objective-gap"], 1e-9)
                    axis.plot(run["seconds"], gap, "x", color=COLOURS[method], label=label, markersize=9, zorder=3)
                    continue
                seconds, gaps = zip(*((s, max(gap, 1e-9)) for _, s, gap in run["trace"]), strict=True)
                axis.plot(seconds, gaps, color=COLOURS[method], label=label, linewidth=0.8, alpha=0.8)
        axis.set(title=title, xscale="log", yscale="log", xlabel="seconds")
        axis.legend(fontsize=7)
    for axis in axes[:, 0]:
        axis.set_ylabel("objective above the optimum, relative")
    return _saved(figure, folder / "traces.png")


def sampled(results: Path, folder: Path) -> Path:
    """Draw where every method ends, relative to the optimum over the sampled arrangements (zero)."""
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(8, 3.4), layout="constrained")
    for offset, method in enumerate(ENDS):
        for place, workload in enumerate(SAMPLED):
            gaps = [run["scores"]["objective-gap"] for run in finished_runs(results, "convex_networks", workload, method)]
            label = method if place == 0 else None
            axis.plot([place + 0.15 * (offset - 2)] * len(gaps), gaps, "o", color=COLOURS[method], label=label, markersize=5)
    axis.axhline(0, color="grey", linewidth=0.8)
    axis.set_xticks(range(len(SAMPLED)), SAMPLED)
    axis.set_ylabel("objective / sampled optimum - 1")
    axis.legend(fontsize=7, ncols=len(ENDS))
    return _saved(figure, folder / "sampled.png")


def _saved(figure: Any, path: Path) -> Path:
    from matplotlib import pyplot

    figure.savefig(path, dpi=72)
    pyplot.close(figure)
    return path


def main() -> None:
    """Draw both figures from the results folder named on the command line."""
    import matplotlib

    matplotlib.use("Agg")
    results = Path(sys.argv[1] if len(sys.argv) > 1 else "results")
    for draw in (traces, sampled):
        print(draw(results, Path(__file__).parent))


if __name__ == "__main__":
    main()
