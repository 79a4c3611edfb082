"""The thesis's figures from the records: Fig. 2.4 (iterations and norms), Fig. 2.5 (the picture of the weights), Fig. 2.6.

``python -m optathlon.suites.slow_to_fast.plots results FOLDER`` after ``optathlon run slow_to_fast``. Fig. 2.5 is one run from
given weights and needs no record.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from optathlon.baselines.slow_to_fast import figure_start, plane_grid, train_on_plane
from optathlon.store import finished_runs
from optathlon.suites.slow_to_fast.claims import TABLE, WIDTHS

FRAMES = (0, 20, 60, 120, 180, 100_000)  # the last is where the run ends


def exhibits(results: Path, workload: str, method: str, name: str) -> list[list[float]]:
    """Return what each finished run of a cell shows under a name, by seed."""
    runs = finished_runs(results, "slow_to_fast", workload, method)
    return [run["exhibits"][name] for run in runs if name in run.get("exhibits", {})]


def draw(results: Path, folder: Path) -> list[Path]:
    """Draw every figure whose records are there; return the files."""
    from matplotlib.figure import Figure

    written = []
    for name, fill in (("figure-2.4.png", _iterations), ("figure-2.6.png", _losses), ("figure-2.5.png", _weights)):
        figure = Figure(figsize=(9, 3.8) if name != "figure-2.5.png" else (9, 6.2), dpi=100, layout="constrained")
        if fill(figure, results):
            figure.savefig(folder / name)
            written.append(folder / name)
    return written


def _iterations(figure: Any, results: Path) -> bool:
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    cells = {method: [_pooled(results, f"plane-{width}", method, "steps") for width in WIDTHS] for method in TABLE}
    norms = _pooled(results, "plane-8", "random-start", "largest-norms")
    if not len(norms) or not all(len(steps) for rows in cells.values() for steps in rows):
        return False
    for shift, colour, (method, rows) in zip((-0.4, 0.4), ("tab:blue", "tab:orange"), cells.items(), strict=True):
        boxes = left.boxplot(
            rows, positions=[width + shift for width in WIDTHS], widths=0.7, sym=".", patch_artist=True, manage_ticks=False,
            flierprops={"markersize": 2, "markeredgecolor": colour}, medianprops={"color": "black"},
        )  # fmt: skip
        for box in boxes["boxes"]:
            box.set(facecolor=colour, alpha=0.6)
        published = [TABLE[method][width][0] for width in WIDTHS]
        left.plot(
            [width + shift for width in WIDTHS], published, "x", color="black", label="published mean" if shift < 0 else None
        )
        left.plot([], [], color=colour, lw=6, alpha=0.6, label=method)
    left.set(xlabel="neurons", ylabel="iterations to zero loss", ylim=(0, 1600), xticks=WIDTHS)
    left.legend(fontsize="small")
    right.hist(norms, bins=40, color="tab:blue", alpha=0.7)
    right.set(xlabel="largest Frobenius norm, 8 neurons", ylabel="runs")
    return True


def _pooled(results: Path, workload: str, method: str, name: str) -> np.ndarray:
    shown = exhibits(results, workload, method, name)
    return np.concatenate([np.array(one) for one in shown]) if shown else np.empty(0)


def _losses(figure: Any, results: Path) -> bool:
    curves = exhibits(results, "mnist", "sgd", "losses")
    axes = figure.subplots()
    for losses in curves:
        axes.plot(losses, lw=0.8)
    axes.set(xlabel="iteration", ylabel="batch loss", title="LeNet on MNIST, plain SGD at rate 0.01, a line a seed")
    axes.grid(alpha=0.3)
    return bool(curves)


def _weights(figure: Any, results: Path) -> bool:
    """Draw points x / |x|^2, rho = min(1, relu(f)), and the directions of the positive and the negative neurons."""
    path: dict[int, np.ndarray] = {}
    run = train_on_plane(figure_start(), callback=lambda step, W: path.update({step: W[0]}), callback_every=1)
    X = plane_grid()
    inverted = X / (X**2).sum(axis=1, keepdims=True)
    angles = np.linspace(0, 2 * np.pi, 721)
    circle = np.column_stack((np.cos(angles), np.sin(angles)))
    for axes, frame in zip(figure.subplots(2, 3).ravel(), FRAMES, strict=True):
        step = min(frame, int(run.steps[0]))
        W = path[step]
        hidden = np.maximum(circle @ W.T, 0)
        rho = np.clip(hidden[:, :3].sum(axis=1) - hidden[:, 3:].sum(axis=1), 0, 1)
        axes.plot(*inverted.T, ".", ms=1.2, color="tab:blue")
        axes.plot(*(circle * rho[:, None]).T, "--", color="tab:orange")
        for w, colour in zip(W, ("tab:red",) * 3 + ("tab:green",) * 3, strict=True):
            shown = w / max(np.linalg.norm(w), 1) if colour == "tab:green" else w / np.linalg.norm(w)
            axes.annotate("", xy=shown, xytext=(0, 0), arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.5})
        axes.set(aspect="equal", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), xticks=[], yticks=[], title=f"iteration {step}")
    return True


if __name__ == "__main__":
    for picture in draw(Path(sys.argv[1]), Path(sys.argv[2])):
        print(picture)
