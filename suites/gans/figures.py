"""Draw the figures of the README: grids of generated pictures, loss curves, mixtures and games.

``python -m suites.gans.figures --results results`` runs the drawn cells again from their seeds, checks each against its record
where there is one, and writes small PNG files beside the README. Same seed and machine, same pictures to the last bit.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from optathlon.spec import Context, Diverged

from suites.gans.problem import Mixture, Pictures, Samples
from suites.gans.suite import SUITE

HERE = Path(__file__).parent / "figures"
SEED = 0
LABELS = {
    "adam": "Adam",
    "oadam": "OAdam",
    "adam-nm": "Adam, beta1 = -.5",
    "sgd": "SGD, momentum .9",
    "sgd-nm": "SGD, momentum -.5",
    "consensus-0.01": "consensus, gamma .01",
    "consensus-0.1": "consensus, gamma .1",
    "adam-simultaneous": "Adam, simultaneous",
    "real-images": "real, held out",
}
RING = ("adam", "adam-nm", "adam-simultaneous", "consensus-0.1")
TABLE_1 = ("adam", "oadam", "adam-nm", "sgd", "sgd-nm")


def solve(workload: str, method: str) -> tuple[Any, Any]:
    """Return the problem and the answer of a cell, from the same random streams as its recorded run."""
    instance, stream = (np.random.default_rng(np.random.SeedSequence(SEED, spawn_key=(branch,))) for branch in (0, 1))
    problem = SUITE.workload(workload).make(instance, "cpu")
    context = Context(rng=stream, seed=int(stream.integers(2**31)))
    return problem, SUITE.method(method).run(problem, context)


def recorded_gap(results: Path, workload: str, method: str) -> float | None:
    """Return the gap that a record holds for the drawn seed, if there is one."""
    import json

    for path in sorted((results / "records").glob(f"*/{SUITE.name}/{workload}/*.json")):
        document = json.loads(path.read_text())
        if document["cell"]["method"] == method:
            for run in document["runs"]:
                if run["seed"] == SEED and "gap" in run["scores"]:
                    return run["scores"]["gap"]
    return None


def draw_pictures(workload: str, methods: Sequence[str], results: Path, out: Path) -> None:
    """Draw one row of pictures per method, with its score, and the loss curves below one another."""
    plt = _pyplot()
    answers: dict[str, Samples] = {}
    titles = {}
    for method in methods:
        try:
            problem, answer = solve(workload, method)
        except Diverged as reason:
            print(f"{workload} {method}: {reason}")
            continue
        assert isinstance(problem, Pictures)
        answers[method] = answer
        marks = problem.judge.marks(answer.samples)
        titles[method] = f"{LABELS[method]}\n{marks.inception_score:.2f}"
        _compare(results, workload, method, SUITE.metrics[0].evaluate(problem, answer))  # type: ignore[misc]
    n_columns, size = 14, next(iter(answers.values())).samples.shape[-1]
    figure, axes = plt.subplots(len(answers), 1, figsize=(7.4, 0.52 * len(answers)), squeeze=False)
    for axis, (method, answer) in zip(axes[:, 0], answers.items(), strict=True):
        strip = np.concatenate(list(np.pad(answer.samples[:n_columns, 0], ((0, 0), (0, 0), (0, 1)), constant_values=-1)), axis=1)
        axis.imshow(strip, cmap="gray", vmin=-1, vmax=1, interpolation="nearest", aspect="equal")
        axis.set_axis_off()
        axis.text(-size * 0.25, size / 2, titles[method], ha="right", va="center", fontsize=7)
    figure.subplots_adjust(left=0.2, right=0.995, top=0.995, bottom=0.005, hspace=0.06)
    _save(figure, out / f"{workload}.png")

    trained = {method: answer for method, answer in answers.items() if len(answer.generator_loss)}
    figure, axes = plt.subplots(1, len(trained), figsize=(1.75 * len(trained), 1.6), squeeze=False)
    for axis, (method, answer) in zip(axes[0], trained.items(), strict=True):
        for name, losses in (("D", answer.discriminator_loss), ("G", answer.generator_loss)):
            axis.plot(_smoothed(losses), lw=0.8, label=name)
        axis.set_title(LABELS[method], fontsize=7)
        axis.tick_params(labelsize=6)
    axes[0, 0].legend(fontsize=6, frameon=False)
    axes[0, 0].set_ylabel("loss, mean of 20 steps", fontsize=6)
    figure.tight_layout(pad=0.4)
    _save(figure, out / f"{workload}-losses.png")


def draw_mixture(workload: str, methods: Sequence[str], results: Path, out: Path) -> None:
    """Draw what each method's generator makes of a mixture."""
    plt = _pyplot()
    figure, axes = plt.subplots(1, len(methods), figsize=(1.6 * len(methods), 1.95), squeeze=False)
    for axis, method in zip(axes[0], methods, strict=True):
        problem, answer = solve(workload, method)
        assert isinstance(problem, Mixture)
        _compare(results, workload, method, SUITE.metrics[0].evaluate(problem, answer))  # type: ignore[misc]
        modes, share = (SUITE.metric(name).evaluate(problem, answer) for name in ("modes-covered", "high-quality-share"))  # type: ignore[misc]
        axis.scatter(*answer.samples[:1000].T, s=0.6, lw=0, alpha=0.6)
        axis.scatter(*problem.centres.T, s=18, marker="x", c="black", lw=0.5)
        axis.set_title(f"{LABELS[method]}\n{modes:.0f} modes, {share:.2f} good", fontsize=6)
        reach = 1.3 * np.abs(problem.centres).max()
        axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xticks=[], yticks=[])
    figure.tight_layout(pad=0.3)
    _save(figure, out / f"{workload}.png")


