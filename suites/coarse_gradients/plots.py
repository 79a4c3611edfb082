"""Figures 3.2 and 3.5, drawn from records.

``python -m optathlon.suites.coarse_gradients.plots results FOLDER``.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from optathlon.spec import RunRecord, Status

COLOURS = {"relu": "tab:blue", "reverse-exponential": "tab:orange", "log-tailed": "tab:green", "clipped-relu": "tab:red"}
DEEP = {"float": "black", "relu-4bit": "tab:blue", "clipped-relu-4bit": "tab:red"}
NETWORKS = {"vgg11-quarter": "VGG-11, quarter width", "resnet20-4-epochs": "ResNet-20"}
NETWORKS |= {"vgg11-200-epochs": "VGG-11", "resnet20-200-epochs": "ResNet-20, whole protocol"}


def draw(runs: Iterable[RunRecord], folder: Path) -> list[Path]:
    """Draw the figures whose records are there; return the files."""
    import matplotlib

    matplotlib.use("Agg")

    mine = [run for run in runs if run.cell.suite == "coarse_gradients" and run.status is Status.OK]
    return [path for path in (_angles(mine, folder / "figure3.2.png"), _norms(mine, folder / "figure3.5.png")) if path]


def by_angle(runs: Sequence[RunRecord], metric: str, estimator: str, kind: str = "") -> dict[int, list[float]]:
    """Return the values of a metric on planes by angle; `kind` is "noise-" for the noisy ones."""
    found = defaultdict(list)
    for run in runs:
        match = re.fullmatch(rf"planes-{kind}(\d+)", run.cell.workload)
        if match and run.cell.method == f"planes-{estimator}":
            found[int(match.group(1))].append(run.scores[metric])
    return dict(sorted(found.items()))


def _angles(runs: Sequence[RunRecord], path: Path) -> Path | None:
    """Draw steps and norms against the angle: one point a batch of starts, a line through their means."""
    from matplotlib import pyplot

    if not by_angle(runs, "steps", "relu"):
        return None
    canvas, axes = pyplot.subplots(1, 2, figsize=(9, 3.8), dpi=100, layout="constrained")
    for axis, metric, label in zip(axes, ("steps", "norm"), ("steps to zero loss, median", "norm of W, median"), strict=True):
        for estimator, colour in COLOURS.items():
            for kind, style in (("", "-"), ("noise-", ":")):
                points = by_angle(runs, metric, estimator, kind)
                if not points:
                    continue
                name = estimator + (", noise .05" if kind else "")
                axis.plot(list(points), [sum(v) / len(v) for v in points.values()], style, color=colour, lw=1, label=name)
                for angle, values in points.items():
                    axis.plot([angle] * len(values), values, ".", color=colour, ms=4)
        axis.set(xlabel="angle of the planes, degrees", ylabel=label, xticks=(15, 30, 45, 60, 75, 90))
        axis.grid(alpha=0.3)
    axes[0].set_yscale("log")
    axes[0].legend(fontsize="x-small")
    canvas.savefig(path)
    pyplot.close(canvas)
    return path


def _norms(runs: Sequence[RunRecord], path: Path) -> Path | None:
    """Draw the norm of the weights against the epoch, a line a run."""
    from matplotlib import pyplot

    shown = [name for name in NETWORKS if any(run.cell.workload == name and run.exhibits for run in runs)]
    if not shown:
        return None
    canvas, axes = pyplot.subplots(1, len(shown), figsize=(4.5 * len(shown), 3.6), dpi=100, layout="constrained", squeeze=False)
    for axis, name in zip(axes[0], shown, strict=True):
        labelled: set[str] = set()
        for run in runs:
            if run.cell.workload == name and run.cell.method in DEEP and "norms" in run.exhibits:
                method = run.cell.method
                label = None if method in labelled else method
                labelled.add(method)
                axis.plot(run.exhibits["norms"], color=DEEP[method], lw=1, label=label)
        axis.set(xlabel="epoch", ylabel="norm of the weights", title=NETWORKS[name])
        axis.legend(fontsize="x-small")
        axis.grid(alpha=0.3)
    canvas.savefig(path)
    pyplot.close(canvas)
    return path


if __name__ == "__main__":
    from optathlon.store import load_runs

    for figure in draw(load_runs(Path(sys.argv[1])), Path(sys.argv[2])):
        print(figure)
