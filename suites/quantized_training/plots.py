"""The thesis's figures from the records: Fig. 4.3 (signs on the teacher problem), Figs. 4.4 and 4.5 (LeNet-5).

``python -m optathlon.suites.quantized_training.plots results FOLDER`` after ``optathlon run quantized_training``, at scale medium
for the last two.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from optathlon.store import finished_runs


def exhibits(results: Path, workload: str, method: str) -> list[dict[str, Any]]:
    """Return what each finished run of a cell shows, by seed."""
    runs = finished_runs(results, "quantized_training", workload, method)
    return [run["exhibits"] for run in runs if run.get("exhibits")]


def draw(results: Path, folder: Path) -> list[Path]:
    """Draw every figure whose records are there; return the files."""
    from matplotlib.figure import Figure

    written = []
    for name, size, fill in (
        ("figure-4.3.png", (10, 5), _teacher_signs),
        ("figure-4.4.png", (10, 5), _filter_signs),
        ("figure-4.5.png", (6, 3.6), _losses),
    ):
        figure = Figure(figsize=size, dpi=100, layout="constrained")
        if fill(figure, results):
            figure.savefig(folder / name)
            written.append(folder / name)
    return written


def _teacher_signs(figure: Any, results: Path) -> bool:
    """Draw four runs of binary weights above four of ternary ones, each with its optimum at the right."""
    axes = figure.subplots(2, 4)
    found = False
    for row, weights in zip(axes, ("binary", "ternary"), strict=True):
        for shown in exhibits(results, "figure-4.3", f"recurrence-{weights}")[:1]:
            found = True
            signs, optima = np.array(shown["signs"]).reshape(8, 100, 8), np.array(shown["optima"]).reshape(8, 8)
            for panel, run, best in zip(row, signs, optima, strict=False):
                columns = np.column_stack([run.T, np.full((8, 2), np.nan), *[best] * 5])
                _signs(panel, columns)
        row[0].set_ylabel(f"{weights}: coordinate")
    for panel in axes[-1]:
        panel.set_xlabel("last 100 iterations | optimum")
    return found


def _filter_signs(figure: Any, results: Path) -> bool:
    """Draw the signs of three filters of the first convolution over the last 200 steps."""
    axes = figure.subplots(2, 3)
    found = False
    for row, method in zip(axes, ("quant-binary", "quant-ternary"), strict=True):
        for shown in [one for one in exhibits(results, "mnist-constant-rate", method) if "signs" in one][:1]:
            found = True
            signs = np.array(shown["signs"]).reshape(-1, 3, 25)
            for panel, block in zip(row, signs.transpose(1, 2, 0), strict=True):
                _signs(panel, block)
        row[0].set_ylabel(f"{method}: weight")
    for panel in axes[-1]:
        panel.set_xlabel("last 200 steps")
    return found


def _losses(figure: Any, results: Path) -> bool:
    axes = figure.subplots()
    found = False
    for method, colour in (("float", "grey"), ("quant-binary", "tab:blue"), ("quant-ternary", "tab:orange")):
        for index, shown in enumerate(exhibits(results, "mnist-constant-rate", method)):
            found = True
            epochs = range(1, len(shown["losses"]) + 1)
            axes.plot(epochs, shown["losses"], marker=".", color=colour, label=method if index == 0 else None)
    axes.set(xlabel="epoch", ylabel="training loss", yscale="log", title="LeNet-5, 20,000 images, constant rate 0.01")
    axes.grid(alpha=0.3, which="both")
    if found:
        axes.legend()
    return found


def _signs(panel: Any, values: np.ndarray) -> None:
    panel.imshow(values, aspect="auto", cmap="RdYlBu_r", vmin=-1, vmax=1, interpolation="nearest")
    panel.set(yticks=[])


if __name__ == "__main__":
    for picture in draw(Path(sys.argv[1]), Path(sys.argv[2])):
        print(picture)
