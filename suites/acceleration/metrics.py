"""How an answer is scored: calls to a second-order point by a dense Hessian, what the theorems bound, and steps of training."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from optathlon.baselines.acceleration import Training
from optathlon.spec import Metric
from optathlon.suites.acceleration.methods import Answer
from optathlon.suites.acceleration.problem import Descent, Momentum

NOT_HERE = math.nan
PENALTY = 10  # a run that never holds a second-order point counts as this many budgets
POINTS = 80  # of a trace


@lru_cache(maxsize=4)
def smallest_eigenvalue(descent: Descent, answer: Answer) -> float:
    """Return the smallest eigenvalue of the dense Hessian where the run ended."""
    return descent.problem.smallest_eigenvalue(answer.x)


@lru_cache(maxsize=4)
def calls_reached(descent: Descent, answer: Answer) -> int | None:
    """Return the calls until the method held a second-order point, None where it never did.

    It holds one where it has evaluated a gradient within tol and the dense Hessian is at least -2 sqrt(L2 tol). Of more than 20
    such gradients the first 20 and the last are looked at.
    """
    candidates = answer.small if len(answer.small) <= 20 else [*answer.small[:20], answer.small[-1]]
    for calls, x in candidates:
        if descent.problem.smallest_eigenvalue(x) >= -descent.curvature_tol:
            return calls
    return None


def calls(descent: Descent, answer: Answer) -> float:
    """Return the calls until a second-order point was held; ten budgets where none was."""
    if not isinstance(answer, Answer):
        return NOT_HERE
    found = calls_reached(descent, answer)
    return float(PENALTY * descent.max_calls if found is None else found)


def reached(descent: Descent, answer: Answer) -> float:
    """Return 1 where a second-order point was held, else 0."""
    return NOT_HERE if not isinstance(answer, Answer) else float(calls_reached(descent, answer) is not None)


def total_calls(descent: Descent, answer: Answer) -> float:
    """Return the calls until the method ended by its own test, which may include a test of curvature."""
    return float(answer.calls) if isinstance(answer, Answer) and answer.converged else NOT_HERE


def counted(name: str) -> Callable[[Descent, Answer], float]:
    """Return the metric that reads a count of the answer."""
    return lambda descent, answer: float(getattr(answer, name)) if isinstance(answer, Answer) else NOT_HERE


def product_share(descent: Descent, answer: Answer) -> float:
    """Return Hessian products as a share of all calls."""
    return answer.products / answer.calls if isinstance(answer, Answer) else NOT_HERE


def value_reached(descent: Descent, answer: Answer) -> float:
    """Return f where the run ended."""
    return descent.problem.objective(answer.x) if isinstance(answer, Answer) else NOT_HERE


def gradient_over_tol(descent: Descent, answer: Answer) -> float:
    """Return the norm of the gradient over the tolerance, where the method says it is done (Theorem 2.5)."""
    if not isinstance(answer, Answer) or not answer.converged:
        return NOT_HERE
    return float(np.linalg.norm(descent.problem.gradient(answer.x)) / descent.tol)


def curvature_over_tol(descent: Descent, answer: Answer) -> float:
    """Return the smallest eigenvalue over 2 sqrt(L2 tol), where the method says it is done; -1 is Theorem 2.5's limit."""
    if not isinstance(answer, Answer) or not answer.converged:
        return NOT_HERE
    return smallest_eigenvalue(descent, answer) / descent.curvature_tol


def steps_over_bound(descent: Descent, answer: Answer) -> float:
    """Return the iterations of Algorithm 1 over Lemma 2.3's 1 + 12 L2^2 (f(z_1) - f(z_j)) / alpha^3, alpha = sqrt(L2 tol)."""
    if not _followed(answer) or "proximal steps" in answer.events:
        return NOT_HERE
    alpha, L2 = descent.curvature_tol / 2, descent.problem.L2
    assert L2 is not None
    fall = descent.problem.objective(answer.iterates[0]) - descent.problem.objective(answer.iterates[-1])
    return len(answer.iterates) / (1 + 12 * L2**2 * fall / alpha**3)


