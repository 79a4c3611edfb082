"""Logistic regression with weights in {-1, +1} (the paper's section VI): box relaxation, MAXIMIN and exact search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from optathlon.baselines.binary_regression._checks import check_count, check_positive, check_regression
from optathlon.baselines.binary_regression._losses import largest_eigenvalue, times
from optathlon.baselines.binary_regression.conditions import Condition, general_condition
from optathlon.baselines.binary_regression.least_squares import sign

Array = NDArray[np.float64]

_STABLE = 0.9  # of the inverse curvature of the Lagrangian: no step of w is longer
_NEAR = 1e-3
_ENUMERABLE = 20  # features whose sign vectors may be listed


@dataclass(frozen=True)
class LogisticResult:
    """Answer of the methods of this module.

    Attributes
    ----------
    w : ndarray, shape (..., n_features)
        Weights in {-1, +1}.
    relaxed : ndarray, shape (..., n_features)
        The real-valued weights behind them.
    objective : ndarray, shape (...)
        The loss of `w`.
    bound : ndarray, shape (...)
        Proved lower bound of the loss over the box [-1, 1], and so over signs; -infinity where the method gives none.
    converged : ndarray of bool, shape (...)
        Whether `relaxed` is the optimum in the box to the tolerance, a local maximin point to 1e-3, or the search complete.
    z : ndarray, shape (..., n_features), or None
        Multipliers of `logistic_maximin`.
    """

    w: Array
    relaxed: Array
    objective: Array
    bound: Array
    converged: NDArray[np.bool_]
    z: Array | None = None

    @property
    def gap(self) -> Array:
        """Proved relative gap (objective - bound) / objective, shape (...); 0 where the objective is 0."""
        return (self.objective - self.bound) / np.where(self.objective > 0, self.objective, 1.0)


def logistic_loss(X: ArrayLike, labels: ArrayLike, w: ArrayLike) -> Array:
    """Return ``sum_i log(1 + exp(-labels_i x_i'w))``, shape (...).

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    labels : array_like, shape (..., n_samples)
        -1 or 1.
    w : array_like, shape (..., n_features)
        Weights.

    Raises
    ------
    ValueError
        When an argument has the wrong shape or dtype, or a label is neither -1 nor 1.
    """
    features, signs = _classes(X, labels)
    return np.asarray(np.logaddexp(0, -signs * times(features, np.asarray(w, dtype=np.float64))).sum(axis=-1))


def logistic_condition(X: ArrayLike, labels: ArrayLike, w: ArrayLike) -> Condition:
    """Condition (6) for the logistic loss at the signs w: |grad f(w)|_inf < lambda_min(Hess f(w)).

    Then (w, z*) with z* of :func:`saddle_multipliers` is a local maximin point (Proposition A.3). The loss is not sub-quadratic,
    so that Theorem II.3 does not follow: other signs may be one too, and p* = d* is false where a multiplier is negative, for
    the loss grows linearly and d* is the optimum over the box.

    Parameters
    ----------
    X : array_like, shape (n_samples, n_features)
        Features.
    labels : array_like, shape (n_samples,)
        -1 or 1.
    w : array_like, shape (n_features,)
        Signs.

    Raises
    ------
    ValueError
        When an argument has the wrong shape or dtype, or a label is neither -1 nor 1.
    """
    features, signs = _classes(X, labels)
    weights = np.asarray(w, dtype=np.float64)
    gradient, curvatures = _slopes(features, signs, weights)
    return general_condition(gradient, (features * curvatures[:, None]).T @ features)


def logistic_box(
    X: ArrayLike, labels: ArrayLike, *, half_width: float = 1.0, max_steps: int = 500, tol: float = 1e-6
) -> LogisticResult:
    """Minimise the logistic loss over ``|w_i| <= half_width`` and round; a large width is plain logistic regression.

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    labels : array_like, shape (..., n_samples)
        -1 or 1.
    half_width : float
        Half the width of the box, at least 1.
    max_steps : int
        Steps of projected L-BFGS at most.
    tol : float
        Relative gap at which the optimum in the box counts as reached.

    Returns
    -------
    LogisticResult
        Its bound is ``f(w) + min_v grad f(w)'(v - w)`` over the box, by convexity: a lower bound of p*, and d* where `converged`.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range, or a label is neither -1 nor 1.
    """
    from scipy.optimize import Bounds, minimize

    features, signs = _classes(X, labels)
    check_positive("half_width", half_width)
    check_count("max_steps", max_steps)
    check_positive("tol", tol)
    if half_width < 1:
        raise ValueError(f"half_width must be at least 1, so that the box holds the signs, got {half_width}")
    shape = (*signs.shape[:-1], features.shape[-1])
    relaxed, values, bounds = np.empty(shape), np.empty(shape[:-1]), np.empty(shape[:-1])
    for index in np.ndindex(shape[:-1]):
        A, s = features[index], signs[index]

        def objective(w: Array, A: Array = A, s: Array = s) -> tuple[float, Array]:
            return float(np.logaddexp(0, -s * (A @ w)).sum()), _slopes(A, s, w)[0]

        options = {"maxiter": max_steps, "ftol": 1e-16, "gtol": 1e-10}
        found = minimize(
            objective, np.zeros(shape[-1]), jac=True, method="L-BFGS-B", bounds=Bounds(-half_width, half_width), options=options
        )
        value, gradient = objective(found.x)
        relaxed[index], values[index] = found.x, value
        bounds[index] = value - float(gradient @ found.x) - half_width * float(np.abs(gradient).sum())
    answer = sign(relaxed)
    return LogisticResult(
        answer, relaxed, logistic_loss(features, signs, answer), bounds, np.asarray(values - bounds <= tol * values)
    )


def logistic_maximin(
    X: ArrayLike,
    labels: ArrayLike,
    *,
    n_steps: int = 1000,
    step_w: float = 0.5,
    step_z: float = 0.02,
    callback: Callable[[int, Array], object] | None = None,
) -> LogisticResult:
    """Seek max_z min_w f(w) + sum_i z_i (w_i^2 - 1) for the logistic loss f by alternating descent-ascent from zero.

    The mean of the last half of the iterates is rounded, as by :func:`maximin`.

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    labels : array_like, shape (..., n_samples)
        -1 or 1.
    n_steps : int
        Number of steps.
    step_w, step_z : float
        Step sizes of w and z in units of 1/L and L, L the largest eigenvalue of ``X'X / 4``, above that of any Hessian.
    callback : callable, optional
        ``callback(step, w)`` with the real-valued weights after each step, the method's own array, only to be read.

    Returns
    -------
    LogisticResult
        Signs, the last iterate and multipliers; without a bound.

    Raises
    ------
    ValueError
        When an argument has the wrong shape, dtype or range, or a label is neither -1 nor 1.

    References
    ----------
    Chiprut, Globerson, Wiesel, Maximin Optimization for Binary Regression, eq. 2-4, and Section VI ("logistic regression").
    """
    features, signs = _classes(X, labels)
    check_count("n_steps", n_steps)
    check_positive("step_w", step_w)
    check_positive("step_z", step_z)
    largest = largest_eigenvalue(np.swapaxes(features, -1, -2) @ features) / 4
    L = np.where(largest > 0, largest, 1.0)
    w = np.zeros((*signs.shape[:-1], features.shape[-1]))
    z, total, n_averaged = np.zeros_like(w), np.zeros_like(w), n_steps - n_steps // 2
    for step in range(1, n_steps + 1):
        longest = np.minimum(step_w / L, _STABLE / (L + 2 * z.max(axis=-1, keepdims=True).clip(0)))
        w = w - longest * (_slopes(features, signs, w)[0] + 2 * z * w)
        z = z + step_z * L * (w**2 - 1)
        if step > n_steps - n_averaged:
            total += w
        if callback is not None:
            callback(step, w)
    answer = sign(total / n_averaged)
    converged = _at_maximin(features, signs, w, z, L)
    nothing = np.full(signs.shape[:-1], -np.inf)
    return LogisticResult(answer, w, logistic_loss(features, signs, answer), nothing, converged, z)


def logistic_exact(X: ArrayLike, labels: ArrayLike) -> LogisticResult:
    """List all signs, of at most 20 features.

    Parameters
    ----------
    X : array_like, shape (..., n_samples, n_features)
        Features. Leading axes number independent problems.
    labels : array_like, shape (..., n_samples)
        -1 or 1.

    Raises
    ------
    ValueError
        When an argument has the wrong shape or dtype, a label is neither -1 nor 1, or there are too many features.
    """
    features, signs = _classes(X, labels)
    n = features.shape[-1]
    if n > _ENUMERABLE:
        raise ValueError(f"X must have at most {_ENUMERABLE} features to list all signs, got {n}")
    every = np.array(list(product((-1.0, 1.0), repeat=n)))
    w, best = np.empty((*signs.shape[:-1], n)), np.empty(signs.shape[:-1])
    for index in np.ndindex(best.shape):
        losses = np.concatenate(
            [
                np.logaddexp(0, -signs[index][:, None] * (features[index] @ part.T)).sum(axis=0)
                for part in np.array_split(every, 64)
            ]
        )
        w[index], best[index] = every[np.argmin(losses)], losses.min()
    return LogisticResult(w, w, best, best, np.ones(best.shape, dtype=np.bool_))


def _at_maximin(X: Array, labels: Array, w: Array, z: Array, L: Array) -> NDArray[np.bool_]:
    """Tell whether (w, z) is near signs at which the Lagrangian is stationary and its Hessian positive semidefinite."""
    near = (np.abs(w - sign(w)) <= _NEAR) & (np.abs(_slopes(X, labels, w)[0] + 2 * z * w) <= _NEAR * L)
    converged = np.asarray(near.all(axis=-1))
    for index in np.argwhere(converged):
        place = tuple(index)
        curvatures = _slopes(X[place], labels[place], w[place])[1]
        hessian = (X[place] * curvatures[:, None]).T @ X[place] + 2 * np.diag(z[place])
        converged[place] = np.linalg.eigvalsh(hessian)[0] >= 0
    return converged


def _slopes(X: Array, labels: Array, w: Array) -> tuple[Array, Array]:
    """Return the gradient of the loss, and the second derivative of each sample's."""
    margins = labels * times(X, w)
    share = np.exp(-np.logaddexp(0, margins))  # 1 / (1 + exp(margin))
    return -times(np.swapaxes(X, -1, -2), labels * share), share * (1 - share)


def _classes(X: ArrayLike, labels: ArrayLike) -> tuple[Array, Array]:
    features, signs = check_regression(X, labels, stacked=True, names=("X", "labels"))
    if not np.isin(signs, (-1.0, 1.0)).all():
        raise ValueError(f"labels must be -1 or 1, got {np.unique(signs)[:5]}")
    return features, signs
