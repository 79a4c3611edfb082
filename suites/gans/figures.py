"""Draw the figures of the README from the records: grids of generated pictures, loss curves, mixtures and games.

``python -m optathlon.suites.gans.figures results`` after ``optathlon run gans``; the PNG files go beside the README, in
``figures``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optathlon.store import finished_runs
from optathlon.suites.gans.exhibits import LOSSES, SIDE, decoded
from optathlon.suites.gans.suite import SUITE

HERE = Path(__file__).parent / "figures"
SEED = 0
LABELS = {
    "adam": "Adam",
    "adam-x3": "Adam, 3 x rate",
    "oadam": "OAdam",
    "adam-nm": "Adam, beta1 = -.5",
    "sgd": "SGD, momentum .9",
    "sgd-nm": "SGD, momentum -.5",
    "consensus-0.01": "consensus, gamma .01",
    "consensus-0.1": "consensus, gamma .1",
    "adam-simultaneous": "Adam, simultaneous",
    "real-images": "real, held out",
}
RING = ("sgd", "sgd-nm", "adam-simultaneous", "consensus-0.1")
DIGITS = ("adam", "adam-x3", "oadam", "adam-nm", "sgd", "real-images")
TABLE_1 = ("adam", "oadam", "adam-nm", "sgd", "sgd-nm")
STEPS = ("gda-0.1", "gda-alternating-0.5", "momentum-0.9-simultaneous-0.5", "momentum-0.5-alternating-0.5", "ogda-0.5")
STEPS = (*STEPS, "extragradient-0.5", "consensus-1-0.5")
ADAPTIVE = ("game-adam", "game-adam-nm", "game-adam-nm-alternating", "game-oadam", "game-oadam-beta1-0")


def run_of(results: Path, workload: str, method: str) -> dict[str, Any] | None:
    """Return the drawn seed's finished run of a cell, None where the records have none."""
    return next((run for run in finished_runs(results, SUITE.name, workload, method) if run["seed"] == SEED), None)


