"""The suite's figures, drawn from the leaderboard's rows: loss against neurons with the bounds, seconds against features.

``optathlon leaderboard --format json > rows.json``, then
``python -m optathlon.suites.quantized_networks.plots rows.json FOLDER``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Rows = Iterable[Mapping[str, Any]]

CURVES = {
    "algorithm-1": ("tab:blue", "o"),
    "ptq": ("tab:red", "s"),
    "ptq-compensated": ("tab:orange", "v"),
    "straight-through": ("tab:purple", "D"),
    "random-flips": ("grey", "^"),
    "algorithm-1-flips": ("tab:green", "o"),
}
SOLVERS = {"sdp": ("tab:blue", "o"), "sdp-scs": ("tab:red", "s"), "sdp-clarabel": ("tab:orange", "v")}
_PREFERRED = ("paper-planted-100x20", "planted-100x20")


def curve(rows: Rows, workload: str, metric: str, method: str) -> list[tuple[int, float]]:
    """Return the sorted (neurons, value) of a method's widths."""
    points = {}
    for row in rows:
        match = re.fullmatch(re.escape(method) + r"-m(\d+)", row["method"])
        if match and row["workload"] == workload and row["metric"] == metric:
            points[int(match[1])] = row["value"]
    return sorted(points.items())


def seconds(rows: Rows, kind: str, n: int, method: str) -> list[tuple[int, float]]:
    """Return the sorted (features, CPU seconds) of a solver for one number of samples."""
    points = {}
    for row in rows:
        match = re.fullmatch(rf"size-{n}x(\d+)-{kind}", row["workload"])
        if match and row["method"] == method and row["metric"] == "proved-gap":
            points[int(match[1])] = row["cpu_seconds"]
    return sorted(points.items())


def draw(rows: Rows, folder: Path) -> list[Path]:
    """Draw every figure whose rows are there; return the files."""
    import matplotlib

    matplotlib.use("Agg")

    scored = [row for row in rows if row["suite"] == "quantized_networks" and row["status"] == "ok" and row["value"] is not None]
    return [path for path in (_losses(scored, folder / "losses.png"), _seconds(scored, folder / "seconds.png")) if path]


def _losses(rows: list[Mapping[str, Any]], path: Path) -> Path | None:
    from matplotlib import pyplot

    workload = next((name for name in _PREFERRED if any(row["workload"] == name for row in rows)), None)
    if workload is None:
        return None
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 4), dpi=100, layout="constrained")
    for axis, metric in zip(axes, ("train-loss", "test-loss"), strict=True):
        for method, (colour, marker) in CURVES.items():
            points = curve(rows, workload, metric, method)
            if points:
                axis.plot(*zip(*points, strict=True), color=colour, marker=marker, markersize=4, linewidth=1, label=method)
        for row in rows:
            if row["workload"] == workload and row["metric"] == metric and row["method"] == "sdp" and row["value"] > 1e-12:
                axis.axhline(row["value"], color="black", linewidth=1, linestyle="--", label="the relaxation itself")
        axis.set(xscale="log", yscale="log", xlabel="neurons m", ylabel=f"{metric} / that of f = 0", title=workload)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize="small", loc="lower left")
    figure.savefig(path)
    pyplot.close(figure)
    return path


def _seconds(rows: list[Mapping[str, Any]], path: Path) -> Path | None:
    from matplotlib import pyplot

    sizes = sorted({int(match[1]) for row in rows if (match := re.match(r"size-(\d+)x", row["workload"]))})
    if not sizes:
        return None
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 4), dpi=100, layout="constrained")
    for axis, kind in zip(axes, ("noise", "hinge"), strict=True):
        for n, style in zip(sizes, ("-", "--", ":"), strict=False):
            for method, (colour, marker) in SOLVERS.items():
                points = seconds(rows, kind, n, method)
                if points:
                    label = f"{method}, n = {n}"
                    axis.plot(*zip(*points, strict=True), style, color=colour, marker=marker, markersize=4, label=label)
        axis.set(yscale="log", xlabel="features d", ylabel="CPU seconds", title=f"(22), {kind}")
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize="small")
    figure.savefig(path)
    pyplot.close(figure)
    return path


if __name__ == "__main__":
    for written in draw(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])):
        print(written)