def draw_games(out: Path) -> None:
    """Draw the distance to the equilibrium of the bilinear game along each method's path."""
    plt = _pyplot()
    linear = ("gda-0.1", "gda-alternating-0.5", "momentum-0.9-simultaneous-0.5", "momentum-0.5-alternating-0.5")
    linear = (*linear, "ogda-0.5", "extragradient-0.5", "consensus-1-0.5")
    figure, axes = plt.subplots(1, 2, figsize=(7.4, 2.6))
    groups = (
        (linear, 200),
        (("game-adam", "game-adam-nm", "game-adam-nm-alternating", "game-oadam", "game-oadam-beta1-0"), 2000),
    )
    for axis, (methods, n_steps) in zip(axes, groups, strict=True):
        for method in methods:
            _, answer = solve("bilinear", method)
            axis.semilogy(np.linalg.norm(answer.points, axis=1)[:n_steps], lw=0.9, label=method)
        axis.set_xlabel("iterations", fontsize=7)
        axis.set_ylim(1e-8, 1e6)
        axis.tick_params(labelsize=6)
        axis.legend(fontsize=5, frameon=False, loc="upper left", ncols=2)
    axes[0].set_ylabel("distance to the equilibrium", fontsize=7)
    figure.tight_layout(pad=0.4)
    _save(figure, out / "bilinear.png")


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the chosen figures, all by default."""
    figures: dict[str, Callable[[Path, Path], None]] = {
        "bilinear": lambda results, out: draw_games(out),
        "digits-gan": lambda results, out: draw_pictures("digits-gan", (*TABLE_1, "consensus-0.01", "real-images"), results, out),
        "ring-small": lambda results, out: draw_mixture("ring-small", RING, results, out),
        "mnist14-gan": lambda results, out: draw_pictures("mnist14-gan", (*TABLE_1, "real-images"), results, out),
        "mnist14-dcgan": lambda results, out: draw_pictures("mnist14-dcgan", (*TABLE_1, "consensus-0.01"), results, out),
        "mnist14-wgan": lambda results, out: draw_pictures("mnist14-wgan", ("adam", "sgd"), results, out),
        "mnist14-wgan-gp": lambda results, out: draw_pictures("mnist14-wgan-gp", ("adam",), results, out),
    }
    import torch

    parser = argparse.ArgumentParser(prog="python -m suites.gans.figures", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="figure", help=f"of {', '.join(figures)}")
    parser.add_argument("--results", type=Path, default=Path("results"), help="records to check the drawn cells against")
    parser.add_argument("--out", type=Path, default=HERE, help="where to write")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(figures))
    if unknown:
        parser.error(f"no figure is called {', '.join(unknown)}")
    chosen.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # as a recorded cell
    for name in chosen.names or figures:
        figures[name](chosen.results, chosen.out)


def _compare(results: Path, workload: str, method: str, gap: float) -> None:
    recorded = recorded_gap(results, workload, method)
    state = "no record" if recorded is None else "as recorded" if recorded == gap else f"RECORD DIFFERS: {recorded:.4f}"
    print(f"{workload} {method}: gap {gap:.4f}, {state}")


def _smoothed(losses: np.ndarray, width: int = 20) -> np.ndarray:
    return np.convolve(losses, np.full(width, 1 / width), mode="valid")


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
