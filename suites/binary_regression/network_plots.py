"""Fig. 4 drawn anew: how the weights of every layer become binary.

Run ``python -m optathlon.suites.binary_regression.network_plots``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from optathlon.spec import Context
from optathlon.suites.binary_regression.networks import NETWORK_METHODS, NETWORK_WORKLOADS, NetworkAnswer

FILE = Path(__file__).parent / "figure4.png"


def train(workload: str, seed: int = 0) -> NetworkAnswer:
    """Return MAXIMIN's answer on a workload."""
    (chosen,) = (entry for entry in NETWORK_WORKLOADS if entry.name == workload)
    problem = chosen.make(np.random.default_rng([seed, 0]), "cpu")
    (maximin,) = (method for method in NETWORK_METHODS if method.name == "network-maximin")
    return maximin.run(problem, Context(rng=np.random.default_rng([seed, 1]), seed=seed), **maximin.settings)


def draw(answer: NetworkAnswer, file: Path = FILE) -> None:
    """Draw, for each layer, the share of weights within 0.1 of -1 or +1 along the run."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shapes = [tuple(p.shape) for p in answer.module.parameters() if p.ndim >= 2]
    figure, axes = pyplot.subplots(figsize=(6.4, 3.6), dpi=110, layout="constrained")
    colours = pyplot.colormaps["viridis"](np.linspace(0.0, 0.9, len(shapes)))
    for number, (shape, share, colour) in enumerate(zip(shapes, answer.shares.T[1:], colours, strict=True), start=1):
        kind = f"{shape[0]}C{shape[-1]}" if len(shape) == 4 else f"{shape[0]}FC"
        axes.plot(answer.shares[:, 0], share, color=colour, label=f"layer {number}, {kind}")
    axes.axvline(0.9, color="0.6", linewidth=0.8, linestyle=":")
    axes.annotate("signs fixed", (0.895, 0.03), ha="right", color="0.4", fontsize=8)
    axes.set(xlabel="share of the run", ylabel="share of weights within 0.1 of ±1", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(fontsize=8, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file)
    pyplot.close(figure)


if __name__ == "__main__":
    draw(train(sys.argv[1] if len(sys.argv) > 1 else "mnist-convolutional-20000"))
