"""How an answer is scored."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from optathlon.spec import Metric
from optathlon.suites.binary_regression.networks import NETWORK_METRICS
from optathlon.suites.binary_regression.problem import Answer, Regressions, Robust, Table, condition_8

NOT_HERE = float("nan")

_BOUNDED_FEATURES = 500  # beyond, and on tables, only methods that prove a bound have their gap scored, for time's sake


def bit_error_rate(problem: Any, answer: Any) -> float:
    """Return the share of wrong signs over all trials (Section V-A)."""
    if not isinstance(problem, Regressions):
        return NOT_HERE
    return float(np.mean((answer.w >= 0) != (problem.w_true >= 0)))


def recovered(problem: Any, answer: Any) -> float:
    """Return the share of trials in which every sign is right."""
    if not isinstance(problem, Regressions):
        return NOT_HERE
    return float(np.mean(((answer.w >= 0) == (problem.w_true >= 0)).all(axis=1)))


def test_nrmse(problem: Any, answer: Any) -> float:
    """Return the mean over splits of |y - Xw| / |y| on the test rows (eq. 15)."""
    if not isinstance(problem, Table):
        return NOT_HERE
    predicted = np.einsum("tij,tj->ti", problem.X_test, _signs(answer))
    ratios = np.linalg.norm(problem.y_test - predicted, axis=1) / np.linalg.norm(problem.y_test, axis=1)
    return float(ratios.mean())


def objective_gap(problem: Any, answer: Any) -> float:
    """Return |Xw - y|^2 / bound - 1 on the first trial; the bound is the semidefinite relaxation's, proved."""
    if not isinstance(problem, Regressions | Table):
        return NOT_HERE
    from optathlon.baselines.binary_regression import semidefinite_relaxation

    if answer.bound is not None:
        bound = float(answer.bound[0])
    elif isinstance(problem, Regressions) and problem.X.shape[2] <= _BOUNDED_FEATURES:
        bound = semidefinite_relaxation(problem.X[0], problem.y[0], rng=0).bound
    else:
        return NOT_HERE
    return float(_objectives(problem, answer)[0]) / bound - 1 if bound > 0 else NOT_HERE


def tightness(problem: Any, answer: Any) -> float:
    """Return the share of trials in which the rounded answer meets the method's own bound within 1e-4: p* = d*."""
    if not isinstance(problem, Regressions) or answer.bound is None:
        return NOT_HERE
    return float(np.mean(_objectives(problem, answer) <= answer.bound * (1 + 1e-4)))


def huber_duality_gap(problem: Any, answer: Any) -> float:
    """Return the mean over trials of (p* - d*) / p* for the Huber loss of Theorem IV.1, p* by listing all signs."""
    if not isinstance(problem, Robust) or answer.huber_bound is None:
        return NOT_HERE
    signs = np.array(list(product((-1.0, 1.0), repeat=problem.X.shape[2])))
    best = np.empty(len(problem.X))
    for trial, (X, y) in enumerate(zip(problem.X, problem.y, strict=True)):
        size = np.abs(signs @ X.T - y)
        linear = problem.delta * (size - problem.delta / 2)
        best[trial] = np.where(size <= problem.delta, size**2 / 2, linear).sum(axis=1).min()
    return float(np.mean((best - answer.huber_bound) / best))


def binary_share(problem: Any, answer: Any) -> float:
    """Return the share of real-valued weights within 0.1 of -1 or +1 at the end (Fig. 4)."""
    if not isinstance(answer, Answer) or answer.relaxed is None:
        return NOT_HERE
    return float(np.mean(np.abs(np.abs(answer.relaxed) - 1) <= 0.1))


def binary_distance(problem: Any, answer: Any) -> float:
    """Return the largest distance of a real-valued weight from -1 or +1 at the end, where condition (8) holds."""
    if not _theorem_applies(problem) or answer.relaxed is None:
        return NOT_HERE
    return float(np.abs(np.abs(answer.relaxed) - 1).max())


def dual_error(problem: Any, answer: Any) -> float:
    """Return the largest |z - diag(w*) X'e|, the saddle point of eq. 2, where condition (8) holds."""
    return _distance_from_dual(problem, answer, +1.0)


def dual_error_as_printed(problem: Any, answer: Any) -> float:
    """Return the largest |z + diag(w*) X'e|, the saddle point as Theorem III.1 prints it, where condition (8) holds."""
    return _distance_from_dual(problem, answer, -1.0)


def _distance_from_dual(problem: Any, answer: Any, sign: float) -> float:
    if not _theorem_applies(problem) or answer.dual is None:
        return NOT_HERE
    noise = problem.y - np.einsum("tij,tj->ti", problem.X, problem.w_true)
    expected = problem.w_true * np.einsum("tij,ti->tj", problem.X, noise)
    return float(np.abs(answer.dual - sign * expected).max())


def _theorem_applies(problem: Any) -> bool:
    if not isinstance(problem, Regressions) or problem.X.shape[2] > _BOUNDED_FEATURES:
        return False
    noise = problem.y - np.einsum("tij,tj->ti", problem.X, problem.w_true)
    return all(condition_8(X, e) for X, e in zip(problem.X, noise, strict=True))


def _signs(answer: Answer) -> np.ndarray:
    return np.where(answer.w >= 0, 1.0, -1.0)


def _objectives(problem: Regressions | Table, answer: Answer) -> np.ndarray:
    return np.sum((np.einsum("tij,tj->ti", problem.X, _signs(answer)) - problem.y) ** 2, axis=1)


REGRESSION_METRICS = (
    Metric(name="bit-error-rate", unit="fraction", better="lower", evaluate=bit_error_rate),
    Metric(name="recovered", unit="fraction", better="higher", evaluate=recovered),
    Metric(name="test-nrmse", unit="ratio", better="lower", evaluate=test_nrmse),
    Metric(name="objective-gap", unit="ratio", better="lower", evaluate=objective_gap),
    Metric(name="tightness", unit="fraction", better="higher", evaluate=tightness),
    Metric(name="huber-duality-gap", unit="ratio", better="lower", evaluate=huber_duality_gap),
    Metric(name="binary-share", unit="fraction", better="higher", evaluate=binary_share),
    Metric(name="binary-distance", unit="weight", better="lower", evaluate=binary_distance),
    Metric(name="dual-error", unit="loss", better="lower", evaluate=dual_error),
    Metric(name="dual-error-as-printed", unit="loss", better="lower", evaluate=dual_error_as_printed),
)

METRICS = (*REGRESSION_METRICS, *NETWORK_METRICS)
