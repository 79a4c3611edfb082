"""The suite's figures, drawn from its records: loss against neurons, seconds against features, proved gap against seconds.

``python -m optathlon.suites.quantized_networks.plots results`` after ``optathlon run quantized_networks``; the pictures go beside
this file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import mean, median
from typing import Any

from optathlon.store import finished_runs

SUITE = "quantized_networks"
CURVES = {
    "algorithm-1": ("tab:blue", "o"),
    "ptq": ("tab:red", "s"),
    "ptq-compensated": ("tab:orange", "v"),
    "straight-through": ("tab:purple", "D"),
    "random-flips": ("grey", "^"),
    "algorithm-1-flips": ("tab:green", "o"),
}
SOLVERS = {"sdp": ("tab:blue", "o"), "sdp-scs": ("tab:red", "s"), "sdp-clarabel": ("tab:orange", "v")}
NEURONS = (10, 30, 100, 300, 1000, 3000, 20000)
SAMPLES, FEATURES = (100, 1000, 5000), (20, 40, 80)
_PREFERRED = ("paper-planted-100x20", "planted-100x20")
_LEAST = 1e-10  # smaller gaps are drawn here


def curve(results: Path, workload: str, metric: str, method: str) -> list[tuple[int, float]]:
    """Return the (neurons, mean value) of a method's widths."""
    cells = {m: finished_runs(results, SUITE, workload, f"{method}-m{m}") for m in NEURONS}
    return [(m, mean(run["scores"][metric] for run in runs)) for m, runs in cells.items() if runs]


def seconds(results: Path, kind: str, n: int, method: str) -> list[tuple[int, float]]:
    """Return the (features, median CPU seconds) of a solver for one number of samples."""
    cells = {d: finished_runs(results, SUITE, f"size-{n}x{d}-{kind}", method) for d in FEATURES}
    return [(d, median(run["cpu_seconds"] for run in runs)) for d, runs in cells.items() if runs]


def gaps(results: Path, kind: str, n: int, d: int) -> tuple[list[float], list[float]]:
    """Return the seconds and proved gaps on the way of the default solver's first run."""
    runs = finished_runs(results, SUITE, f"size-{n}x{d}-{kind}", "sdp")
    points = [(point[1], max(point[2], _LEAST)) for point in runs[0].get("trace", ())] if runs else []
    return [point[0] for point in points], [point[1] for point in points]


def draw(results: Path, folder: Path) -> list[Path]:
    """Draw every figure whose records are there; return the files."""
    import matplotlib

    matplotlib.use("Agg")
    drawn = (
        _losses(results, folder / "losses.png"),
        _seconds(results, folder / "seconds.png"),
        _gaps(results, folder / "gaps.png"),
    )
    return [path for path in drawn if path]


def _losses(results: Path, path: Path) -> Path | None:
    workload = next((name for name in _PREFERRED if finished_runs(results, SUITE, name, "sdp-printed")), None)
    if workload is None:
        return None
    figure, axes = _panels()
    for axis, metric in zip(axes, ("train-loss", "test-loss"), strict=True):
        for method, (colour, marker) in CURVES.items():
            points = curve(results, workload, metric, method)
            if points:
                axis.plot(*zip(*points, strict=True), color=colour, marker=marker, markersize=4, linewidth=1, label=method)
        of_relaxation = mean(run["scores"][metric] for run in finished_runs(results, SUITE, workload, "sdp-printed"))
        if of_relaxation > 1e-12:
            axis.axhline(of_relaxation, color="black", linewidth=1, linestyle="--", label="the relaxation itself")
        axis.set(xscale="log", yscale="log", xlabel="neurons m", ylabel=f"{metric} / that of f = 0", title=workload)
    return _saved(figure, axes, path)


def _seconds(results: Path, path: Path) -> Path | None:
    figure, axes = _panels()
    for axis, kind in zip(axes, ("noise", "hinge"), strict=True):
        for n, style in zip(SAMPLES, ("-", "--", ":"), strict=True):
            for method, (colour, marker) in SOLVERS.items():
                points = seconds(results, kind, n, method)
                if points:
                    label = f"{method}, n = {n}"
                    axis.plot(*zip(*points, strict=True), style, color=colour, marker=marker, markersize=4, label=label)
        axis.set(yscale="log", xlabel="features d", ylabel="CPU seconds", title=f"(22), {kind}")
    return _saved(figure, axes, path)


def _gaps(results: Path, path: Path) -> Path | None:
    figure, axes = _panels()
    for axis, kind in zip(axes, ("noise", "hinge"), strict=True):
        for n, style in zip(SAMPLES, ("-", "--", ":"), strict=True):
            for d, colour in zip(FEATURES, ("tab:blue", "tab:green", "tab:red"), strict=True):
                points = gaps(results, kind, n, d)
                if points[0]:
                    axis.plot(*points, style, color=colour, marker=".", label=f"{n} x {d}")
        axis.axhline(1e-6, color="black", linewidth=0.8, linestyle="--")
        axis.set(xscale="log", yscale="log", xlabel="seconds", ylabel="proved gap", title=f"(22), {kind}")
    return _saved(figure, axes, path)


def _panels() -> tuple[Any, Any]:
    from matplotlib import pyplot

    return pyplot.subplots(1, 2, figsize=(9, 4), dpi=100, layout="constrained")


def _saved(figure: Any, axes: Any, path: Path) -> Path | None:
    """Save a figure with lines; None where no panel has any."""
    from matplotlib import pyplot

    found = [axis for axis in axes if axis.get_legend_handles_labels()[1]]
    for axis in axes:
        axis.grid(alpha=0.3)
    if found:
        figure.legend(*found[0].get_legend_handles_labels(), loc="outside right center", fontsize="small")
        figure.savefig(path)
    pyplot.close(figure)
    return path if found else None


if __name__ == "__main__":
    for written in draw(Path(sys.argv[1]), Path(__file__).parent):
        print(written)
