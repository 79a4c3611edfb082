"""Figures 3.2 and 3.5, drawn from records.

``python -m optathlon.suites.coarse_gradients.plots results FOLDER``.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

from optathlon.store import finished_runs

ANGLES = (15, 30, 45, 60, 75, 90)
MARKS = {
    "relu": ("o", "tab:blue"),
    "reverse-exponential": ("s", "tab:orange"),
    "log-tailed": ("x", "tab:green"),
    "clipped-relu": ("+", "tab:red"),
}
DEEP = {"float": "black", "relu-4bit": "tab:blue", "clipped-relu-4bit": "tab:red"}
NETWORKS = {
    "vgg11-quarter": "VGG-11, quarter width",
    "resnet20-4-epochs": "ResNet-20",
    "vgg11-200-epochs": "VGG-11, whole protocol",
    "resnet20-200-epochs": "ResNet-20, whole protocol",
}


def draw(results: Path, folder: Path) -> list[Path]:
    """Draw the figures whose records are there; return the files."""
    import matplotlib

    matplotlib.use("Agg")
    return [path for path in (_angles(results, folder / "figure3.2.png"), _norms(results, folder / "figure3.5.png")) if path]


def by_angle(results: Path, metric: str, estimator: str, kind: str = "") -> dict[int, list[float]]:
    """Return a metric's values on planes by angle, one a batch of starts; `kind` is "noise-" for the noisy planes."""
    found = {
        angle: [
            run["scores"][metric]
            for run in finished_runs(results, "coarse_gradients", f"planes-{kind}{angle}", f"planes-{estimator}")
        ]
        for angle in ANGLES
    }
    return {angle: values for angle, values in found.items() if values}


def _angles(results: Path, path: Path) -> Path | None:
    """Draw steps and norms against the angle: a dot a batch of starts, and their means, joined between neighbours."""
    from matplotlib import pyplot

    if not by_angle(results, "steps", "relu"):
        return None
    canvas, axes = pyplot.subplots(1, 2, figsize=(9, 3.8), dpi=100, layout="constrained")
    for axis, metric, label in zip(axes, ("steps", "norm"), ("steps to zero loss, median", "norm of W, median"), strict=True):
        for estimator, (mark, colour) in MARKS.items():
            for kind, style in (("", "-"), ("noise-", ":")):
                points = by_angle(results, metric, estimator, kind)
                if points:
                    name = estimator + (", noise .05" if kind else "")
                    means = [sum(points[a]) / len(points[a]) if a in points else math.nan for a in ANGLES]
                    axis.plot(ANGLES, means, mark + style, color=colour, lw=1, ms=7, mfc="none", label=name)
                for angle, values in points.items():
                    axis.plot([angle] * len(values), values, ".", color=colour, ms=3)
        axis.set(xlabel="angle of the planes, degrees", ylabel=label, xticks=ANGLES)
        axis.grid(alpha=0.3)
    axes[0].set_yscale("log")
    axes[0].legend(fontsize="x-small")
    canvas.savefig(path)
    pyplot.close(canvas)
    return path


def _norms(results: Path, path: Path) -> Path | None:
    """Draw the norm of the weights against the epoch, a line a run."""
    from matplotlib import pyplot

    lines = {name: {method: finished_runs(results, "coarse_gradients", name, method) for method in DEEP} for name in NETWORKS}
    shown = [name for name in NETWORKS if any(lines[name].values())]
    if not shown:
        return None
    canvas, axes = pyplot.subplots(1, len(shown), figsize=(4.5 * len(shown), 3.6), dpi=100, layout="constrained", squeeze=False)
    for axis, name in zip(axes[0], shown, strict=True):
        for method, runs in lines[name].items():
            for i, run in enumerate(runs):
                axis.plot(run["exhibits"]["norms"], color=DEEP[method], lw=1, label="" if i else method)
        axis.set(xlabel="epoch", ylabel="norm of the weights", title=NETWORKS[name])
        axis.legend(fontsize="x-small")
        axis.grid(alpha=0.3)
    canvas.savefig(path)
    pyplot.close(canvas)
    return path


if __name__ == "__main__":
    for figure in draw(Path(sys.argv[1]), Path(sys.argv[2])):
        print(figure)
