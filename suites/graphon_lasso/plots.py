"""Error against the number of signals, and certified gap against seconds, from the records.

Run ``python -m optathlon.suites.graphon_lasso.plots results`` after ``optathlon run graphon_lasso``; the pictures go beside this
file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from optathlon.store import finished_runs

SIGNALS = (15, 60, 300, 1000)
ESTIMATES = {
    "convex": ("black", "-"),
    "graphon": ("tab:red", "-"),
    "graphon-latent": ("tab:orange", "-"),
    "other-graph": ("tab:purple", "-"),
    "fitted-graphon": ("tab:green", "-"),
    "true-spectrum": ("tab:pink", "--"),
    "sklearn": ("tab:blue", "-"),
    "mm-convex": ("black", ":"),
    "mm-graphon": ("tab:red", ":"),
}
SOLVERS = {
    "convex": ("black", "-"),
    "admm-convex": ("tab:green", "-"),
    "lbfgs-convex": ("tab:blue", "-"),
    "fista-convex": ("tab:orange", "-"),
    "mm-convex": ("grey", "-"),
    "graphon": ("tab:red", "--"),
    "lbfgs-graphon": ("tab:blue", "--"),
    "mm-graphon": ("grey", "--"),
}
_LEAST = 1e-9  # smaller gaps are drawn here


def plot_errors(results: Path, folder: Path) -> Path:
    """Draw the mean relative error against the number of signals, with twice its standard error; return the path."""
    figure, axes = _figure()
    for method, (colour, style) in ESTIMATES.items():
        points = []
        for n_samples in SIGNALS:
            errors = [
                run["scores"]["relative-error"]
                for run in finished_runs(results, "graphon_lasso", f"squares-30-n{n_samples}", method)
            ]
            if len(errors) > 1:
                points.append((n_samples, np.mean(errors), 2 * np.std(errors, ddof=1) / np.sqrt(len(errors))))
        if points:
            n_samples, means, spread = zip(*points, strict=True)
            axes.errorbar(n_samples, means, yerr=spread, color=colour, linestyle=style, label=method, capsize=2, linewidth=1.2)
    axes.set(
        xscale="log", yscale="log", xlabel="signals of 30 nodes", ylabel="relative error", title="Fig. 2, solved and unfinished"
    )
    return _save(figure, axes, folder / "error-against-signals.png")


def plot_gaps(results: Path, workload: str, folder: Path) -> Path:
    """Draw the certified gap against seconds for every solver, the first seed; return the path."""
    figure, axes = _figure()
    for method, (colour, style) in SOLVERS.items():
        runs = finished_runs(results, "graphon_lasso", workload, method)
        if runs and runs[0].get("trace"):
            _, seconds, gaps, *_ = zip(*runs[0]["trace"], strict=True)
            seconds, gaps = (*seconds, runs[0]["seconds"]), (*gaps, runs[0]["scores"]["certified-gap"])
            axes.plot(seconds, np.maximum(gaps, _LEAST), color=colour, linestyle=style, label=method, linewidth=1.2)
    title = f"{workload}: solid without a prior, dashed with (gamma = 0.1)"
    axes.set(xscale="log", yscale="log", xlabel="seconds", ylabel="certified gap, relative", title=title)
    return _save(figure, axes, folder / f"gap-{workload}.png")


def _figure() -> tuple[Any, Any]:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    return pyplot.subplots(figsize=(7, 4.5), layout="constrained")


def _save(figure: Any, axes: Any, path: Path) -> Path:
    from matplotlib import pyplot

    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", ncols=2)
    figure.savefig(path, dpi=80)
    pyplot.close(figure)
    return path


if __name__ == "__main__":
    here = Path(__file__).parent
    print(plot_errors(Path(sys.argv[1]), here))
    for name in ("solve-30", "solve-100"):
        print(plot_gaps(Path(sys.argv[1]), name, here))
