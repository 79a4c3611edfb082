"""Box relaxation (LPR): regression with weights in [-1, 1], then rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_count, check_positive, check_regression
from optathlon.baselines.binary_regression._convex import (
    accelerated_gradient,
    active_set_newton,
    box_gap,
    least_deviations,
)
from optathlon.baselines.binary_regression._losses import Loss, make_loss, solve_normal_equations, times
from optathlon.baselines.binary_regression.least_squares import sign

Array = NDArray[np.float64]

_SMALL_OBJECTIVE = 1e-3  # of f(0): gaps are not measured against less, which rounding would blur
_LEAST_MOVE = 1e-6


@dataclass(frozen=True)
class BoxResult:
    """Answer of `box_relaxation`.

    Attributes
    ----------
    w : ndarray, shape (..., n_features)
        Weights in {-1, +1}: the signs of `relaxed`.
    relaxed : ndarray, shape (..., n_features)
        Weights in [-1, 1].
    objective, bound : ndarray, shape (...)
        f(relaxed), and a lower bound of f over the box, hence over signs.
    gap : ndarray, shape (...)
        (objective - bound) / max(objective, f(0) / 1000).
    converged : ndarray of bool, shape (...)
        Whether `gap` is within the tolerance asked for.
    """

    w: Array
    relaxed: Array
    objective: Array
    bound: Array
    gap: Array
    converged: NDArray[np.bool_]


def box_relaxation(
    X: ArrayLike,
    y: ArrayLike,
    *,
    loss: str = "l2",
    delta: float | None = None,
    n_steps: int = 5000,
    tol: float = 1e-8,
    callback: Callable[[int, NDArray[np.float64]], object] | None = None,
) -> BoxResult:
    """Round the weights of regression in the box: sign(argmin f(w), -1 <= w_i <= 1).

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    y : array_like, shape (..., n_samples)
        Targets.
    loss : {"l2", "l1", "huber"}
        Loss f of the residuals; ``"l1"`` is a linear program, solved to HiGHS's tolerance of 1e-7 in units of mean |X|.
    delta : float, optional
        Width of the quadratic part of the Huber loss, in units of y; follows the noise by default.
    n_steps : int
        Limit on the accelerated projected-gradient steps.
    tol : float
        Relative gap that counts as converged. Newton steps go on where the gradient steps end above it.
    callback : callable, optional
        ``callback(step, w)`` with the weights in the box after each step, the method's own array, only to be read; the linear
        program has none.

    Returns
    -------
    BoxResult
        Signs, the weights behind them, and how far these are from the optimum.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range.

    References
    ----------
    Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression, Section V (LPR).
    """
    features, target = check_regression(X, y, stacked=True)
    check_count("n_steps", n_steps)
    check_positive("tol", tol)
    if loss == "l1":
        w, v = least_deviations(features, target, bound=1.0)
        objective = np.abs(times(features, w) - target).sum(axis=-1)
        bound = (v * target).sum(axis=-1) - np.abs(times(np.swapaxes(features, -1, -2), v)).sum(axis=-1)
        return _result(w, objective, bound, np.abs(target).sum(axis=-1), tol)
    f = make_loss(loss, features, target, delta)
    w = accelerated_gradient(f, 1.0, n_steps, _LEAST_MOVE, callback)
    at_zero, gradient = f.value(np.zeros_like(w)), _accurate_gradient(f, loss, features, target, w)
    allowed = 0.5 * tol * np.maximum(f.value(w), _SMALL_OBJECTIVE * at_zero)
    for index in np.argwhere(box_gap(w, gradient) > allowed):
        place = tuple(index)
        X_own, y_own = features[place], target[place]
        own = f if features.ndim == 2 else make_loss(loss, X_own, y_own, delta)
        w[place] = _polished(own, loss, X_own, y_own, w[place], float(allowed[place]), n_steps)
    objective = f.value(w)
    return _result(w, objective, objective - box_gap(w, _accurate_gradient(f, loss, features, target, w)), at_zero, tol)


def _result(w: Array, objective: Array, bound: Array, at_zero: Array, tol: float) -> BoxResult:
    reference = np.maximum(objective, _SMALL_OBJECTIVE * at_zero)
    gap = np.asarray((objective - bound) / np.where(reference > 0, reference, 1.0))
    return BoxResult(sign(w), w, np.asarray(objective), np.asarray(bound), gap, np.abs(gap) <= tol)


def _accurate_gradient(f: Loss, loss: str, X: Array, y: Array, w: Array) -> Array:
    """Return the gradient, for least squares from the residual: X'X has lost half the digits of X."""
    return 2 * times(np.swapaxes(X, -1, -2), times(X, w) - y) if loss == "l2" else f.gradient(w)


def _polished(f: Loss, loss: str, X: Array, y: Array, w: Array, allowed: float, n_steps: int) -> Array:
    """Continue one problem by Newton steps."""

    def newton_step(w: Array, gradient: Array, free: NDArray[np.bool_]) -> Array:
        if loss == "l2":
            part, residual = np.ascontiguousarray(X[:, free]), y - X @ w
            return solve_normal_equations(part, residual, part.T @ part, part.T @ residual)
        hessian = f.hessian(w)[np.ix_(free, free)]
        return np.linalg.solve(hessian + 1e-12 * f.curvature[0] * np.eye(len(hessian)), -gradient[free])

    def gradient(w: Array) -> Array:
        return _accurate_gradient(f, loss, X, y, w)

    return active_set_newton(w, lambda w: float(f.value(w)), gradient, newton_step, allowed, n_steps)
