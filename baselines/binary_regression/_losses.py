"""The losses f(w) of a linear regression with their gradients, curvature and a start without constraints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from optathlon.baselines.binary_regression._checks import LOSSES, check_choice, check_positive

Array = NDArray[np.float64]

_HUBER_WIDTH = 1.345  # in standard deviations: 95 % efficiency under Gaussian noise (Huber 1964)
_WIDTH = {"huber": _HUBER_WIDTH, "l1": 0.5}  # the l1 one small beside the noise, yet large enough for useful step sizes
# Widths of the Huber fits, in standard deviations, that lead from least squares to a fit that outliers do not bend: narrow ones,
# which forget them, then that of full efficiency.
_ROBUST_WIDTHS = (0.3,) * 8 + (_HUBER_WIDTH,) * 4
_POWER_STEPS = 30


class Loss(NamedTuple):
    """A convex loss of the weights.

    Attributes
    ----------
    value : callable
        ``value(w)``, shape (...).
    gradient : callable
        ``gradient(w)`` for w of shape (..., n_features).
    hessian : callable
        ``hessian(w)``, shape (..., n_features, n_features).
    curvature : ndarray, shape (..., 1)
        Largest eigenvalue of the Hessian (1 where the loss is constant): gradient steps below its inverse descend.
    shares : ndarray, shape (..., n_features)
        Curvature along each weight, in units of its mean over the weights (1 where the loss is constant).
    start : ndarray, shape (..., n_features)
        Weights without constraints: the minimiser of |Xw - y|_2, or a robust fit for the robust losses.
    """

    value: Callable[[Array], Array]
    gradient: Callable[[Array], Array]
    hessian: Callable[[Array], Array]
    curvature: Array
    shares: Array
    start: Array


def make_loss(name: str, X: Array, y: Array, delta: float | None = None) -> Loss:
    """Return f(w) = |Xw - y|_2^2 (``"l2"``, eq. 7), its Huber form (``"huber"``, eq. 9, 10), or a smoothed |Xw - y|_1 (``"l1"``).

    The l1 loss is smoothed as sum_i huber_delta(r_i) / delta, whose limit for delta -> 0 is |r|_1. Without `delta`, the width
    follows the noise: a multiple of the scale of a robust fit's residuals, so that a change of units changes nothing.
    """
    check_choice("loss", name, LOSSES)
    if delta is not None:
        check_positive("delta", delta)
    transposed = np.swapaxes(X, -1, -2)
    gram, moments = transposed @ X, times(transposed, y)
    start = solve_normal_equations(X, y, gram, moments)
    norm = largest_eigenvalue(gram)
    shares = relative_curvature(np.diagonal(gram, axis1=-2, axis2=-1))
    if name == "l2":
        curvature = np.where(norm > 0, 2 * norm, 1.0)
        return Loss(
            lambda w: np.sum((times(X, w) - y) ** 2, axis=-1),
            lambda w: 2 * (times(gram, w) - moments),
            lambda w: 2 * gram,
            curvature,
            shares,
            start,
        )
    start = _robust_fit(X, y, start, norm)
    # In the box, where the sought weights are, even a fit that interpolates leaves residuals.
    width = np.full((*y.shape[:-1], 1), float(delta)) if delta else _WIDTH[name] * _scale(X, y, np.clip(start, -1, 1))
    unit, clip = (width, np.ones_like(width)) if name == "l1" else (np.ones_like(width), width)

    def value(w: Array) -> Array:
        size = np.abs(times(X, w) - y) / unit
        return unit[..., 0] ** (name == "l1") * np.sum(np.where(size <= clip, size**2 / 2, clip * (size - clip / 2)), axis=-1)

    def gradient(w: Array) -> Array:
        return times(transposed, np.clip((times(X, w) - y) / unit, -clip, clip))

    def hessian(w: Array) -> Array:
        inside = np.abs(times(X, w) - y) <= clip * unit
        return transposed @ (inside[..., None] * X) / unit[..., None]

    return Loss(value, gradient, hessian, np.where(norm > 0, norm / unit, 1.0), shares, start)


def times(matrix: Array, vector: Array) -> Array:
    """Multiply a stack of matrices by a stack of vectors."""
    return (matrix @ vector[..., None])[..., 0]


def solve_normal_equations(X: Array, y: Array, gram: Array, moments: Array) -> Array:
    """Return the minimiser of |Xw - y|_2, of least norm where there are several."""
    try:
        factor = scipy.linalg.cholesky(gram, lower=True, check_finite=False)
        pivots = np.diagonal(factor, axis1=-2, axis2=-1)
        accurate = bool(np.all(pivots.min(axis=-1) > 1e-5 * pivots.max(axis=-1)))
    except np.linalg.LinAlgError:
        factor, accurate = gram, False
    if not accurate:  # X'X keeps too few digits of X
        return times(np.asarray(np.linalg.pinv(X), dtype=np.float64), y)
    return scipy.linalg.cho_solve((factor, True), moments[..., None], check_finite=False)[..., 0]


def relative_curvature(squares: Array) -> Array:
    """Return the squared lengths of the columns of X in units of their mean, 1 where there is none."""
    mean = squares.mean(axis=-1, keepdims=True)
    return np.where(mean > 0, squares / np.where(mean > 0, mean, 1.0), 1.0)


def largest_eigenvalue(gram: NDArray[Any]) -> Array:
    """Estimate the largest eigenvalue by the power method, from below, as an array of shape (..., 1)."""
    v = np.broadcast_to(np.random.default_rng(0).standard_normal(gram.shape[-1]).astype(gram.dtype), gram.shape[:-1])
    norm = np.zeros((*gram.shape[:-2], 1))
    for _ in range(_POWER_STEPS):
        norm = np.linalg.norm(v, axis=-1, keepdims=True)
        v = times(gram, v / np.where(norm > 0, norm, 1.0))
    return np.linalg.norm(v, axis=-1, keepdims=True)


def _robust_fit(X: Array, y: Array, w: Array, norm: Array) -> Array:
    """Fit with Huber's loss and a scale that follows the residuals, by iteratively reweighted least squares."""
    transposed = np.swapaxes(X, -1, -2)
    ridge = 1e-10 * np.where(norm > 0, norm, 1.0)[..., None] * np.eye(X.shape[-1])
    for width in _ROBUST_WIDTHS:
        bend = width * _scale(X, y, w)
        weights = bend / np.maximum(np.abs(times(X, w) - y), bend)
        normal = transposed @ (weights[..., None] * X) + ridge
        w = np.asarray(np.linalg.solve(normal, times(transposed, weights * y)[..., None])[..., 0], dtype=np.float64)
    return w


def _scale(X: Array, y: Array, w: Array) -> Array:
    """Estimate the standard deviation of the noise from the residuals, as an array of shape (..., 1)."""
    n_samples, n_features = X.shape[-2:]
    # The fit takes n_features of the n_samples degrees of freedom; 1.4826 makes the median a standard deviation.
    freedom = np.sqrt(max(1 - n_features / n_samples, 1 / n_samples))
    scale = 1.4826 * np.median(np.abs(times(X, w) - y), axis=-1, keepdims=True) / freedom
    magnitude = np.abs(y).max(axis=-1, keepdims=True)
    return np.maximum(scale, np.where(magnitude > 0, 1e-3 * magnitude, 1.0))
