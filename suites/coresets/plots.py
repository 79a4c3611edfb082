"""The paper's figures from the records: training loss and test error against seconds, a line a strategy.

Run ``python -m optathlon.suites.coresets.plots results digits mnist-10000`` after ``optathlon run coresets``; the pictures
go beside this file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import fill
from typing import Any

from optathlon.store import finished_runs
from optathlon.suites.coresets.suite import SUITE

STRATEGIES = {
    "full": "black",
    "full-fifth": "grey",
    "random": "tab:orange",
    "glister": "tab:green",
    "glister-greedy": "limegreen",
    "craig": "tab:blue",
    "weighted-glister": "tab:purple",
    "weighted-glister-cosine": "orchid",
    "grad-match": "tab:red",
}


def runs_of(results: Path, workload: str, method: str) -> list[dict[str, Any]]:
    """Return the finished runs of a cell whose traces hold the training loss too; a run without a trace has its end as one."""
    finished = finished_runs(results, "coresets", workload, method)
    ends = [[0, run["seconds"], run["scores"]["test-error"], run["scores"]["train-loss"]] for run in finished]
    traced = [{**run, "trace": run.get("trace") or [end]} for run, end in zip(finished, ends, strict=True)]
    return [run for run in traced if len(run["trace"][0]) == 4]


def plot(results: Path, workload: str, folder: Path) -> Path:
    """Draw loss and error of every strategy that has records, the first seed strongly, and return the picture's path."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, 1, figsize=(7, 7), sharex=True, layout="constrained")
    for method, colour in STRATEGIES.items():
        for index, run in enumerate(runs_of(results, workload, method)):
            _, seconds, errors, losses = zip(*run["trace"], strict=True)
            style = {
                "color": colour,
                "marker": ".",
                "markersize": 3,
                "alpha": 1.0 if index == 0 else 0.3,
                "linewidth": 1.5 if index == 0 else 0.8,
            }
            above.plot(seconds, losses, **style, label=method if index == 0 else None)
            below.plot(seconds, errors, **style)
    above.set(yscale="log", ylabel="training loss, all samples", title=fill(SUITE.workload(workload).description, 70))
    below.set(xscale="log", yscale="log", xlabel="seconds, selections included", ylabel="test error (1 - accuracy)")
    above.legend(fontsize="small", ncols=2)
    for axes in (above, below):
        axes.grid(alpha=0.3)
    path = folder / f"{workload}.png"
    figure.savefig(path, dpi=80)
    pyplot.close(figure)
    return path


if __name__ == "__main__":
    for name in sys.argv[2:]:
        print(plot(Path(sys.argv[1]), name, Path(__file__).parent))
