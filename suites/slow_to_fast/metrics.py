"""How an answer is scored, and what is shown of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from optathlon.baselines.slow_to_fast import Training, condition_probability, geometric_condition, projected_condition_share
from optathlon.spec import Metric
from optathlon.suites.slow_to_fast.methods import Answers, Trained
from optathlon.suites.slow_to_fast.problem import Vectors

NOT_HERE = float("nan")
_WINDOW = 50  # steps over which a batch loss is averaged


def _of_training(score: Callable[[Training], float]) -> Callable[[Any, Any], float]:
    return lambda problem, answer: float(score(answer)) if isinstance(answer, Training) else NOT_HERE


def _audited(score: Callable[[Training], float]) -> Callable[[Any, Any], float]:
    return _of_training(lambda answer: NOT_HERE if answer.audit is None else score(answer))


def _condition_at_start(training: Training) -> float:
    return NOT_HERE if training.condition_step is None else float((training.condition_step == 0).mean())


def _condition_lost(training: Training) -> float:
    """Share of the runs that had the condition and lost it again."""
    if training.condition_step is None or training.slow_steps is None:
        return NOT_HERE
    return float(((training.condition_step >= 0) & (training.slow_steps > training.condition_step)).mean())


def _slow_share(training: Training) -> float:
    """Share of all steps that were made without the condition."""
    return NOT_HERE if training.slow_steps is None else float(training.slow_steps.sum() / max(training.steps.sum(), 1))


def condition_share_error(problem: Any, answer: Any) -> float:
    """Return the share of the sets with the condition minus Remark 2.1's probability."""
    if not isinstance(problem, Vectors) or problem.patterns or not isinstance(answer, Answers):
        return NOT_HERE
    return float(answer.holds.mean() - condition_probability(*problem.sets.shape[1:]))


def disagreement(problem: Any, answer: Any) -> float:
    """Return the share of the sets of which the statement says another thing than Qhull's facets, the quickest of them."""
    if not isinstance(problem, Vectors) or problem.patterns or not isinstance(answer, Answers):
        return NOT_HERE
    return float(np.mean(answer.holds != [geometric_condition(W, statement="facets") for W in problem.sets]))


def pattern_count_error(problem: Any, answer: Any) -> float:
    """Return the counted patterns minus 2 sum_{j >= d} binom(k - 1, j)."""
    if not isinstance(problem, Vectors) or not problem.patterns or not isinstance(answer, Answers):
        return NOT_HERE
    _, k, d = problem.sets.shape
    return float(answer.count - 2 * sum(math.comb(k - 1, j) for j in range(d, k)))


def final_loss(problem: Any, answer: Any) -> float:
    """Return the mean loss of the last batches."""
    return float(answer.losses[-_WINDOW:].mean()) if isinstance(answer, Trained) else NOT_HERE


def plateau_steps(problem: Any, answer: Any) -> float:
    """Return the first step at which the loss, averaged over 50 steps, is below three quarters of the first."""
    if not isinstance(answer, Trained):
        return NOT_HERE
    below = np.flatnonzero(_smooth(answer.losses) < 0.75 * answer.losses[0])
    return float(below[0]) if len(below) else float(len(answer.losses))


def acceleration(problem: Any, answer: Any) -> float:
    """Return the steepest fall of the averaged loss over 50 steps, over its fall in the first 50."""
    if not isinstance(answer, Trained):
        return NOT_HERE
    smooth = _smooth(answer.losses)
    falls = smooth[:-_WINDOW] - smooth[_WINDOW:]
    return float(falls.max() / max(falls[0], 1e-12))


def _projected(layer: int) -> Callable[[Any, Any], float]:
    def share(problem: Any, answer: Any) -> float:
        if not isinstance(answer, Trained):
            return NOT_HERE
        from torch import nn

        layers = [part for part in answer.model.modules() if isinstance(part, nn.Linear)]
        return projected_condition_share(layers[layer].weight.detach().cpu().numpy(), rng=0)

    return share


def _smooth(losses: np.ndarray) -> np.ndarray:
    return np.convolve(losses, np.ones(_WINDOW) / _WINDOW, mode="valid")


def exhibit(problem: Any, answer: Any) -> Mapping[str, str | Sequence[float]]:
    """Show each run's steps and largest norm, or the loss of every batch."""
    if isinstance(answer, Training):
        return {"steps": answer.steps.tolist(), "largest-norms": np.round(answer.largest_norm, 4).tolist()}
    return {"losses": np.round(answer.losses, 5).tolist()} if isinstance(answer, Trained) else {}


METRICS = (
    Metric(name="steps", unit="steps", better="lower", evaluate=_of_training(lambda answer: answer.steps.mean())),
    Metric(name="disagreement", unit="fraction", better="lower", evaluate=disagreement),
    Metric(name="pattern-count-error", unit="patterns", better="lower", evaluate=pattern_count_error),
    Metric(name="final-loss", unit="nats", better="lower", evaluate=final_loss),
    Metric(name="median-steps", unit="steps", better="lower", evaluate=_of_training(lambda answer: np.median(answer.steps))),
    Metric(name="converged", unit="fraction", better="higher", evaluate=_of_training(lambda answer: answer.converged.mean())),
    Metric(name="largest-norm", unit="norm", better="lower", evaluate=_of_training(lambda answer: answer.largest_norm.max())),
    Metric(
        name="largest-increase",
        unit="loss",
        better="lower",
        evaluate=_of_training(lambda answer: max(answer.largest_increase.max(), 0.0)),
    ),
    Metric(name="condition-at-start", unit="fraction", better="higher", evaluate=_of_training(_condition_at_start)),
    Metric(name="condition-lost", unit="fraction", better="lower", evaluate=_of_training(_condition_lost)),
    Metric(name="slow-share", unit="share of the steps", better="lower", evaluate=_of_training(_slow_share)),
    Metric(
        name="positive-shrinkage",
        unit="norm",
        better="lower",
        evaluate=_audited(lambda answer: max(-answer.audit.positive_growth.min(), 0.0)),  # pyright: ignore[reportOptionalMemberAccess]
    ),
    Metric(
        name="negative-growth",
        unit="norm",
        better="lower",
        evaluate=_audited(lambda answer: max(answer.audit.negative_growth.max(), 0.0)),  # pyright: ignore[reportOptionalMemberAccess]
    ),
    Metric(
        name="fast-phase-losses",
        unit="sum of squares",
        better="lower",
        evaluate=_audited(lambda answer: answer.audit.losses_squared.max()),  # pyright: ignore[reportOptionalMemberAccess]
    ),
    Metric(name="condition-share-error", unit="difference", better="lower", evaluate=condition_share_error),
    Metric(name="plateau-steps", unit="steps", better="lower", evaluate=plateau_steps),
    Metric(name="acceleration", unit="ratio", better="higher", evaluate=acceleration),
    Metric(name="projected-condition-first", unit="fraction", better="higher", evaluate=_projected(0)),
    Metric(name="projected-condition-second", unit="fraction", better="higher", evaluate=_projected(1)),
)