def runs_of(results: Path, workload: str, methods: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the drawn seed's run of every method that has one."""
    runs = {method: run_of(results, workload, method) for method in methods}
    for method in sorted(method for method, run in runs.items() if run is None):
        print(f"{workload} {method}: no finished run")
    return {method: run for method, run in runs.items() if run is not None}


def draw_pictures(workload: str, methods: Sequence[str], results: Path, out: Path) -> None:
    """Draw a grid of pictures per method, with its score, and the loss curves beside one another."""
    plt = _pyplot()
    runs = runs_of(results, workload, methods)
    rows = SIDE // 2
    figure, axes = plt.subplots(1, len(runs), figsize=(1.35 * len(runs), 0.95), squeeze=False)
    for axis, (method, run) in zip(axes[0], runs.items(), strict=True):
        grid = decoded(run["exhibits"]["samples.png"])
        axis.imshow(grid[: rows * (grid.shape[0] + 1) // SIDE - 1], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_axis_off()
        axis.set_title(f"{LABELS[method]}\n{run['scores']['inception-score']:.2f}", fontsize=6)
    figure.subplots_adjust(left=0, right=1, top=0.9, bottom=0, wspace=0.04)
    _save(figure, out / f"{workload}.png")

    trained = {method: run["exhibits"] for method, run in runs.items() if "generator-loss" in run["exhibits"]}
    figure, axes = plt.subplots(1, len(trained), figsize=(1.75 * len(trained), 1.6), squeeze=False)
    for axis, (method, shown) in zip(axes[0], trained.items(), strict=True):
        for name, losses in (("D", shown["discriminator-loss"]), ("G", shown["generator-loss"])):
            axis.plot(np.linspace(0, 1, len(losses)), losses, lw=0.8, label=name)
        axis.set_title(LABELS[method], fontsize=7)
        axis.tick_params(labelsize=6)
    axes[0, 0].legend(fontsize=6, frameon=False)
    axes[0, 0].set_ylabel("loss", fontsize=6)
    figure.supxlabel(f"share of the steps, a point the mean of one {LOSSES}th", fontsize=6)
    figure.tight_layout(pad=0.4, w_pad=0.8)
    _save(figure, out / f"{workload}-losses.png")


def draw_mixture(workload: str, methods: Sequence[str], results: Path, out: Path) -> None:
    """Draw what each method's generator makes of a mixture."""
    plt = _pyplot()
    runs = runs_of(results, workload, methods)
    centres = SUITE.workload(workload).make(np.random.default_rng(SEED), "cpu").centres
    figure, axes = plt.subplots(1, len(runs), figsize=(1.6 * len(runs), 1.95), squeeze=False)
    reach = 1.3 * np.abs(centres).max()
    for axis, (method, run) in zip(axes[0], runs.items(), strict=True):
        axis.scatter(run["exhibits"]["x"], run["exhibits"]["y"], s=1, lw=0, alpha=0.7)
        axis.scatter(*centres.T, s=18, marker="x", c="black", lw=0.5)
        modes, share = (run["scores"][name] for name in ("modes-covered", "high-quality-share"))
        axis.set_title(f"{LABELS[method]}\n{modes:.0f} modes, {share:.2f} good", fontsize=6)
        axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    figure.tight_layout(pad=0.3)
    _save(figure, out / f"{workload}.png")


def draw_games(results: Path, out: Path) -> None:
    """Draw the distance to the equilibrium of the bilinear game: the first steps of the linear methods, all of Adam's family."""
    plt = _pyplot()
    figure, (first, all_steps) = plt.subplots(1, 2, figsize=(7.4, 2.6))
    for method, run in runs_of(results, "bilinear", STEPS).items():
        first.semilogy(run["exhibits"]["distance"], lw=0.9, label=method)
    for method, run in runs_of(results, "bilinear", ADAPTIVE).items():
        steps, _, gaps = zip(*run["trace"], strict=True)
        all_steps.semilogy(steps, np.maximum(gaps, 1e-12) * np.sqrt(2), lw=0.9, label=method)
    for axis in (first, all_steps):
        axis.set_xlabel("iterations", fontsize=7)
        axis.set_ylim(1e-8, 1e6)
        axis.tick_params(labelsize=6)
        axis.legend(fontsize=5, frameon=False, loc="upper left", ncols=2)
    first.set_ylabel("distance to the equilibrium", fontsize=7)
    figure.tight_layout(pad=0.4)
    _save(figure, out / "bilinear.png")


FIGURES: dict[str, Callable[[Path, Path], None]] = {
    "bilinear": draw_games,
    "digits-gan": lambda results, out: draw_pictures("digits-gan", DIGITS, results, out),
    "ring-small": lambda results, out: draw_mixture("ring-small", RING, results, out),
    "grid-25": lambda results, out: draw_mixture("grid-25", ("adam", "adam-nm", "consensus-0.1"), results, out),
    "mnist14-gan": lambda results, out: draw_pictures("mnist14-gan", (*TABLE_1, "consensus-0.01", "real-images"), results, out),
    "mnist14-dcgan": lambda results, out: draw_pictures("mnist14-dcgan", (*TABLE_1, "consensus-0.01"), results, out),
    "mnist14-wgan": lambda results, out: draw_pictures("mnist14-wgan", TABLE_1, results, out),
    "mnist14-wgan-gp": lambda results, out: draw_pictures("mnist14-wgan-gp", ("adam", "oadam", "adam-nm"), results, out),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the chosen figures, all by default."""
    parser = argparse.ArgumentParser(prog="python -m optathlon.suites.gans.figures", description=main.__doc__)
    parser.add_argument("results", type=Path, help="folder of records")
    parser.add_argument("names", nargs="*", metavar="figure", help=f"of {', '.join(FIGURES)}")
    parser.add_argument("--out", type=Path, default=HERE, help="where to write")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(FIGURES))
    if unknown:
        parser.error(f"no figure is called {', '.join(unknown)}")
    chosen.out.mkdir(parents=True, exist_ok=True)
    for name in chosen.names or FIGURES:
        FIGURES[name](chosen.results, chosen.out)


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    return plt


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=130, bbox_inches="tight", pad_inches=0.03)
    _pyplot().close(figure)
    print(f"{path} ({path.stat().st_size // 1000} kB)")


if __name__ == "__main__":
    main()
