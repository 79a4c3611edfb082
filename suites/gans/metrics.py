"""How an answer is scored; a metric that does not apply to a kind of problem gives NaN, which is left out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from optathlon.spec import Metric, NeedsData, RunRecord
from optathlon.suites.gans.problem import Game, Mixture, Path, Pictures, Samples, Spectra, Trials

Problem = Game | Spectra | Mixture | Pictures
MILLIONTH = 1e-6


def gap(problem: Problem, answer: Any) -> float:
    """Return how far from the goal an answer is, 0 when there.

    Games: the last distance to the equilibrium over the first. Statements: the share of counterexamples. Mixtures: one minus
    the share of modes covered times the share of good samples. Pictures: the missing share of the real pictures' Inception
    Score above 1, at least 0.
    """
    if isinstance(answer, Path):
        start, end = np.linalg.norm(answer.points[[0, -1]], axis=1)
        return float(end / start)
    if isinstance(answer, Trials):
        return float(answer.failed.mean())
    if isinstance(problem, Mixture):
        modes, high_quality = _coverage(problem, answer)
        return 1 - modes / len(problem.centres) * high_quality
    assert isinstance(problem, Pictures)
    return max(0.0, 1 - (problem.judge.marks(answer.samples).inception_score - 1) / (problem.judge.real - 1))


def inception(problem: Problem, answer: Any) -> float:
    """Return the Inception Score in the measuring classifier's terms."""
    return problem.judge.marks(answer.samples).inception_score if isinstance(problem, Pictures) else math.nan


def frechet(problem: Problem, answer: Any) -> float:
    """Return the Frechet distance to held-out pictures in the measuring classifier's features."""
    return problem.judge.marks(answer.samples).frechet_distance if isinstance(problem, Pictures) else math.nan


def classes(problem: Problem, answer: Any) -> float:
    """Return the number of classes that are the likeliest for at least one picture in a hundred."""
    return problem.judge.marks(answer.samples).classes_covered if isinstance(problem, Pictures) else math.nan


def accuracy(problem: Problem, answer: Any) -> float:
    """Return the measuring classifier's own accuracy on held-out pictures."""
    return problem.judge.accuracy if isinstance(problem, Pictures) else math.nan


def imagenet(problem: Problem, answer: Any) -> float:
    """Return the Inception Score on ImageNet's classes, where the weights are at hand and pictures are of full size."""
    if not isinstance(problem, Pictures) or answer.samples.shape[-1] < 28:
        return math.nan
    from optathlon.suites.gans.imagenet import imagenet_score

    try:
        return imagenet_score(answer.samples)
    except NeedsData:
        return math.nan


def modes(problem: Problem, answer: Any) -> float:
    """Return the number of modes with at least one sample in a hundred within three standard deviations."""
    return _coverage(problem, answer)[0] if isinstance(problem, Mixture) else math.nan


def high_quality(problem: Problem, answer: Any) -> float:
    """Return the share of samples within three standard deviations of a mode."""
    return _coverage(problem, answer)[1] if isinstance(problem, Mixture) else math.nan


def radius(problem: Problem, answer: Any) -> float:
    """Return the spectral radius of the exact step matrix of a linear method."""
    return answer.radius if isinstance(answer, Path) and answer.radius is not None else math.nan


def steps_to_a_millionth(problem: Problem, answer: Any) -> float:
    """Return the first iteration from which the distance to the equilibrium stays within 1e-6."""
    if not isinstance(answer, Path):
        return math.nan
    outside = np.flatnonzero(np.linalg.norm(answer.points, axis=1) > MILLIONTH)
    first = int(outside[-1]) + 1 if outside.size else 0
    return first if first < len(answer.points) else math.nan


def roughness(problem: Problem, answer: Any) -> float:
    """Return the mean change of the generator's loss from step to step over the second half, relative to its mean size."""
    if not isinstance(answer, Samples) or len(answer.generator_loss) < 4:
        return math.nan
    half = answer.generator_loss[len(answer.generator_loss) // 2 :]
    return float(np.abs(np.diff(half)).mean() / np.abs(half).mean())


def inception_at_half(run: RunRecord) -> float:
    """Return the Inception Score half-way: the second of the three looks at every quarter that the trace holds before the end."""
    looked = len(run.trace) == 4 and run.cell.metrics[0].name == "inception-score"
    return run.trace[1][2] if looked else math.nan


METRICS = (
    Metric(name="gap", unit="fraction", better="lower", evaluate=gap),
    Metric(name="inception-score", unit="classes", better="higher", evaluate=inception),
    Metric(name="frechet-distance", unit="feature units", better="lower", evaluate=frechet),
    Metric(name="classes-covered", unit="classes", better="higher", evaluate=classes),
    Metric(name="modes-covered", unit="modes", better="higher", evaluate=modes),
    Metric(name="high-quality-share", unit="fraction", better="higher", evaluate=high_quality),
    Metric(name="spectral-radius", unit="per iteration", better="lower", evaluate=radius),
    Metric(name="steps-to-1e-6", unit="iterations", better="lower", evaluate=steps_to_a_millionth),
    Metric(name="loss-roughness", unit="fraction", better="lower", evaluate=roughness),
    Metric(name="inception-score-at-half", unit="classes", better="higher", derive=inception_at_half),
    Metric(name="classifier-accuracy", unit="fraction", better="higher", evaluate=accuracy),
    Metric(name="imagenet-inception-score", unit="classes", better="higher", evaluate=imagenet),
)


def _coverage(problem: Mixture, answer: Samples) -> tuple[int, float]:
    from optathlon.baselines.gans.scores import mode_coverage

    return mode_coverage(answer.samples, problem.centres, problem.sd)
