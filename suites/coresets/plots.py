"""The paper's figures: training loss and test error against seconds, one line a strategy.

Run ``python -m suites.coresets.plots mnist-10000 [digits ...]`` with one thread (``OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1``).
Each strategy is trained once, from seed 0; records keep only the trace of the test error, hence the loss is measured here.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from optathlon.spec import Context, Method

from suites.coresets.metrics import test_error, train_loss
from suites.coresets.problem import Classification
from suites.coresets.suite import SUITE

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


class Curve(NamedTuple):
    """Figures after each epoch, the clock standing still while they are taken."""

    seconds: list[float]
    loss: list[float]
    error: list[float]


def trained(problem: Classification, method: Method) -> Curve:
    """Train once and return the curve over the CPU seconds of the method alone."""
    curve, looked = Curve([], [], []), 0.0
    start = time.process_time()

    def observe(step: int, answer: object) -> None:
        nonlocal looked
        now = time.process_time()
        curve.seconds.append(now - start - looked)
        curve.loss.append(train_loss(problem, answer))  # pyright: ignore[reportArgumentType]
        curve.error.append(test_error(problem, answer))  # pyright: ignore[reportArgumentType]
        looked += time.process_time() - now

    method.run(problem, Context(rng=np.random.default_rng(0), observe=observe))
    return curve


def plot(workload_name: str, folder: Path) -> Path:
    """Draw loss and error of every strategy that takes part in a workload, and return the picture's path."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    workload = SUITE.workload(workload_name)
    problem = workload.make(np.random.default_rng(0), "cpu")
    names = [name for name in STRATEGIES if workload.methods == ("*",) or name in workload.methods]
    if warm_up := SUITE.method(names[0]).warm_up:
        warm_up()
    figure, (above, below) = pyplot.subplots(2, 1, figsize=(7, 7), sharex=True, layout="constrained")
    for name in names:
        curve = trained(problem, SUITE.method(name))
        above.plot(curve.seconds, curve.loss, color=STRATEGIES[name], label=name, marker=".", markersize=4)
        below.plot(curve.seconds, curve.error, color=STRATEGIES[name], marker=".", markersize=4)
        print(f"{name:24s} {curve.seconds[-1]:6.2f} s  loss {curve.loss[-1]:.4f}  error {curve.error[-1]:.4f}", flush=True)
    above.set(yscale="log", ylabel="training loss, all samples", title=workload.description)
    below.set(xscale="log", yscale="log", xlabel="CPU seconds, selections included", ylabel="test error (1 - accuracy)")
    above.legend(fontsize="small", ncols=2)
    for axes in (above, below):
        axes.grid(alpha=0.3)
    path = folder / f"{workload_name}.png"
    figure.savefig(path, dpi=80)
    return path


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(plot(argument, Path(__file__).parent))
