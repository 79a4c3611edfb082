"""How an answer is scored."""

from __future__ import annotations

from typing import Any

import numpy as np

from optathlon.spec import Metric
from optathlon.suites.coarse_gradients.methods import Descent
from optathlon.suites.coarse_gradients.problem import Pictures, Planes, Teacher

NOT_HERE = float("nan")


def steps(problem: Any, answer: Any) -> float:
    """Return the median over the starts of the steps made: those to zero loss, or the most allowed."""
    return float(np.median(answer.runs.n_steps)) if isinstance(answer, Descent) else NOT_HERE


def solved(problem: Any, answer: Any) -> float:
    """Return the share of starts whose every margin is at least 1 at the end; checked anew, without the method's own code."""
    if not isinstance(answer, Descent) or not isinstance(problem, Planes):
        return NOT_HERE
    levels = np.clip(np.ceil(problem.X @ answer.runs.W.transpose(0, 2, 1)), 0, 15)
    outputs = levels @ problem.V.T
    rows = np.arange(len(problem.y))
    margins = outputs[:, rows, problem.y] - outputs[:, rows, 1 - problem.y]
    return float((margins >= 1).all(axis=1).mean())


def norm(problem: Any, answer: Any) -> float:
    """Return the Frobenius norm of the weights at the end: median over the starts, or that of a network's layers together."""
    if isinstance(answer, Descent):
        return float(np.median(np.linalg.norm(answer.runs.W, axis=(1, 2))))
    return float(answer.norms[-1]) if isinstance(problem, Pictures) and hasattr(answer, "norms") else NOT_HERE


def largest_drop(problem: Any, answer: Any) -> float:
    """Return the largest shrinking in one step of a neuron's component in its own class's plane."""
    return answer.largest_drop if isinstance(answer, Descent) else NOT_HERE


def deviation(problem: Any, answer: Any) -> float:
    """Return the largest distance of a coordinate from the closed form, in standard errors of its mean."""
    if not isinstance(problem, Teacher):
        return NOT_HERE
    from optathlon.baselines.coarse_gradients import coarse_gradient

    found, as_printed = answer
    exact = coarse_gradient(problem.w, problem.w_star, problem.v)
    mean, error = (found.as_printed, found.as_printed_error) if as_printed else (found.gradient, found.gradient_error)
    return float((np.abs(mean - exact) / error).max())


def test_error(problem: Any, answer: Any) -> float:
    """Return the share of test pictures that are put in a wrong class."""
    if not isinstance(problem, Pictures):
        return NOT_HERE
    from optathlon.baselines.coarse_gradients import accuracy

    return 1 - accuracy(getattr(answer, "model", answer), problem.X_test, problem.y_test)


def training_loss(problem: Any, answer: Any) -> float:
    """Return the mean cross entropy over the last epoch."""
    return float(answer.losses[-1]) if isinstance(problem, Pictures) and hasattr(answer, "losses") else NOT_HERE


def norm_growth(problem: Any, answer: Any) -> float:
    """Return the last epoch's change of the weights' norm over the first epoch's: 0 where it has saturated."""
    if not isinstance(problem, Pictures) or not hasattr(answer, "norms") or len(answer.norms) < 3:
        return NOT_HERE
    first = answer.norms[1] - answer.norms[0]
    return float((answer.norms[-1] - answer.norms[-2]) / first) if first else NOT_HERE


def norm_drop(problem: Any, answer: Any) -> float:
    """Return the largest fall of the weights' norm from one epoch to the next, over the norm."""
    if not isinstance(problem, Pictures) or not hasattr(answer, "norms"):
        return NOT_HERE
    norms = np.array(answer.norms)
    return float(max(0.0, -(np.diff(norms) / norms[:-1]).min()))


METRICS = (
    Metric(name="steps", unit="steps", better="lower", evaluate=steps),
    Metric(name="test-error", unit="fraction", better="lower", evaluate=test_error),
    Metric(name="deviation", unit="standard errors", better="lower", evaluate=deviation),
    Metric(name="solved", unit="fraction", better="higher", evaluate=solved),
    Metric(name="norm", unit="weights", better="lower", evaluate=norm),
    Metric(name="largest-drop", unit="weights", better="lower", evaluate=largest_drop),
    Metric(name="training-loss", unit="nats", better="lower", evaluate=training_loss),
    Metric(name="norm-growth", unit="ratio", better="lower", evaluate=norm_growth),
    Metric(name="norm-drop", unit="ratio", better="lower", evaluate=norm_drop),
)


def exhibit(problem: Any, answer: Any) -> dict[str, Any]:
    """Return the norms and losses per epoch of a training (Fig. 3.5)."""
    if isinstance(problem, Pictures):
        return {"norms": list(answer.norms), "losses": list(answer.losses)}
    return {}