def largest_rise(descent: Descent, answer: Answer) -> float:
    """Return the largest rise of f from one iterate of Algorithm 1 to the next; negative where it always falls."""
    if not _followed(answer) or "proximal steps" in answer.events or len(answer.iterates) < 2:
        return NOT_HERE
    return float(np.max(np.diff([descent.problem.objective(z) for z in answer.iterates])))


def progress_over_bound(descent: Descent, answer: Answer) -> float:
    """Return the decrease of f by Algorithm 3 over the bound of eq. 5, gamma = 3 sqrt(L2 tol)."""
    if not _followed(answer) or "proximal steps" not in answer.events or not answer.converged:
        return NOT_HERE
    moved = float(np.linalg.norm(answer.x - descent.x0))
    fall = descent.problem.objective(descent.x0) - descent.problem.objective(answer.x)
    return fall / min(1.5 * descent.curvature_tol * moved**2, descent.tol / math.sqrt(10) * moved)


def steps(problem: Momentum, training: Training) -> float:
    """Return the steps until the residual is 1e-6 times the first; ten budgets where it never is."""
    if not isinstance(training, Training):
        return NOT_HERE
    return float(training.n_steps if training.converged else PENALTY * problem.max_steps)


def bound_ratio(problem: Momentum, training: Training) -> float:
    """Return the largest |xi_t, xi_{t-1}| over the bound of eq. 8 or 10."""
    return training.bound_ratio(problem.kappa) if isinstance(training, Training) else NOT_HERE


def kappa(problem: Momentum, training: Training) -> float:
    """Return the condition number of the theorem."""
    return problem.kappa if isinstance(training, Training) else NOT_HERE


def _followed(answer: Any) -> bool:
    return isinstance(answer, Answer) and len(answer.iterates) > 0


def exhibit(problem: Descent | Momentum, answer: Answer | Training) -> Mapping[str, Sequence[float]]:
    """Return the smallest gradient norm against calls, or the residual against steps, thinned."""
    if isinstance(answer, Training):
        kept = _thinned(len(answer.residuals))
        relative = answer.residuals[kept] / answer.residuals[0]
        return {"step": [float(k) for k in kept], "residual": [float(r) for r in relative]}
    kept = _thinned(len(answer.norms))
    return {
        "calls": [float(answer.norms[k][0]) for k in kept],
        "gradient-norm": [answer.norms[k][1] for k in kept],
        "reached": [float(calls_reached(problem, answer) or 0)] if isinstance(problem, Descent) else [],
    }


def _thinned(n: int) -> np.ndarray:
    """Return at most `POINTS` indices of n, close together at the start, the last among them."""
    return np.unique(np.minimum(n, np.geomspace(1, n, POINTS).round()).astype(int)) - 1 if n else np.zeros(0, dtype=int)


METRICS = (
    Metric(name="calls", unit="calls", better="lower", evaluate=calls),
    Metric(name="steps", unit="steps", better="lower", evaluate=steps),
    Metric(name="reached", unit="fraction", better="higher", evaluate=reached),
    Metric(name="total-calls", unit="calls", better="lower", evaluate=total_calls),
    Metric(name="gradients", unit="calls", better="lower", evaluate=counted("gradients")),
    Metric(name="hessian-products", unit="calls", better="lower", evaluate=counted("products")),
    Metric(name="values", unit="values", better="lower", evaluate=counted("values")),
    Metric(name="product-share", unit="ratio", better="lower", evaluate=product_share),
    Metric(name="objective", unit="f", better="lower", evaluate=value_reached),
    Metric(name="gradient-over-tol", unit="ratio", better="lower", evaluate=gradient_over_tol),
    Metric(name="curvature-over-tol", unit="ratio", better="higher", evaluate=curvature_over_tol),
    Metric(name="steps-over-lemma", unit="ratio", better="lower", evaluate=steps_over_bound),
    Metric(name="largest-rise", unit="f", better="lower", evaluate=largest_rise),
    Metric(name="progress-over-bound", unit="ratio", better="higher", evaluate=progress_over_bound),
    Metric(name="bound-ratio", unit="ratio", better="lower", evaluate=bound_ratio),
    Metric(name="kappa", unit="ratio", better="lower", evaluate=kappa),
)
