"""How an answer is scored."""

from __future__ import annotations

from typing import Any

import numpy as np

from optathlon.spec import Metric
from optathlon.suites.convex_networks.problem import Answer, LinearFit, Moments, PlantedNeurons, Problem, VariationFit
from optathlon.suites.convex_networks.variants import Arrangement

NOT_HERE = float("nan")

#: Gaps at which the optimum counts as reached: a planted neuron is found exactly or not at all.
REACHED, FOUND = 1e-2, 1e-12


def objective_gap(problem: Problem, answer: Answer) -> float:
    """Return the objective above the certified optimum, relative to it; below zero where sampled patterns left room."""
    return (problem.objective(answer.layers) - problem.optimum) / problem.scale


def certified_gap(problem: Problem, answer: Answer) -> float:
    """Return the gap that the method itself proves, relative to the objective."""
    objective = problem.objective(answer.layers)
    return (objective - answer.dual_bound) / objective if objective > 0 else NOT_HERE


def reached(problem: Problem, answer: Answer) -> float:
    """Return 1 where the objective is within 1 % of the optimum (planted neurons: where the loss vanishes), else 0."""
    limit = FOUND if isinstance(problem, PlantedNeurons) else REACHED
    return float(objective_gap(problem, answer) <= limit)


def test_error(problem: Any, answer: Answer) -> float:
    """Return the share of wrong signs, or the squared error over the variance of the labels, on the test samples."""
    samples = getattr(problem, "samples", None)
    if samples is None or len(samples.y_test) == 0:
        return NOT_HERE
    outputs = problem.predict(answer.layers, samples.X_test)
    if samples.classes:
        return float(np.mean((outputs >= 0) != (samples.y_test > 0)))
    return float(np.mean((outputs - samples.y_test) ** 2) / samples.y_test.var())


def neurons(problem: Any, answer: Answer) -> float:
    """Return how many neurons of the first hidden layer the network has."""
    if isinstance(problem, Moments | LinearFit | Arrangement) or not answer.layers:
        return NOT_HERE
    first = answer.layers[0]
    return float(first.shape[-1] if isinstance(first, np.ndarray) and first.ndim == 2 else sum(W.shape[-1] for W in first))


def rank(problem: Any, answer: Answer) -> float:
    """Return the rank of a linear network: singular values above a thousandth of the largest."""
    if not isinstance(problem, LinearFit):
        return NOT_HERE
    product = problem.predict(answer.layers, np.eye(problem.samples.X.shape[1]))
    return float(np.linalg.matrix_rank(product, tol=1e-3 * max(float(np.linalg.norm(product, 2)), 1e-12)))


def norm_spread(problem: Any, answer: Answer) -> float:
    """Return (largest - smallest) / largest of the Frobenius norms of a linear network's layers."""
    if not isinstance(problem, LinearFit):
        return NOT_HERE
    norms = [float(np.linalg.norm(W)) for W in answer.layers]
    return (max(norms) - min(norms)) / max(norms) if max(norms) > 1e-9 else NOT_HERE


def gap_slope(problem: Any, answer: Answer) -> float:
    """Return the slope of log(least Frank-Wolfe gap so far) in log(t) from step 20 on."""
    if answer.gaps is None or len(answer.gaps) < 40:
        return NOT_HERE
    t = np.arange(1, len(answer.gaps) + 1)
    least = np.minimum.accumulate(answer.gaps)
    return float(np.polyfit(np.log(t[19:]), np.log(np.maximum(least[19:], 1e-300)), 1)[0])


def loss_to_bound(problem: Any, answer: Answer) -> float:
    """Return the loss over ``4 R^2 delta^2 / (T + 1)``, R the longest output of a unit neuron that was taken."""
    if not isinstance(problem, VariationFit) or answer.gaps is None:
        return NOT_HERE
    outputs = np.maximum(problem.A @ answer.layers[0], 0) / np.linalg.norm(answer.layers[0], axis=0)
    bound = 4 * float((outputs**2).sum(axis=0).max()) * problem.delta**2 / (len(answer.gaps) + 1)
    return problem.objective(answer.layers) / bound


def neuron_error(problem: Any, answer: Answer) -> float:
    """Return ``||w - w*|| / ||w*||`` where one neuron was planted."""
    if not isinstance(problem, PlantedNeurons) or problem.planted.shape[1] > 1:
        return NOT_HERE
    return float(np.linalg.norm(answer.layers[0] - problem.planted) / np.linalg.norm(problem.planted))


def moment_excess(problem: Any, answer: Answer) -> float:
    """Return ``||X'X - G'G||_2 / beta``; 1 at the optimum."""
    return problem.excess(answer.layers) if isinstance(problem, Moments) else NOT_HERE


METRICS = (
    Metric(name="objective-gap", unit="1", better="lower", evaluate=objective_gap, tolerance=1e-6),
    Metric(name="certified-gap", unit="1", better="lower", evaluate=certified_gap),
    Metric(name="reached-optimum", unit="fraction", better="higher", evaluate=reached),
    Metric(name="test-error", unit="fraction", better="lower", evaluate=test_error),
    Metric(name="neurons", unit="1", better="lower", evaluate=neurons),
    Metric(name="rank", unit="1", better="lower", evaluate=rank),
    Metric(name="norm-spread", unit="1", better="lower", evaluate=norm_spread),
    Metric(name="gap-slope", unit="1", better="lower", evaluate=gap_slope),
    Metric(name="loss-to-bound", unit="1", better="lower", evaluate=loss_to_bound),
    Metric(name="neuron-error", unit="1", better="lower", evaluate=neuron_error),
    Metric(name="moment-excess", unit="1", better="lower", evaluate=moment_excess),
)
