"""Draw the suite's figures from its records: gradient norm against calls, performance profile, residual against steps.

``python -m optathlon.suites.acceleration.plots results`` after ``optathlon run acceleration``; the PNG files go beside the
README, in ``figures``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optathlon.store import finished_runs

HERE = Path(__file__).parent / "figures"
Runs = Mapping[str, Mapping[str, list[Mapping[str, Any]]]]  # workload, method: finished runs by seed

DESCENTS = ("chain-60", "chain-200", "robust", "phase", "cancer", "near-saddle")
TRAININGS = ("relu-50x20", "relu-20x20-common", "linear-2-100", "linear-8-100")
PROFILED = ("chain-60", "chain-200", "robust", "phase", "near-saddle", "at-saddle", "cancer")
STYLES = {
    "gradient-descent": ("tab:blue", "-"),
    "heavy-ball-0.9": ("tab:cyan", "-"),
    "heavy-ball-0.97-restart": ("tab:cyan", "--"),
    "nesterov": ("tab:green", "-"),
    "nesterov-restart": ("tab:green", "--"),
    "adaptive": ("tab:olive", "-"),
    "carmon": ("tab:red", "-"),
    "carmon-l2-0.1": ("tab:red", "--"),
    "convex-until-guilty": ("tab:orange", "-"),
    "restarted-agd": ("tab:pink", "-"),
    "perturbed-agd": ("tab:purple", "-"),
    "cubic-newton": ("tab:brown", "-"),
    "lbfgs": ("tab:gray", "-"),
    "newton-cg": ("tab:gray", "--"),
    "trust-krylov": ("tab:gray", ":"),
    "second-order": ("black", "-"),
}
MOMENTA = {
    "descent": ("tab:blue", "-"),
    "polyak-proved": ("tab:red", "-"),
    "polyak-printed": ("tab:orange", "--"),
    "polyak-tuned": ("black", "-"),
}


def read(results: Path) -> Runs:
    """Return the finished runs of what is drawn."""
    cells = [(name, STYLES) for name in {*DESCENTS, *PROFILED}] + [(name, MOMENTA) for name in TRAININGS]
    found = {name: {method: finished_runs(results, "acceleration", name, method) for method in styles} for name, styles in cells}
    kept = {name: {method: runs for method, runs in cell.items() if runs} for name, cell in found.items()}
    return {name: cell for name, cell in kept.items() if cell}


def draw_curves(
    runs: Runs, workloads: Sequence[str], styles: Mapping[str, tuple[str, str]], x: str, y: str, path: Path, *, log_x: bool = True
) -> None:
    """Draw one panel per workload, seed 0, every method that kept a curve."""
    plt = _pyplot()
    figure, axes = plt.subplots(2, -(-len(workloads) // 2), figsize=(4 * -(-len(workloads) // 2), 6), layout="constrained")
    for axis, workload in zip(axes.flat, workloads, strict=False):
        for method, (colour, line) in styles.items():
            for run in runs.get(workload, {}).get(method, [])[:1]:
                kept = run["exhibits"]
                axis.plot(kept[x], kept[y], color=colour, ls=line, lw=1.8 if colour == "black" else 1, label=method)
        axis.set(yscale="log", xlabel=f"{x} (seed 0)", ylabel=y, title=workload)
        axis.set_xscale("log" if log_x else "linear")
        axis.grid(alpha=0.3)
    handles = {label: line for axis in axes.flat for line, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=min(8, len(handles)), fontsize="small")
    _save(plt, figure, path)


def profile(runs: Runs, workloads: Sequence[str] = PROFILED) -> dict[str, np.ndarray]:
    """Return per method the sorted ratios of its calls to the fewest of any method, infinite where nothing was reached.

    Every (workload, seed) counts once.
    """
    ratios: dict[str, list[float]] = {method: [] for method in STYLES}
    for workload in workloads:
        cells = runs.get(workload, {})
        seeds = sorted({run["seed"] for found in cells.values() for run in found})
        for seed in seeds:
            calls = {
                method: run["scores"]["calls"] if run["scores"]["reached"] else np.inf
                for method, found in cells.items()
                for run in found
                if run["seed"] == seed and "calls" in run["scores"] and method in STYLES
            }
            best = min(calls.values(), default=np.inf)
            for method in STYLES:
                ratios[method].append(calls.get(method, np.inf) / best if np.isfinite(best) else np.inf)
    return {method: np.sort(values) for method, values in ratios.items()}


def draw_profile(runs: Runs, path: Path) -> None:
    """Draw the share of runs that a method solves within a factor of the fewest calls."""
    plt = _pyplot()
    figure, axis = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for method, ratios in profile(runs).items():
        colour, line = STYLES[method]
        inside = ratios[np.isfinite(ratios)]
        xs, ys = np.concatenate([inside, [1e4]]), np.arange(1, len(inside) + 1) / max(1, len(ratios))
        axis.step(xs, np.append(ys, ys[-1] if len(ys) else 0), where="post", color=colour, ls=line, label=method)
    axis.set(xscale="log", xlim=(1, 1e4), ylim=(0, 1.02), xlabel="calls over the fewest", ylabel="share of runs solved")
    figure.legend(fontsize="x-small", ncols=1, loc="outside right upper")
    axis.grid(alpha=0.3)
    _save(plt, figure, path)


def main(results: Path, out: Path = HERE) -> None:
    """Draw everything that the records hold."""
    runs = read(results)
    out.mkdir(parents=True, exist_ok=True)
    if any(name in runs for name in DESCENTS):
        draw_curves(runs, DESCENTS, STYLES, "calls", "gradient-norm", out / "calls.png")
        draw_profile(runs, out / "profile.png")
    if any(name in runs for name in TRAININGS):
        draw_curves(runs, TRAININGS, MOMENTA, "step", "residual", out / "momentum.png", log_x=False)


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def _save(plt: Any, figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=90)
    plt.close(figure)
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
